# Which expected attach types a program of type CGROUP_SOCK may have: the kernel's check of them.
import ctypes, errno, struct

libc = ctypes.CDLL(None, use_errno=True)
CGROUP_SOCK = 9
known = {2: "INET_SOCK_CREATE", 12: "INET4_POST_BIND", 13: "INET6_POST_BIND", 34: "INET_SOCK_RELEASE"}
insns = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, 1, 0x95, 0, 0, 0))
license = ctypes.create_string_buffer(b"GPL")

for kind in range(1, 54):
    attr = struct.pack("<IIQQIIQII16sIIQQII", CGROUP_SOCK, 2, ctypes.addressof(insns), ctypes.addressof(license),
                       0, 0, 0, 0, 0, b"", 0, kind, 0, 0, 0, 0)
    buf = ctypes.create_string_buffer(attr)
    fd = libc.syscall(321, 5, buf, len(attr))
    if fd >= 0:
        print(known.get(kind, kind), "accepted")
    elif ctypes.get_errno() != errno.EINVAL or kind in known:
        print(known.get(kind, kind), errno.errorcode[ctypes.get_errno()])
print("all others: EINVAL")
