# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Both ends of a connection for tests/script/sock_ops_wire.

    wire.py connect|accept ADDRESS CGROUP     a process of the cgroup, with a socket
    wire.py whole DEVICE                      its frames are what a wire carries
    wire.py peer CASE DEVICE ADDRESS OTHER    who it talks to: not a stack but a script, by a packet socket

The peer's address is nobody's: no stack answers for it. What it got, and the checksums, are its output.
"""
import array
import fcntl
import os
import socket
import struct
import sys
import time

PORT, SRC = 17423, 20000 + os.getpid() % 10000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
UNKNOWN = bytes([0xB9, 4, 0xFA, 0xCE])
MSS = bytes([2, 4, 5, 0xB4])


def csum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


class Peer:
    def __init__(self, device, address, other, passive, times):
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.s.bind((device, 0))
        self.s.settimeout(20)
        self.mac = self.s.getsockname()[4]
        self.me, self.other = socket.inet_aton(address), socket.inet_aton(other)
        self.lport, self.rport = (PORT, 0) if passive else (SRC, PORT)
        self.snd, self.rcv, self.to, self.times = 1000, 0, b"\xff" * 6, times
        self.clock, self.echo, self.windows = 100, 0, False

    def arp(self, frame):
        op, sha, spa, tpa = struct.unpack("!6xH6s4s6x4s", frame[14:42])
        if op == 1 and tpa == self.me:
            self.to = sha
            self.s.send(sha + self.mac + b"\x08\x06" + struct.pack(
                "!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 2, self.mac, self.me, sha, spa))
        elif op == 2 and spa == self.other:
            self.to = sha
            return True
        return False

    def ask(self):
        self.s.send(b"\xff" * 6 + self.mac + b"\x08\x06" + struct.pack(
            "!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1, self.mac, self.me, b"\0" * 6, self.other))
        while True:
            frame = self.s.recv(70000)
            if frame[12:14] == b"\x08\x06" and self.arp(frame):
                return

    def get(self, note=True):
        """The next segment for us: (flags, payload)."""
        while True:
            frame = self.s.recv(70000)
            if frame[12:14] == b"\x08\x06":
                self.arp(frame)
            if frame[12:14] != b"\x08\0" or frame[23] != 6 or frame[30:34] != self.me:
                continue
            ip = frame[14:14 + struct.unpack("!H", frame[16:18])[0]]
            tcp = ip[20:]
            sport, dport, seq, ack, doff, flags, wnd = struct.unpack("!HHIIBBH", tcp[:16])
            if dport != self.lport:
                continue
            doff = (doff >> 4) * 4
            self.to = frame[6:12]
            pseudo = ip[12:20] + struct.pack("!HH", 6, len(tcp))
            ok = csum(ip[:20]) == 0 and csum(pseudo + tcp) == 0
            self.rport, self.peer_seq, self.acked = sport, seq, ack
            data, opts = tcp[doff:], []
            i = 20
            while i < doff:
                kind = tcp[i]
                n = 1 if kind < 2 else tcp[i + 1]
                if kind == 8:
                    self.echo = struct.unpack("!I", tcp[i + 2:i + 6])[0]
                opts.append("%d" % kind if kind != 0xB9 else tcp[i:i + n].hex())
                i += n
            self.end = seq + len(data) + bool(flags & SYN) + bool(flags & FIN)
            if note:
                print("peer: flags %#x bytes %d options %s%s%s" % (
                    flags, len(data), " ".join(opts), "" if ok else ", wrong checksum",
                    " window %d" % wnd if self.windows else ""))
                sys.stdout.flush()
            return flags, data

    def took(self):
        self.rcv = self.end & 0xFFFFFFFF

    def put(self, flags, data=b"", opts=b"", seq=None, window=60000):
        if self.times:
            self.clock += 1
            opts = b"\1\1\x08\x0a" + struct.pack("!II", self.clock, self.echo) + opts
        opts += b"\1" * (-len(opts) % 4)
        tcp = struct.pack("!HHIIBBHHH", self.lport, self.rport, self.snd if seq is None else seq,
                          self.rcv, (20 + len(opts)) // 4 << 4, flags, window, 0, 0) + opts + data
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0, self.me, self.other)
        ip = ip[:10] + struct.pack("!H", csum(ip)) + ip[12:]
        c = csum(ip[12:20] + struct.pack("!HH", 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack("!H", c) + tcp[18:]
        self.s.send(self.to + self.mac + b"\x08\0" + ip + tcp)
        if seq is None:
            self.snd += len(data) + bool(flags & SYN) + bool(flags & FIN)

    def data(self, n):
        """Takes @n bytes."""
        got = b""
        while len(got) < n:
            flags, data = self.get()
            got += data
            self.took()

    def until(self, flag):
        while not self.get()[0] & flag:
            pass
        self.took()

    def shake(self, passive, opts=b"", again=False):
        if passive:
            self.until(SYN)
            if again:  # it is sent twice
                self.until(SYN)
            self.put(SYN | ACK, opts=MSS + opts)
            self.until(ACK)
        else:
            self.ask()
            self.put(SYN, opts=MSS + opts)
            self.until(SYN)
            self.put(ACK, opts=opts)


def peer(case, device, address, other):
    passive = not case.startswith("accept")
    what = case.split("-")[-1]
    p = Peer(device, address, other, passive, what == "times")
    print("peer: ready", file=sys.stderr, flush=True)
    p.windows = what == "rwnd"
    p.shake(passive, b"" if what in ("retrans", "rtt", "syn", "init", "rwnd") else UNKNOWN,
            what == "syn")
    p.windows = False
    if what == "retrans":
        p.get()  # the data, and its probe, and again: it has timed out
        p.get()
        p.get()
        p.took()
        p.put(ACK)
    elif what == "rtt":
        time.sleep(0.02)
        p.data(100)
        time.sleep(0.02)
        p.put(ACK)
        time.sleep(0.02)
    else:
        p.data(100)
        p.put(ACK)
    p.put(ACK | PSH, b"y" * 50)
    p.until(ACK)
    p.put(ACK | PSH, b"y" * 50, opts=UNKNOWN)
    p.until(FIN)
    p.put(ACK)
    p.put(ACK | FIN)
    p.get()


def user(what, address, cgroup):
    if cgroup != "-":
        with open(cgroup + "/cgroup.procs", "w") as f:
            f.write("0")
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if what == "connect":
        s.connect((address, PORT))
        c = s
    else:
        s.bind(("0.0.0.0", PORT))
        s.listen(5)
        print("listens", file=sys.stderr, flush=True)
        c = s.accept()[0]
    time.sleep(0.1)
    c.send(b"x" * 100)
    left = 100
    while left:
        left -= len(c.recv(left))
    time.sleep(0.1)
    c.shutdown(socket.SHUT_WR)
    c.recv(1)
    c.close()
    s.close()


def no_offloads(device):
    s = socket.socket()
    for cmd in 0x17, 0x1F, 0x24, 0x2C, 0x19:  # checksums, TSO, GSO, GRO, gathering
        v = array.array("I", [cmd, 0])
        try:
            fcntl.ioctl(s, 0x8946, struct.pack("16sP", device.encode(), v.buffer_info()[0]))
        except OSError:
            pass


if sys.argv[1] == "peer":
    peer(*sys.argv[2:])
elif sys.argv[1] == "whole":
    no_offloads(sys.argv[2])
else:
    user(*sys.argv[1:])
