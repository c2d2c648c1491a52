# bpftool's commands on cgroups, told in lines that are the same everywhere: $R is where cgroup2 is
# mounted, $P a BPF file system, $OBJ cgroup.bpf.o. Run by tests/script/cgroup_tree.
N=skep-tool-$$
C=$R/$N
F=$P/$N
mkdir -p "$C/a/b" "$F"
bpftool prog loadall "$OBJ" "$F" || exit
ids="s/x/x/"
for p in one_device two_device one_egress one_connect; do
	id=$(bpftool prog show pinned "$F/$p" | sed -n '1s/:.*//p')
	ids="$ids;s/^( *)$id /\\1$p /;s/\"id\":$id,/\"id\":$p,/"
done
try() {
	local out status
	out=$("$@" 2>&1)
	status=$?
	printf '%s\n' "$out" | sed -E "s,$R,R,g;s,$N,N,g;s/  +/ /g;$ids" | grep -v '^$'
	echo "= $status: $(echo "${*:2}" | sed "s,$F,F,g;s,$R,R,g;s,$N,N,g")"
}
try bpftool cgroup show "$C"
try bpftool cgroup attach "$C" cgroup_device pinned "$F/one_device"
try bpftool cgroup show "$C"
try bpftool cgroup show "$C/a" effective
try bpftool cgroup attach "$C/a" cgroup_device pinned "$F/two_device"
try bpftool cgroup detach "$C" cgroup_device pinned "$F/one_device"
try bpftool cgroup attach "$C" cgroup_device pinned "$F/one_device" override
try bpftool cgroup attach "$C/a" cgroup_device pinned "$F/two_device"
try bpftool cgroup attach "$C/a/b" cgroup_device pinned "$F/one_device" multi
try bpftool cgroup show "$C/a/b" effective
try bpftool cgroup attach "$C" cgroup_inet_egress pinned "$F/one_egress" multi
try bpftool cgroup attach "$C" cgroup_inet_egress pinned "$F/one_egress" multi
try bpftool cgroup attach "$C" cgroup_inet4_connect pinned "$F/one_connect" multi
try bpftool cgroup attach "$C" connect6 pinned "$F/one_connect" multi
try bpftool cgroup show "$C"
try bpftool -j cgroup show "$C/a"
try bpftool cgroup tree "$C"
try bpftool cgroup tree "$C/a" effective
try bpftool cgroup detach "$C" cgroup_inet_egress pinned "$F/two_device"
try bpftool cgroup detach "$C" cgroup_inet_egress pinned "$F/one_egress"
try bpftool cgroup attach "$C/none" cgroup_device pinned "$F/one_device"
try bpftool cgroup attach /tmp cgroup_device pinned "$F/one_device"
try bpftool cgroup show "$C/cgroup.procs"
rm -r "$F"
rmdir "$C/a/b" "$C/a" "$C"
