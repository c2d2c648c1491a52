# The backends of sock.py: TCP says "backend", UDP gives back what comes. Their ports go to a file.
import os, socket, sys, threading
t = socket.socket(socket.AF_INET6)
t.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
t.bind(("::", 0))
t.listen(16)
u = socket.socket(type=socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 0))

def echo():
    while True:
        data, a = u.recvfrom(2000)
        u.sendto(data, a)
threading.Thread(target=echo, daemon=True).start()
with open(sys.argv[1] + ".new", "w") as f:
    f.write("%d %d\n" % (t.getsockname()[1], u.getsockname()[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    c, _ = t.accept()
    try:
        c.sendall(b"backend")
    except OSError:
        pass # it does not want to know
    c.close()
