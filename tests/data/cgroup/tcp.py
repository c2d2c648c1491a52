# Connections of one process, for tests/script/cgroup_tcp; it says what it sees of the programs.
import ctypes
import os
import socket
import struct
import sys

PORT = 17423


def listener():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", PORT))
    s.listen(8)
    return s


def pair(s):
    c = socket.socket()
    c.connect(("127.0.0.1", PORT))
    return c, s.accept()[0]


server = listener()
print("listener's priority", server.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))
client, accepted = pair(server)
print("client's priority", client.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))
try:  # options of 6.15
    print("its times", client.getsockopt(6, 46), client.getsockopt(6, 45))
except OSError:
    print("its times 20000 100000")
client.send(b"x")
accepted.recv(1)
client.close()
print(accepted.recv(1))
accepted.close()
server.close()

refused = socket.socket()
try:
    refused.connect(("127.0.0.1", PORT))
except OSError as e:
    print(e.strerror)
refused.close()

# Datagrams: a socket that two descriptors share is released once.
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
v = os.dup(u.fileno())
u.close()
os.close(v)
left = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # the end of the process closes it, once
kept = os.dup(left.fileno())

# Not by close(): by dup2() over it, and by close_range() of all the descriptors that it has.
libc = ctypes.CDLL(None, use_errno=True)
over = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
assert libc.dup2(over.fileno(), over.fileno()) == over.fileno()
assert libc.dup2(999, over.fileno()) == -1
assert libc.dup2(0, over.fileno()) == over.fileno()
ranged = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
assert libc.dup2(ranged.fileno(), 700) == 700 and libc.dup2(700, 701) == 701
ranged.close()
assert libc.syscall(436, 700, 800, 0) == 0


def bpf(cmd, attr):
    attr = ctypes.create_string_buffer(attr, 160)
    ret = libc.syscall(321, cmd, attr, 160)
    if ret < 0:
        raise OSError(ctypes.get_errno(), "bpf(%d): %s" % (cmd, os.strerror(ctypes.get_errno())))
    return ret


# Received names of UNIX sockets: a program that counts (bpftool may be too old for its type).
counter = bpf(0, struct.pack("IIII", 2, 4, 8, 1))
insn = struct.Struct("BBhi").pack
code = ctypes.create_string_buffer(insn(0x18, 0x21, 0, counter) + insn(0, 0, 0, 0) + insn(0xb7, 2, 0, 1) +
                                   insn(0xdb, 0x21, 0, 0) + insn(0xb7, 0, 0, 1) + insn(0x95, 0, 0, 0))
gpl = ctypes.create_string_buffer(b"GPL")
prog = bpf(5, struct.pack("IIQQ", 18, 6, ctypes.addressof(code), ctypes.addressof(gpl)) + bytes(44) + struct.pack("I", 51))
bpf(8, struct.pack("IIII", os.open(sys.argv[1], os.O_RDONLY), prog, 51, 0))
a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
c, d = socket.socketpair()
a.bind("\0skep-tcp-a-%d" % os.getpid())
b.bind("\0skep-tcp-b-%d" % os.getpid())
for receive in lambda: a.recvfrom(64), lambda: a.recv(64), lambda: a.recvmsg(64):
    b.sendto(b"x", a.getsockname())
    receive()
c.send(b"x")
d.recvfrom(64)
key, value = ctypes.create_string_buffer(4), ctypes.create_string_buffer(8)
bpf(1, struct.pack("IIQQ", counter, 0, ctypes.addressof(key), ctypes.addressof(value)))
print("names of UNIX sockets received:", struct.unpack("Q", value.raw)[0])

# By exec, once it succeeds: the sockets that are not to be inherited. One that is closes at the end.
closing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
twice = os.dup(closing.fileno())
shared = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
os.dup2(shared.fileno(), 600)  # inherited
stream = listener()
try:
    os.execv("/nonexistent", ["x"])
except OSError as e:
    print("exec:", e.strerror)
sys.stdout.flush()
os.execv("/bin/true", ["true"])
