# Realms of routes, net_realm.bpf.o: what bpf_get_route_realm() says of packets.
from trigger import *

def ip(*args):
    r = subprocess.run(["ip", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if r.returncode:
        print("ip", *args, "-> status %d" % r.returncode, r.stdout)

def asked(*ports):
    print("  ", *("%d %s" % (p, ask("udp", AWAY, p)) for p in ports))

def seen(program="sent"):
    with Attached("net_realm.bpf.o", "egress:%s:eth0" % program, "ingress:received:eth0") as a:
        asked(7000, 7003)
        print("   IPv6", ask("udp", FAR[1], 7002))
    print("  ", {(k if k < 16 else "from %d" % (k - 16)): hex(v - 1) for k, v in a.counts.items()})

AWAY = FAR[0]
for there in FAR: # neighbours are known then
    while ask("udp", there, 7000) != "fine":
        pass
print("none")
seen()
print("one")
ip("route", "add", AWAY, "dev", "eth0", "realm", "7")
seen()
seen("changed")
print("two")
ip("route", "replace", AWAY, "dev", "eth0", "realms", "3/9")
seen()
print("of a rule")
ip("route", "del", AWAY)
ip("rule", "add", "to", AWAY, "realms", "5/6", "lookup", "main")
seen()
ip("rule", "del", "to", AWAY, "realms", "5/6", "lookup", "main")
seen()
print("routes with programs")
for realm in "7", "8":
    ip("route", "replace", AWAY, "dev", "eth0", "realm", realm, "encap", "bpf", "xmit", "obj", HERE + "/net_realm.bpf.o", "section", "lwt_xmit")
    asked(7000, 7001)
ip("route", "del", "table", "local", "local", NEAR[0], "dev", "eth0")
ip("route", "add", "table", "local", "local", NEAR[0], "dev", "eth0", "src", NEAR[0], "encap", "bpf", "in", "obj", HERE + "/net_realm.bpf.o", "section", "lwt_in")
asked(7000, 7001)
ip("route", "replace", AWAY, "dev", "eth0", "realm", "7") # a way back with a realm: the program does not run
asked(7000, 7001)
