# Netfilter programs of net_netfilter.bpf.o: which ports can be reached, and what they were shown.
from trigger import *

OBJ = "net_netfilter.bpf.o"
HOOKS = ("pre_routing", "local_in", "forward", "local_out", "post_routing")

def all_hooks(v):
    return ["nf:%s:%d:%d:7" % (h, v, i) for i, h in enumerate(HOOKS)]

def some(counts, *which):
    return " ".join("%d:%s" % (i, "some" if counts.get(i) else "none") for i in which)

for v, ip in (4, FAR[0]), (6, FAR[1]):
    while ask("tcp", ip, 7000) != "fine": # neighbours are known then
        pass
    with Attached(OBJ, *all_hooks(v)) as a:
        for port in 7000, 7001, 7002, 7003, 7004:
            kind = "udp" if v == 4 or port == 7000 else "tcp"
            print("IPv%d %s %d %s" % (v, kind, port, ask(kind, ip, port)))
    print(some(a.counts, 0, 1, 2, 3, 4, 5, 6, 7))
# An answer in fragments: whole at LOCAL_IN and on the way out, and with defragmentation from the beginning.
for flag in "", ":defrag":
    with Attached(OBJ, "nf:pre_routing:4:0:7" + flag) as a:
        print("large", ask("udp", FAR[0], 7000, 5000))
    print("pre_routing%s fragments %d long %d bad %d" % (flag, a.counts.get(6, 0), a.counts.get(7, 0), a.counts.get(5, 0)))
for hook, nr in ("local_in", 1), ("local_out", 3), ("post_routing", 4):
    with Attached(OBJ, "nf:%s:4:%d:7" % (hook, nr)) as a:
        print("large", ask("udp", FAR[0], 7000, 5000))
    print("%s fragments %d long %d bad %d" % (hook, a.counts.get(6, 0), a.counts.get(7, 0), a.counts.get(5, 0)))
with Attached(OBJ, "nf:local_in:4:1:7") as a:
    print("large, dropped", ask("udp", FAR[0], 7002, 5000))
# By priority, whoever was first.
with Attached(OBJ, "nf:after:4:1:10", "nf:before:4:1:-10") as a:
    ask("udp", FAR[0], 7000)
print("in order", some(a.counts, 8, 9))
# One in front of it that drops: those behind see nothing.
with Attached(OBJ, "nf:after:4:1:10", "nf:local_in:4:1:-10") as a:
    print("dropped", ask("udp", FAR[0], 7002))
print("behind it", some(a.counts, 8, 9))
# A family's programs do not see the other's packets.
with Attached(OBJ, *all_hooks(6)) as a:
    print("IPv4", ask("udp", FAR[0], 7001))
print(some(a.counts, 0, 1, 3, 4, 5))
# What is not for us is forwarded, or not.
mac = subprocess.getoutput("ip -o link show eth0").split("link/ether ")[1].split()[0]
told("run", "ip neigh replace 10.0.0.77 lladdr %s dev eth0" % mac)
for on in 0, 1:
    open("/proc/sys/net/ipv4/ip_forward", "w").write("%d" % on)
    with Attached(OBJ, "nf:forward:4:2:7", "nf:local_in:4:1:7") as a:
        told("udp", "10.0.0.77", 7000)
    print("forwarding %d:" % on, some(a.counts, 2, 5))
