# A megabyte each way by connections whose segments all get an option, which has to have room: for
# tests/script/sock_ops_wire. $OBJ, $HERE: see wire.sh; $PEER_IN: a command at the other end.
C=/sys/fs/cgroup/bulk F=/sys/fs/bpf/bulk
mkdir -p $C $F
bpftool prog loadall "$OBJ" "$F" pinmaps "$F/maps" || exit
bpftool cgroup attach "$C" cgroup_sock_ops pinned "$F/on_event" multi || exit
bpftool map update pinned "$F/maps/config" key 2 0 0 0 value 0 128 0 0 # what is written is counted
bpftool map update pinned "$F/maps/config" key 3 0 0 0 value 6 0 0 0
b="python3 $HERE/bulk.py"
for a in "10.0.0.1 10.0.0.2" "fd00:5eb::1 fd00:5eb::2"; do
	set -- $a
	$PEER_IN $b listen $1 2>/dev/null &
	$b connect $1 $C
	wait
	$b listen $2 $C 2>/dev/null &
	$PEER_IN $b connect $2
	wait
done
bpftool -j map lookup pinned "$F/maps/config" key 0 0 0 0 |
	python3 -c 'import json, sys; print("written", json.load(sys.stdin)["formatted"]["value"] > 2000)'
