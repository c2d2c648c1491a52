# Flow dissectors of net_dissect.bpf.o: how often they run, and whether packets of different flows have one hash.
from trigger import *

OBJ = "net_dissect.bpf.o"
for progs in (), ("netns:hosts",), ("netns:as_without",):
    with Attached(OBJ, "ingress:hash:eth0", *progs) as a:
        for port in 7001, 7002, 7003, 7004:
            ask("udp", FAR[0], port)
    print(*progs, "dissected %d, wrongly %d; hashes alike %d, different %d" % tuple(a.counts.get(i, 0) for i in range(4)))
# There is one for a namespace, and it is shown.
with Attached(OBJ, "netns:hosts") as a:
    print(subprocess.getoutput("%s/attach %s/%s netns:as_without -- true" % (HERE, HERE, OBJ)).split("\n")[-1])
