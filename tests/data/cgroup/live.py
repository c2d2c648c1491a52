# Connects as sock_live.bpf.c's programs say, as an ordinary user, and prints what came of it.
import errno, json, os, socket, subprocess, sys

FIRST = 17440
pins = sys.argv[1]
listener = socket.create_server(("127.0.0.1", FIRST))
listener6 = socket.create_server(("::1", FIRST), family=socket.AF_INET6)
taken = socket.create_server(("127.0.0.2", FIRST + 21))
dump = lambda m: [e.get("formatted", e)["value"] for e in json.loads(subprocess.check_output(["bpftool", "-j", "map", "dump", "pinned", f"{pins}/maps/{m}"]))]
pid = os.fork()
if pid == 0: # connects; the programs' results are root's to see
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)

    def go(case, name, family=socket.AF_INET, kind=socket.SOCK_STREAM, to="127.0.0.1", prepare=None):
        with socket.socket(family, kind) as s:
            if prepare:
                prepare(s)
            try:
                s.connect((to, FIRST + case))
                came = "connected"
            except OSError as e:
                came = errno.errorcode[e.errno]
            a = s.getsockname()
            port = a[1] - FIRST if FIRST <= a[1] < FIRST + 30 else "some" if a[1] else "no"
            print(f"{name}: {came} from {a[0]}, port {port}", flush=True)
            if case == 10:
                print("as the task sees it:", *(s.getsockopt(l, n) for l, n in ((1, 2), (1, 7), (1, 8), (1, 9), (1, 12), (1, 18), (1, 62), (0, 1), (6, 1), (6, 5))), s.getsockopt(6, 13, 16).rstrip(b"\0").decode(), flush=True)
            if case == 14:
                print("as the task sees it:", s.getsockopt(41, 67), s.getsockopt(0, 1), flush=True)
            if case in (1, 7):
                print("IP_BIND_ADDRESS_NO_PORT is", s.getsockopt(0, 24), flush=True)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: # its storage goes with the second one
        for i in range(3):
            s.connect(("127.0.0.1", FIRST + 16))
    go(17, "storage")
    go(30, "kernel types of TCP")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136) as s:
        s.getsockopt(1, 3)
    go(30, "kernel types of UDP", kind=socket.SOCK_DGRAM)
    go(1, "an address")
    go(2, "an address and a port")
    go(3, "a port that is in use")
    go(4, "nobody's address")
    go(5, "bound twice")
    go(6, "bound before", prepare=lambda s: s.bind(("127.0.0.5", 0)))
    go(7, "a datagram's", kind=socket.SOCK_DGRAM)
    go(9, "no address")
    go(10, "options")
    go(11, "refused")
    go(12, "IPv6", socket.AF_INET6, to="::1")
    go(13, "IPv4 of an IPv6 socket", socket.AF_INET6, to="::ffff:127.0.0.1")
    go(14, "options of IPv6", socket.AF_INET6, to="::1")
    with socket.socket() as s:
        s.connect(("127.0.0.1", FIRST + 8))
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.2", 81))
            own = 0
        except OSError as e:
            own = e.errno
    os._exit(own)
own = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(open(pins + "/listeners").read(), end="")
print("as the task sees it:", listener.getsockopt(6, 13, 16).rstrip(b"\0").decode(), listener.getsockopt(0, 1), listener.getsockopt(1, 12))
r = dump("results")
print("a low port is refused as by bind() itself:", r[8 * 4] == -own)
for i in range(1, 22):
    if i != 8 and (i < 15 or i in (16, 17) or i > 19):
        print("case", i, *r[i * 4:i * 4 + 4])
for i, s in enumerate(dump("../cast/maps/shown")):
    print("kernel types of", ("TCP", "UDP")[i], *s.values())
print("contexts", *dump("../cast/maps/contexts")[0].values())
for o in dump("outcomes")[:21]:
    print("option", *(o[k] for k in ("level", "name", "set", "got", "value")))
