# Actions of segment routing, net_seg6.bpf.o: what `ip route` says of them, and what becomes of packets that the other
# end sends to them ("far": there).
import struct
from trigger import *

SID, AWAY = "fd00:99::1", "fd00:77::1"

def a6(text):
    return socket.inet_pton(socket.AF_INET6, text)

def ip6(src, dst, proto, body, hops=64):
    return struct.pack("!IHBB", 0x60000000, len(body), proto, hops) + a6(src) + a6(dst) + body

def srh(tag, segments, left, after, tlvs=b"", flags=0):
    return struct.pack("!BBBBBBH", after, 2 * len(segments) + len(tlvs) // 8, 4, left, len(segments) - 1, flags, tag) + b"".join(map(a6, segments)) + tlvs

def marked(n):
    return struct.pack("!HHHH", 9999, 9999, 8 + 4, 0) + struct.pack("!I", n)

# A packet in words; None: none of ours.
def words(p):
    out = []
    while p:
        if p[0] >> 4 != 6:
            return None
        out.append("%s > %s hops %d" % (socket.inet_ntop(socket.AF_INET6, p[8:24]), socket.inet_ntop(socket.AF_INET6, p[24:40]), p[7]))
        proto, p = p[6], p[40:]
        while proto == 43:
            size = 8 * (p[1] + 1)
            end = 8 + 16 * (p[4] + 1)
            out.append("SRH left %d flags %d tag %d %s%s" % (p[3], p[5], struct.unpack("!H", p[6:8])[0], ",".join(socket.inet_ntop(socket.AF_INET6, p[i:i + 16]) for i in range(8, end, 16)), " tlvs " + p[end:size].hex() if size > end else ""))
            proto, p = p[0], p[size:]
        if proto == 58 and p[0] in (1, 3):
            return "; ".join(out + ["ICMP %d/%d" % (p[0], p[1])])
        if proto == 17:
            return "; ".join(out + ["%d" % struct.unpack("!I", p[8:12])[0]]) if p[:2] == b"\x27\x0f" else None
        if proto != 41:
            return None
    return None

def far():
    packets = []
    for tag in range(1, 27):
        segments, left, tlvs = [AWAY, SID], 1, b""
        if tag == 12:
            segments, left = [AWAY, SID, SID], 2
        if tag == 23:
            tlvs = bytes([77, 6]) + b"abcdef"
        inner, after = marked(tag), 17
        if tag in (6, 26):
            inner, after = ip6("fd00:5eb::1", AWAY, 17, inner), 41
        packets.append(("tag %d" % tag, ip6("fd00:5eb::1", SID, 43, srh(tag, segments, left, after, tlvs) + inner)))
    packets += [
        ("no header", ip6("fd00:5eb::1", SID, 17, marked(50))),
        ("none left", ip6("fd00:5eb::1", SID, 43, srh(1, [SID], 0, 17) + marked(51))),
        ("twice here", ip6("fd00:5eb::1", SID, 43, srh(1, [AWAY, "fd00:99::2", SID], 2, 17) + marked(52))),
        ("for this host", ip6("fd00:5eb::1", SID, 43, srh(1, ["fd00:5eb::2", SID], 1, 17) + marked(53))),
        ("a HMAC", ip6("fd00:5eb::1", SID, 43, srh(1, [AWAY, SID], 1, 17, struct.pack("!BBHI", 5, 38, 0, 1) + bytes(32), 8) + marked(54))),
        ("one hop", ip6("fd00:5eb::1", SID, 43, srh(4, [AWAY, SID], 1, 17) + marked(55), 1)),
        ("a broken TLV", ip6("fd00:5eb::1", SID, 43, srh(1, [AWAY, SID], 1, 17, bytes([7, 9] + 6 * [0])) + marked(56))),
        ("to nowhere", ip6("fd00:5eb::1", SID, 43, srh(1, ["fc00:88::9", SID], 1, 17) + marked(57))),
        ("at the edge", ip6("fd00:5eb::1", "fd00:66::1", 17, marked(58))),
        ("at the edge, inline", ip6("fd00:5eb::1", "fd00:66::2", 17, marked(59))),
        ("at the edge, untouched", ip6("fd00:5eb::1", "fd00:66::3", 17, marked(60))),
        ("a large one", ip6("fd00:5eb::1", SID, 43, srh(4, [AWAY, SID], 1, 17) + marked(61) + bytes(1300))),
    ]
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 255)
    see = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0003 >> 8 | 0x0003 << 8 & 0xff00)
    see.bind(("eth0", 0))
    see.settimeout(10)
    for name, p in packets:
        try:
            raw.sendto(p, ("fd00:5eb::2", 0))
        except OSError as e:
            print(name, "not sent:", e)
            continue
        # What comes behind it and is forwarded as any other tells that nothing will come any more.
        raw.sendto(ip6("fd00:5eb::1", "fd00:77::5", 17, marked(0)), ("fd00:5eb::2", 0))
        got, behind = [], False
        while not behind or (name == "tag 11" and not got):
            try:
                frame, a = see.recvfrom(4000)
            except socket.timeout:
                break
            text = words(frame[14:]) if frame[12:14] == b"\x86\xdd" and a[2] != 4 else None
            if text and text.endswith("; 0"):
                behind = True
            elif text:
                to = frame[:6].hex(":")
                got.append("%s: %s" % ("to us" if to == MAC else to, text))
        print("%s -> %s" % (name, " | ".join(got) or "nothing"))

