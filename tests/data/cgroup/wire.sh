# What programs of cgroup sock_ops are told of the connections of a process, whose peer is a script: run by
# tests/script/sock_ops_wire. $OBJ is sock_ops_wire.bpf.o, $R the cgroups, $P a BPF file system, $HERE the scripts' folder.
# $USER_IN and $PEER_IN are commands that run one in the two ends of a wire: 10.0.0.2, and 10.0.0.9, which is nobody's.
# wire.sh CASE FLAGS MASK SIZE
N=skep-wire-$$
C=$R/$N
F=$P/$N
mkdir -p "$C" "$F"
bpftool prog loadall "$OBJ" "$F" pinmaps "$F/maps" || exit
bpftool cgroup attach "$C" cgroup_sock_ops pinned "$F/on_event" multi || exit
number() { printf '%d %d %d %d' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
at=1
for v in "$2" "$3" "$4"; do
	bpftool map update pinned "$F/maps/config" key $at 0 0 0 value $(number "$v")
	at=$((at + 1))
done
ready() { for _ in $(seq 600); do grep -q "$2" "$1" 2>/dev/null && return; sleep 0.1; done; }
peer() { $PEER_IN python3 "$HERE/wire.py" peer "$1" eth0 10.0.0.9 10.0.0.2 >"$HERE/peer.$$" 2>"$HERE/ready.$$" & }
user() { $USER_IN timeout 30 python3 "$HERE/wire.py" "${1%%-*}" 10.0.0.9 "$C" 2>"$HERE/user.$$"; }
cookies() { $USER_IN sh -c "echo $1 >/proc/sys/net/ipv4/tcp_syncookies"; }
case $1 in *-cookie) cookies 2 ;; esac
if [ "${1%%-*}" = connect ]; then
	peer "$1"
	ready "$HERE/ready.$$" ready
	user "$1"
else
	user "$1" &
	ready "$HERE/user.$$" listens
	peer "$1"
fi
wait
case $1 in *-cookie) cookies 1 ;; esac
cat "$HERE/peer.$$"
grep -v "listens" "$HERE/user.$$"
bpftool -j map dump pinned "$F/maps/lines" >"$HERE/lines.$$"
bpftool -j map dump pinned "$F/maps/config" >"$HERE/config.$$"
python3 - "$HERE/lines.$$" "$HERE/config.$$" <<'E2'
import json, sys
names = ["void", "timeout init", "rwnd init", "connect", "active", "passive", "needs ecn", "base rtt", "rto",
         "retrans", "state", "listen", "rtt", "parse", "len", "write", "sched", "snd sw", "snd hw", "ack", "sendmsg"]
lines = [e["formatted"]["value"] for e in json.load(open(sys.argv[1]))]
n = json.load(open(sys.argv[2]))[0]["formatted"]["value"]
for l in lines[:n]:
    print(names[l.pop("op")] + ":", *("%s %d" % (k, v if v < 1 << 31 else v - (1 << 32)) for k, v in l.items() if v))
E2
rm -r "$F" "$HERE"/*.$$
rmdir "$C"
