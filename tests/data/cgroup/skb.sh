# Attaches cgroup_skb.bpf.o ($OBJ) to a cgroup below $R, and asks $IP's server outside of it and in it.
# Run by tests/script/cgroup_skb. $P is a BPF file system.
N=skep-skb-$$
C=$R/$N
F=$P/$N
mkdir -p "$C" "$F"
bpftool prog loadall "$OBJ" "$F" pinmaps "$F/maps" || exit
bpftool cgroup attach "$C" cgroup_inet_egress pinned "$F/on_egress"
bpftool cgroup attach "$C" cgroup_inet_ingress pinned "$F/on_ingress"
python3 "$HERE/skb.py" ask "$IP"
bash -c "echo 0 >$C/cgroup.procs && exec python3 '$HERE/skb.py' ask $IP"
# Packets: out and in, and none that is not as it should be.
for i in 0 1 2; do
	n=$(bpftool map lookup pinned "$F/maps/seen" key $i 0 0 0 | sed -n 's/.*value[": ]*\([0-9]*\).*/\1/p' | head -n 1)
	[ "$n" -gt 0 ] && echo some || echo none
done
rm -r "$F"
rmdir "$C"