def ip(*args):
    r = subprocess.run(["ip", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = re.sub(r"/\S*/net_seg6|:?\[?net_seg6.bpf.o\]?", "OBJ", r.stdout).strip()
    print("ip", *args[:4], "->", text.replace("  ", " ") or "ok" if not r.returncode else "status %d" % r.returncode)

if sys.argv[1:2] == ["far"]:
    MAC = sys.argv[2]
    far()
    sys.exit()

def action(sid, verb="add", *more):
    ip("-6", "route", verb, sid, "encap", "seg6local", "action", "End.BPF", "endpoint", "obj", HERE + "/net_seg6.bpf.o", "section", "lwt_seg6local", *more, "dev", "eth0")

for there in FAR: # neighbours are known then
    while ask("udp", there, 7000) != "fine":
        pass
mac = told("run", "ip -o link show eth0 | sed 's/.*ether //; s/ .*//'").strip()
open("/proc/sys/net/ipv6/conf/all/forwarding", "w").write("1")
subprocess.run(["ip", "-6", "neigh", "replace", "fd00:5eb::77", "lladdr", "02:00:00:00:00:77", "dev", "eth0"])
ip("-6", "route", "add", "fd00:77::/64", "via", "fd00:5eb::1")
ip("-6", "route", "add", "unreachable", "fc00:88::/32")
ip("-6", "route", "add", "fd00:77::/64", "via", "fd00:5eb::77", "table", "117")
ip("-6", "route", "add", "fd00:78::/64", "via", "fd00:5eb::77", "table", "118")
action(SID)
action("fd00:99::2", "add", "count")
ip("-6", "route", "add", "fd00:99::3", "encap", "seg6local", "action", "End.BPF", "endpoint", "obj", HERE + "/net_seg6.bpf.o", "section", "lwt_in", "dev", "eth0")
ip("-6", "route", "add", "fd00:66::/64", "encap", "bpf", "in", "obj", HERE + "/net_seg6.bpf.o", "section", "lwt_in", "via", "fd00:5eb::1")
print(re.sub(r" pref medium| metric 1024", "", subprocess.getoutput("ip -6 route show fd00:99::1")).replace(HERE, ""))
told("run", "ip address add fd00:5eb::3/64 dev eth0 nodad preferred_lft 0") # no answer of the others comes from there
print(told("run", "python3 %s/seg6.py far %s" % (HERE, mac), timeout=60))
print(re.sub(r" pref medium| metric 1024|bytes \d+", "", subprocess.getoutput("ip -6 -s route show fd00:99::2")).replace(HERE, ""))
ip("-6", "route", "del", SID)
ip("-6", "route", "show", SID)
