# What the cases of tests/script/net_triggers share: the other end of the wire ("serve"), which answers, and connects
# when it is told to; and for the near end, programs of an object attached by tests/tools/attach.
import os, re, selectors, socket, subprocess, sys

HERE = os.environ.get("HERE", ".")
NEAR, FAR = ("10.0.0.2", "fd00:5eb::2"), ("10.0.0.1", "fd00:5eb::1")
PORTS = range(7000, 7012)

def family(ip):
    return socket.AF_INET6 if ":" in ip else socket.AF_INET

# Linux tells the sender of a datagram when it is dropped, skep does not: DIFF(link-skb-fields).
def name(e):
    return "no answer" if isinstance(e, (socket.timeout, BlockingIOError, PermissionError)) or e.errno == 22 else "refused" if isinstance(e, ConnectionRefusedError) else os.strerror(e.errno)

# What comes back when it is asked from port @sport (0: any); @size bytes are sent.
def ask(kind, ip, port, size=4, sport=0, timeout=0.6):
    with socket.socket(family(ip), socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            if sport:
                s.bind(("", sport))
            s.connect((ip, port))
            s.sendall(b"x" * size)
            got = s.recv(65536)
            return got.decode() if len(got) < 40 else "%d bytes" % len(got)
        except OSError as e:
            return name(e)

# Two connections from one port: what each says, and says when it is asked again.
def both(ip, one, other, sport):
    conns = []
    try:
        for port in one, other:
            s = socket.socket()
            s.settimeout(1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("", sport))
            s.connect((ip, port))
            conns.append((s, s.recv(100).decode().split(",")[0]))
        for s, _ in conns:
            s.sendall(b"?")
        return " ".join("%s %s" % (who, s.recv(100).decode()) for s, who in conns)
    except OSError as e:
        return name(e)
    finally:
        for s, _ in conns:
            s.close()

DO = {"tcp": lambda *a: ask("tcp", *a), "udp": lambda *a: ask("udp", *a), "both": both}

def serve():
    sel = selectors.DefaultSelector()
    for f, ip in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            for p in (*PORTS, 7999):
                s = socket.socket(f, kind)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if f == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((ip, p))
                if kind == socket.SOCK_STREAM:
                    s.listen(16)
                sel.register(s, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in sel.select():
            s = key.fileobj
            if s.type == socket.SOCK_DGRAM:
                data, a = s.recvfrom(65536)
                s.sendto(b"fine" if len(data) < 1000 else data, a)
                continue
            c, _ = s.accept()
            c.settimeout(2)
            try:
                if s.getsockname()[1] == 7999:
                    told = c.makefile().readline().split()
                    c.sendall((subprocess.getoutput(" ".join(told[1:])) if told[0] == "run" else DO[told[0]](told[1], *map(int, told[2:]))).encode())
                else:
                    c.recv(4)
                    c.sendall(b"fine")
            except OSError:
                pass
            c.close()

# What the other end gets when it asks us so; or what a command says there.
def told(*what, timeout=3):
    with socket.create_connection((FAR[0], 7999), timeout) as s:
        s.sendall((" ".join(map(str, what)) + "\n").encode())
        return s.makefile().read()

class Attached:
    """Programs, as long as this is open; then .counts are what map "counts" has."""
    def __init__(self, obj, *actions, fds=()):
        self.p = subprocess.Popen([HERE + "/attach", "%s/%s" % (HERE, obj), *actions, "--", "sh", "-c", "echo ready; read x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=fds, text=True)
        self.first = self.p.stdout.readline().strip()
        if self.first != "ready":
            sys.exit("%s %s: %s\n%s" % (obj, actions, self.first, self.p.stdout.read()))
    def __enter__(self):
        return self
    def __exit__(self, *exc):
        out, _ = self.p.communicate("\n")
        self.out = out
        self.counts = {int(k): int(v) for k, v in re.findall(r" (\d+)=(\d+)", out)}

if __name__ == "__main__":
    serve()
