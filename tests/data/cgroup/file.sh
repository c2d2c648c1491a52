# Loads cgroup_file.bpf.o ($OBJ), attaches it to a cgroup below $R, and tries devices and sysctls there.
# Run by tests/script/cgroup_sock. $P is a BPF file system.
N=skep-file-$$
C=$R/$N
F=$P/$N
mkdir -p "$C" "$F"
bpftool prog loadall "$OBJ" "$F" || exit
bpftool cgroup attach "$C" cgroup_device pinned "$F/on_device"
bpftool cgroup attach "$C" cgroup_sysctl pinned "$F/on_sysctl"
dir=$(mktemp -d)
ln -s /dev/zero "$dir/link"
cat >"$dir/try" <<'END'
try() { echo "$*: $(bash -c "$*" 2>&1 | sed 's/^.*: \([A-Z][a-z]*\)/\1/' | tr '\n' ' ')"; }
cd "$1"
ttl=/proc/sys/net/ipv4/ip_default_ttl
try 'head -c 1 /dev/zero | wc -c'
try 'head -c 1 link | wc -c'
try 'head -c 1 /dev/full | wc -c'
try 'echo >/dev/full'
try 'head -c 1 /dev/urandom | wc -c'
try 'echo >/dev/null && echo fine'
try 'cat /proc/sys/kernel/ostype'
try 'wc -l </proc/sys/kernel/osrelease'
[ -n "$2" ] || exit 0
echo 64 >$ttl
cat $ttl
try "echo 5 >$ttl"
try "echo 77 >$ttl"
cat $ttl
try "echo 55 >$ttl"
try "echo 64 >$ttl"
cat $ttl
try 'mknod null c 1 3 && ls null'
try 'mknod zero c 1 5'
try 'mknod disk b 1 5'
END
bash -c "echo 0 >$C/cgroup.procs && exec timeout 30 $RUN bash $dir/try $dir $FULL"
rm -r "$F" "$dir"
rmdir "$C"
