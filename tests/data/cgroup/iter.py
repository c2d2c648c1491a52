# Goes over cgroups in each order, by libbpf and cgroup_iter.bpf.o ($OBJ), below $R.
import ctypes, errno, os

B = ctypes.CDLL("libbpf.so.1", use_errno=True)
for f in "bpf_object__open", "bpf_object__find_program_by_name", "bpf_program__attach_iter":
    getattr(B, f).restype = ctypes.c_void_p
B.libbpf_set_print(None)

class Info(ctypes.Structure):
    _fields_ = [("order", ctypes.c_uint32), ("fd", ctypes.c_uint32), ("id", ctypes.c_uint64)]

class Opts(ctypes.Structure):
    _fields_ = [("sz", ctypes.c_size_t), ("info", ctypes.c_void_p), ("len", ctypes.c_uint32)]

name = f"skep-iter-{os.getpid()}"
top = f"{os.environ['R']}/{name}"
paths = [top, f"{top}/a", f"{top}/a/aa", f"{top}/a/ab", f"{top}/b", f"{top}/last", f"{top}/unseen"]
for p in paths:
    os.mkdir(p)
obj = ctypes.c_void_p(B.bpf_object__open(os.environ["OBJ"].encode()))
if B.bpf_object__load(obj):
    print("not loaded")
prog = ctypes.c_void_p(B.bpf_object__find_program_by_name(obj, b"each"))

def go(what, order, fd=0, ident=0):
    info = Info(order, fd, ident)
    opts = Opts(ctypes.sizeof(Opts), ctypes.addressof(info), ctypes.sizeof(info))
    ctypes.set_errno(0)
    link = B.bpf_program__attach_iter(prog, ctypes.byref(opts))
    if not link:
        print(f"{what}: {errno.errorcode[ctypes.get_errno()]}")
        return
    link = ctypes.c_void_p(link)
    it = B.bpf_iter_create(B.bpf_link__fd(link))
    text = b""
    while True:
        part = os.read(it, 4096)
        if not part:
            break
        text += part
    os.close(it)
    B.bpf_link__destroy(link)
    print(f"{what}:\n" + text.decode().replace(name, "skep-iter"), end="")

fd = os.open(top, os.O_RDONLY)
inner = os.open(f"{top}/a/aa", os.O_RDONLY)
(BPF_CGROUP_ITER_ORDER_UNSPEC, BPF_CGROUP_ITER_SELF_ONLY, BPF_CGROUP_ITER_DESCENDANTS_PRE,
 BPF_CGROUP_ITER_DESCENDANTS_POST, BPF_CGROUP_ITER_ANCESTORS_UP) = range(5)
go("unspecified", BPF_CGROUP_ITER_ORDER_UNSPEC, fd)
go("self", BPF_CGROUP_ITER_SELF_ONLY, fd)
go("before", BPF_CGROUP_ITER_DESCENDANTS_PRE, fd)
go("after", BPF_CGROUP_ITER_DESCENDANTS_POST, fd)
go("up", BPF_CGROUP_ITER_ANCESTORS_UP, fd)
go("up from within", BPF_CGROUP_ITER_ANCESTORS_UP, inner)
go("by id", BPF_CGROUP_ITER_SELF_ONLY, 0, os.fstat(inner).st_ino)
go("both", BPF_CGROUP_ITER_SELF_ONLY, fd, 1)
go("no such order", 9, fd)
go("no cgroup", BPF_CGROUP_ITER_SELF_ONLY, os.open("/tmp", os.O_RDONLY))
go("no such id", BPF_CGROUP_ITER_SELF_ONLY, 0, 1 << 60)
if os.environ.get("CHILDREN"):
    BPF_CGROUP_ITER_CHILDREN = 5
    go("children", BPF_CGROUP_ITER_CHILDREN, fd)
for p in reversed(paths):
    os.rmdir(p)
