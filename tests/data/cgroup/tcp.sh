# Loads cgroup_tcp.bpf.o ($OBJ), attaches it to a cgroup below $R, runs tcp.py there and says what
# the programs were told. Run by tests/script/cgroup_tcp; $P is a BPF file system, $HERE the scripts' folder.
N=skep-tcp-$$
C=$R/$N
F=$P/$N
mkdir -p "$C" "$F"
bpftool prog loadall "$OBJ" "$F" pinmaps "$F/maps" || exit
attach() { bpftool cgroup attach "$C" "$1" pinned "$F/$2" multi || echo "$1: no"; }
attach cgroup_sock_ops on_event
attach cgroup_inet_sock_release on_release
bash -c "echo 0 >$C/cgroup.procs && exec timeout 30 python3 '$HERE/tcp.py' '$C'"
for m in lines counts; do bpftool -j map dump pinned "$F/maps/$m" >"$HERE/$m.$$"; done
python3 - "$HERE/lines.$$" "$HERE/counts.$$" <<'E2'
import json, sys
lines = [e["formatted"]["value"] for e in json.load(open(sys.argv[1]))]
counts = [e["formatted"]["value"] for e in json.load(open(sys.argv[2]))]
for role, name in enumerate(("who connects", "who was accepted", "the listener")):
    for l in lines[role * 16:][:min(16, counts[role])]:
        print(name + ":", *("%s %d" % (k, v) for k, v in l.items()))
print("released: TCP %d, UDP %d, others %d" % tuple(counts[3:6]))
E2
rm -r "$F" "$HERE/lines.$$" "$HERE/counts.$$"
rmdir "$C"
