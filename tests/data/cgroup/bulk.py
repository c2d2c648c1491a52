# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A megabyte each way between two stacks, for tests/script/sock_ops_wire: bulk.py listen|connect ADDRESS [CGROUP]"""
import hashlib
import socket
import sys
import time

N, PORT = 1 << 20, 17424
what, address = sys.argv[1:3]
if len(sys.argv) > 3:
    with open(sys.argv[3] + "/cgroup.procs", "w") as f:
        f.write("0")
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if what == "listen":
    s.bind((address, PORT))
    s.listen(1)
    print("listens", file=sys.stderr, flush=True)
    c = s.accept()[0]
else:
    for _ in range(600):
        try:
            s.connect((address, PORT))
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
            s.close()
            s = socket.socket(s.family)
    c = s
c.settimeout(30)
ours = bytes(i * 7 & 255 for i in range(4096)) * (N // 4096)
h = hashlib.sha256()


def get():
    left = N
    while left:
        data = c.recv(min(left, 65536))
        if not data:
            break
        h.update(data)
        left -= len(data)


if what == "listen":
    get()
    c.sendall(ours)
else:
    c.sendall(ours)
    get()
info = c.getsockopt(6, 11, 256)
again = int.from_bytes(info[100:104], "little")
print(what, "whole" if h.digest() == hashlib.sha256(ours).digest() else "broken",
      "in time" if again < 20 else "sent again: %d" % again)
c.shutdown(socket.SHUT_WR)
c.recv(1)
