# Loads cgroup_sock.bpf.o ($OBJ), attaches all of it to a cgroup below $R, and runs sock.py there.
# Run by tests/script/cgroup_sock; $P is a BPF file system, $HERE the folder of the scripts.
N=skep-sock-$$
C=$R/$N
F=$P/$N
mkdir -p "$C" "$F"
bpftool prog loadall "$OBJ" "$F" pinmaps "$F/maps" || exit
attach() { bpftool cgroup attach "$C" "$1" pinned "$F/$2" multi || echo "$1: no"; }
attach cgroup_inet4_connect on_connect4
attach cgroup_inet6_connect on_connect6
attach cgroup_inet4_getpeername on_getpeername4
attach cgroup_inet4_getsockname on_getsockname4
attach cgroup_udp4_sendmsg on_sendmsg4
attach cgroup_udp4_recvmsg on_recvmsg4
attach cgroup_inet4_bind on_bind4
attach cgroup_inet4_post_bind on_post_bind4
attach cgroup_inet_sock_create on_create
attach cgroup_setsockopt on_setsockopt
attach cgroup_getsockopt on_getsockopt
python3 "$HERE/backend.py" "$HERE/ports.$$" &
b=$!
for i in $(seq 100); do [ -s "$HERE/ports.$$" ] && break; sleep 0.05; done
read -r tcp udp <"$HERE/ports.$$"
hex() { printf '0x%02x 0x%02x 0 0' $(($1 >> 8)) $(($1 & 255)); }
bpftool map update pinned "$F/maps/backend" key 0 0 0 0 value $(hex $tcp)
bpftool map update pinned "$F/maps/backend" key 1 0 0 0 value $(hex $udp)
bash -c "echo 0 >$C/cgroup.procs && exec timeout 60 python3 '$HERE/sock.py' $tcp $udp"
bpftool -j map lookup pinned "$F/maps/runs" key 6 0 0 0 | sed 's/.*"value":\(\[[^]]*\]\|[0-9]*\).*/post_bind4 has run: \1/'
kill $b
wait $b 2>/dev/null
rm -r "$F" "$HERE/ports.$$"
rmdir "$C"
