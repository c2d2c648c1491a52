# SK_LOOKUP programs of net_sk_lookup.bpf.o, and bpf_sk_assign() of traffic control: who answers at which port.
import threading, time
from trigger import *

OBJ = "net_sk_lookup.bpf.o"
got = []

def more(c):
    try:
        while data := c.recv(100):
            if b"?" in data:
                c.sendall(b"more")
    except OSError:
        pass
    c.close()

# Who answers says which it is, and what the other end's port is.
def answer(s, what):
    s.settimeout(None)
    while True:
        try:
            if s.type == socket.SOCK_DGRAM:
                data, a = s.recvfrom(65536)
                got.append("%s got %d from port %d" % (what, len(data), a[1]))
                continue
            c, a = s.accept()
            c.sendall(b"%s, port %d" % (what.encode(), a[1]))
            threading.Thread(target=more, args=(c,), daemon=True).start()
        except OSError as e:
            return

def listen(what, f, kind, ip, port):
    s = socket.socket(f, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if f == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((ip, port))
    if kind == socket.SOCK_STREAM:
        s.listen(16)
    threading.Thread(target=answer, args=(s, what), daemon=True).start()
    return s

# When the connection before has ended on our side, too: what is given to one socket from one port at once shows another port.
def asked(*args):
    for _ in range(6000):
        ends = [l.split() for v in ("", "6") for l in open("/proc/net/tcp" + v).readlines()[1:]]
        if all(e[3] in ("0A", "06") for e in ends if e[2].endswith(":15B3")):
            break
        time.sleep(0.01)
    return told(*args)

T, U = socket.SOCK_STREAM, socket.SOCK_DGRAM
socks = [listen("any", socket.AF_INET, T, "0.0.0.0", 8000), listen("loopback", socket.AF_INET, T, "127.0.0.1", 8001),
         listen("datagrams", socket.AF_INET, U, "127.0.0.1", 8002), listen("any6", socket.AF_INET6, T, "::", 8003),
         listen("loopback6", socket.AF_INET6, T, "::1", 8004)]
own = listen("its own", socket.AF_INET, T, "0.0.0.0", 7106)
shadowed = listen("shadowed", socket.AF_INET, T, "0.0.0.0", 7108)
maps = ["fd:socks:%d:%d" % (i, s.fileno()) for i, s in enumerate(socks)]
fds = [s.fileno() for s in socks]

open("/proc/sys/net/ipv4/icmp_ratelimit", "w").write("0") # other cases have been refused, too
open("/proc/sys/net/ipv6/icmp/ratelimit", "w").write("0")
with Attached(OBJ, *maps, "netns:first", fds=fds) as a:
    for port in 7100, 7101, 7105, 7106, 7107, 7108, 7109, 7110, 8000:
        print("tcp", port, asked("tcp", NEAR[0], port, 4, 5555))
    for port in 7103, 7104, 7105:
        print("tcp IPv6", port, asked("tcp", NEAR[1], port, 4, 5555))
    print("udp 7105", told("udp", NEAR[0], 7105, 4, 5555))
    print("udp IPv6 7105", told("udp", NEAR[1], 7105, 4, 5555))
    for size in 4, 5000:
        print("udp 7102", told("udp", NEAR[0], 7102, size, 5555))
print(*got, sep="\n")
print("once for each connection:", a.counts)
with Attached(OBJ, *maps, "netns:first", "netns:second", fds=fds) as a:
    for port in 7100, 7107, 7109, 7105, 7106:
        print("two programs,", port, asked("tcp", NEAR[0], port, 4, 5555))
print(a.counts)
# One port of the other end, two of ours, one socket: both connections are there at once.
with Attached(OBJ, *maps, "netns:first", fds=fds) as a:
    print("both", told("both", NEAR[0], 7100, 7108, 5556))
print("nobody decides", asked("tcp", NEAR[0], 7100, 4, 5555))
with Attached(OBJ, "ingress:assign:eth0") as a:
    print("tc", asked("tcp", NEAR[0], 7200, 4, 5555))
print(a.counts)
