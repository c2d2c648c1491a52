# Loads sock_live.bpf.o ($OBJ) and what is named so beside it, attaches it to a cgroup below $R, and runs live.py there.
# Run by tests/script/sock_live; $P is a BPF file system, $HERE the folder of the scripts.
N=skep-live-$$
C=$R/$N
F=$P/$N
mkdir -p "$C" "$F"
bpftool prog loadall "$OBJ" "$F" pinmaps "$F/maps" || exit
bpftool cgroup attach "$C" cgroup_inet4_connect pinned "$F/on_connect4" multi
bpftool cgroup attach "$C" cgroup_inet_sock_create pinned "$F/on_create" multi
bpftool cgroup attach "$C" cgroup_inet6_connect pinned "$F/on_connect6"
bpftool iter pin "${OBJ%.bpf.o}_iter.bpf.o" "$F/listeners"
mkdir "$F/cast"
bpftool prog loadall "${OBJ%.bpf.o}_cast.bpf.o" "$F/cast" pinmaps "$F/cast/maps" || exit
bpftool cgroup attach "$C" cgroup_inet4_connect pinned "$F/cast/on_cast" multi
bpftool cgroup attach "$C" cgroup_inet_sock_create pinned "$F/cast/on_cast_create" multi
bpftool cgroup attach "$C" cgroup_getsockopt pinned "$F/cast/on_cast_getsockopt"
bpftool cgroup attach "$C" cgroup_sock_ops pinned "$F/cast/on_cast_ops"
bash -c "echo 0 >$C/cgroup.procs && exec timeout 60 python3 '$HERE/live.py' $F"
rm -r "$F"
rmdir "$C"
