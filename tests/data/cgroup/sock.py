# What programs of cgroup_sock.bpf.c make of calls on sockets, told in lines that are the same
# everywhere. Ports of the backends: two arguments.
import os, socket, struct, sys, threading, time
tcp, udp = int(sys.argv[1]), int(sys.argv[2])

def name(a):
    return "%s:%s" % (a[0], {tcp: "TCP", udp: "UDP"}.get(a[1], "other" if a[1] > 20000 else a[1]))

def tell(what, fn):
    try:
        r = fn()
    except OSError as e:
        r = os.strerror(e.errno)
    print(what + ":", r, flush=True)

def new(family=socket.AF_INET, kind=socket.SOCK_STREAM, proto=0):
    return socket.socket(family, kind, proto)

def service():
    s = new()
    s.connect(("10.96.0.1", 80))
    r = s.recv(100).decode() + " " + name(s.getpeername())
    s.close()
    return r

def at(ip, kind=socket.SOCK_STREAM):
    s = new(kind=kind)
    s.settimeout(3)
    s.connect((ip, 9))
    return name(s.getpeername())

tell("service", service)
tell("denied", lambda: at("10.96.0.2"))
tell("denied with an error", lambda: at("10.96.0.3"))
tell("datagram denied", lambda: at("10.96.0.2", socket.SOCK_DGRAM))
tell("datagram", lambda: at("127.0.0.1", socket.SOCK_DGRAM))

def nonblocking():
    s = new()
    s.setblocking(False)
    e = s.connect_ex(("10.96.0.1", 80))
    return os.strerror(e)
tell("not waiting", nonblocking)

def refused():
    s = new()
    s.connect(("127.0.0.1", 1))
tell("refused", refused)

def threaded():
    got = []
    t = threading.Thread(target=lambda: got.append(service()))
    t.start()
    t.join()
    return got
tell("by a thread", threaded)

def six():
    s = new(socket.AF_INET6)
    s.connect(("2001:db8::1", 80))
    return s.recv(100).decode()
tell("IPv6", six)

def query(send):
    s = new(kind=socket.SOCK_DGRAM)
    s.settimeout(3)
    send(s)
    data, a = s.recvfrom(100)
    return data.decode() + " " + name(a)
tell("sendto", lambda: query(lambda s: s.sendto(b"one", ("10.96.0.1", 53))))
tell("sendmsg", lambda: query(lambda s: s.sendmsg([b"t", b"wo"], [], 0, ("10.96.0.1", 53))))
tell("sendto denied", lambda: new(kind=socket.SOCK_DGRAM).sendto(b"x", ("10.96.0.2", 53)))

def query_msg():
    s = new(kind=socket.SOCK_DGRAM)
    s.settimeout(3)
    s.sendto(b"three", ("10.96.0.1", 53))
    data, _, _, a = s.recvmsg(100)
    return data.decode() + " " + name(a)
tell("recvmsg", query_msg)

def bound(port, kind=socket.SOCK_STREAM):
    s = new(kind=kind)
    s.bind(("127.0.0.1", port))
    return name(s.getsockname())
tell("bind to another port", lambda: bound(17170))
tell("bind denied", lambda: bound(17173))
tell("denied when bound", lambda: bound(17174))
tell("bind", lambda: bound(17175))
tell("bind to any", lambda: bound(0))
def refused_when_bound(kind, ip):
    s = new(kind=kind)
    try:
        s.bind((ip, 0))
        return "bound"
    except OSError as e:
        refusal, left = os.strerror(e.errno), name(s.getsockname())
    s.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        s.listen()
    return [refusal, left, name(s.getsockname())]
tell("any port refused when bound", lambda: refused_when_bound(socket.SOCK_STREAM, "127.0.0.99"))
tell("the same of a datagram socket", lambda: refused_when_bound(socket.SOCK_DGRAM, "127.0.0.99"))
def without_port():
    s = new()
    s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    s.bind(("127.0.0.99", 0))
    return name(s.getsockname())
tell("an address alone", without_port)
def twice():
    a, b = new(), new()
    a.bind(("127.0.0.1", 17176))
    b.bind(("127.0.0.1", 17176))
tell("a port that is had", twice)
def shared():
    a, b = new(kind=socket.SOCK_DGRAM), new(kind=socket.SOCK_DGRAM)
    for s in a, b:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", 17176))
    return name(b.getsockname())
tell("a port that is shared", shared)
tell("datagram bind", lambda: bound(17175, socket.SOCK_DGRAM))

tell("socket denied", lambda: new(kind=socket.SOCK_DGRAM, proto=136))
tell("priority of a new one", lambda: new().getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))

def tos(v):
    s = new()
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, v)
    return s.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)
tell("option as it is", lambda: tos(0x04))
tell("option changed", lambda: tos(0x08))
tell("option of programs", lambda: new().setsockopt(0xdead, 1, b"abc"))
tell("option of programs is", lambda: new().getsockopt(0xdead, 1, 8))
tell("option denied", lambda: new().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1)))
tell("reading it denied", lambda: new().getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
tell("value changed", lambda: new().getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
tell("unknown option", lambda: new().getsockopt(socket.IPPROTO_TCP, 1000))
tell("short value", lambda: new().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 2))

def accepted():
    s = new()
    s.bind(("127.0.0.1", 0))
    s.listen()
    c = new()
    c.connect(s.getsockname())
    d, a = s.accept()
    return name(a) == name(c.getsockname())
tell("accept", accepted)
