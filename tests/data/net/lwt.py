# Programs of routes, net_lwt.bpf.o: what `ip route` says of them, and what becomes of packets.
from trigger import *

def ip(*args):
    r = subprocess.run(["ip", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print("ip", *args[:3], "->", re.sub(r"/\S*/net_lwt|:?\[?net_lwt.bpf.o\]?", "OBJ", r.stdout).strip() or "ok" if not r.returncode else "status %d" % r.returncode)

def route(where, verb="add"):
    ip("route", verb, AWAY, "encap", "bpf", where, "obj", HERE + "/net_lwt.bpf.o", "section", "lwt_" + where, "dev", "eth0")

def asked(*ports):
    print("  ", *("%d %s" % (p, ask("udp", AWAY, p)) for p in ports))

AWAY = FAR[0]
for there in FAR: # neighbours are known then
    while ask("udp", there, 7000) != "fine":
        pass
asked(7001, 7002, 7003)
route("out")
asked(7001, 7002, 7003)
asked(7009)
print("   IPv6", ask("udp", FAR[1], 7002))
ip("route", "show", AWAY)
route("out")
# What the kernel refuses leaves the programs as they are.
def refused():
    asked(7002, 7003)
    ip("route", "show", AWAY)
route("xmit")
refused()
ip("route", "replace", AWAY, "encap", "bpf", "xmit", "obj", HERE + "/net_lwt.bpf.o", "section", "lwt_xmit", "via", "203.0.113.1", "dev", "eth0")
refused()
ip("route", "del", AWAY, "dev", "lo")
refused()
route("xmit", "replace")
asked(7002, 7003, 7004)
# Datagrams of port 7005 get there as 7000's, whose answer is another one's; 7006 is in a tunnel.
with Attached("net_lwt.bpf.o", "egress:see:eth0") as a:
    asked(7005, 7006)
print("   left:", a.counts)
# Redirected, with the header that the program has made.
with Attached("net_lwt.bpf.o", "egress:see:eth0") as a:
    asked(7007, 7008, 7009)
print("   left:", a.counts)
ip("route", "show", AWAY)
ip("route", "del", AWAY)
asked(7003)
ip("route", "show", AWAY)
ip("route", "del", AWAY)
ip("route", "add", AWAY, "dev", "eth0")
asked(7003)
ip("route", "del", AWAY)
# What comes in: a route of this host's own address.
ip("route", "del", "table", "local", "local", NEAR[0], "dev", "eth0")
ip("route", "add", "table", "local", "local", NEAR[0], "dev", "eth0", "src", NEAR[0], "encap", "bpf", "in", "obj", HERE + "/net_lwt.bpf.o", "section", "lwt_in")
asked(7000, 7001)
ip("route", "show", "table", "local", NEAR[0])
ip("route", "add", "10.0.6.0/24", "encap", "bpf", "in", "obj", HERE + "/net_lwt.bpf.o", "section", "lwt_out", "dev", "eth0")
