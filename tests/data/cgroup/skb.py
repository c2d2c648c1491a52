# "serve IP": answers TCP at 7000-7002 and UDP at 7003-7005. "ask IP": what of that can be had.
import selectors, socket, sys

what, ip = sys.argv[1:]
TCP, UDP = (7000, 7001, 7002), (7003, 7004, 7005)

def serve():
    sel = selectors.DefaultSelector()
    for kind, ports in (socket.SOCK_STREAM, TCP), (socket.SOCK_DGRAM, UDP):
        for p in ports:
            s = socket.socket(type=kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((ip, p))
            if kind == socket.SOCK_STREAM:
                s.listen(16)
            sel.register(s, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in sel.select():
            s = key.fileobj
            if s.type == socket.SOCK_STREAM:
                c, _ = s.accept()
                c.sendall(b"fine")
                c.close()
            else:
                data, a = s.recvfrom(100)
                s.sendto(b"fine", a)

def ask(kind, port):
    s = socket.socket(type=kind)
    s.settimeout(0.6)
    try:
        if kind == socket.SOCK_STREAM:
            s.connect((ip, port))
        else:
            s.sendto(b"?", (ip, port))
        return s.recv(100).decode()
    except OSError: # Linux tells the sender of a datagram: EPERM
        return "no answer"
    finally:
        s.close()

if what == "serve":
    serve()
print(" ".join("%d: %s" % (p, ask(k, p)) for k, ports in ((socket.SOCK_STREAM, TCP), (socket.SOCK_DGRAM, UDP)) for p in ports))
