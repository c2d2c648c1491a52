# Commands on the programs of interface eth0, told in lines that are the same everywhere: $P is a BPF
# file system, $B the folder of net_xdp.bpf.o, net_tc.bpf.o and net_client. Run by tests/script/net_commands.
F=$P/skep-net-$$
mkdir -p "$F"
cd "$B" || exit
export LC_ALL=C
# Programs by the order in which they come, lines about eth0 without what its wire is.
level() {
	sed -E "s,$F,F,g; s/eth0@[^:]*:/eth0:/; s/^[0-9]+: eth0: <[^>]*> mtu 1500 (xdp[a-z]* |)qdisc.*/eth0: \1/; /link\/ether/d
		s/eth0\([0-9]+\)/eth0/; s/\"ifindex\":[0-9]+/\"ifindex\":I/; s/[[:space:]]+$//; /^qdisc .* dev (lo|eth9|tunl0|sit0) /d; /^qdisc noqueue/d
		s/\"id\":[0-9]+/\"id\":N/g; s/ id [0-9]+/ id N/g" | grep -v '^$'
}
try() {
	local out status
	out=$("$@" 2>&1)
	status=$?
	printf '%s\n' "$out" | level
	echo "= $status: $*" | level
}
id() { bpftool prog show pinned "$1" | sed -n '1s/:.*//p'; }

bpftool prog load net_xdp.bpf.o "$F/a" && bpftool prog load net_xdp.bpf.o "$F/b" || exit
bpftool prog load net_tc.bpf.o "$F/t" type classifier
A=$(id "$F/a") T=$(id "$F/t")

echo "# ip"
try ip link show eth0
try ip link set dev eth0 xdp obj net_xdp.bpf.o sec xdp
try ip link show eth0
try ip link set dev eth0 xdp obj net_xdp.bpf.o sec xdp
try ip -force link set dev eth0 xdp obj net_xdp.bpf.o sec xdp
try ip link set dev eth0 xdpdrv object net_xdp.bpf.o section xdp
try ip link set dev eth0 xdpgeneric obj net_xdp.bpf.o sec xdp
try ip link set dev eth0 xdpoffload obj net_xdp.bpf.o sec xdp
try ip -o link show eth0
try ip link set eth0 xdpgeneric off
try ip link show eth0
try ip link set dev eth0 xdp off
try ip link set dev eth0 xdp off
try ip link show eth0
try ip link set dev eth0 xdpgeneric obj net_xdp.bpf.o sec xdp
try ip link set dev eth0 xdpgeneric obj net_xdp.bpf.o sec xdp
try ip link set dev eth0 xdpdrv obj net_xdp.bpf.o sec xdp
try ip link show eth0
try ip link set dev eth0 xdp off
try ip link show eth0
try ip link set dev eth0 xdpgeneric off
try ip link set dev eth0 mtu 1400 xdpgeneric obj net_xdp.bpf.o sec xdp
try ip link set dev eth0 mtu 1500 xdpgeneric off
try ip link show eth0
try ip link set dev eth0 xdp pinned "$F/a"
try ip link show eth0
try ip link set dev eth0 xdp none
try ip link set dev eth0 xdp pinned "$F/t"
try ip link set dev eth0 xdp obj net_xdp.bpf.o sec nosuch
try ip link set dev eth0 xdp obj nosuch.o
try ip link set dev nosuch xdp obj net_xdp.bpf.o sec xdp

echo "# bpftool"
try bpftool net attach xdp id "$A" dev eth0
try bpftool net attach xdp id "$A" dev eth0
try bpftool net attach xdp pinned "$F/b" dev eth0
try bpftool net attach xdp pinned "$F/b" dev eth0 overwrite
try bpftool net attach xdpgeneric pinned "$F/a" dev eth0 overwrite
try bpftool net attach xdpoffload id "$A" dev eth0
try bpftool net attach xdp id "$T" dev eth0
try bpftool net attach xdp id "$A" dev nosuch
try bpftool net show
try bpftool -j net show dev eth0
try bpftool net detach xdpgeneric dev eth0
try bpftool net detach xdp dev eth0
try bpftool net show dev eth0
try bpftool net attach xdpgeneric id "$A" dev eth0
try bpftool net attach xdpgeneric pinned "$F/b" dev eth0
try bpftool net show
try bpftool net detach xdpgeneric dev eth0
try bpftool feature probe dev eth0

echo "# tc"
try tc filter add dev eth0 ingress bpf da obj net_tc.bpf.o sec ingress
try tc qdisc add dev eth0 clsact
try tc qdisc add dev eth0 clsact
try tc qdisc show
try tc -s qdisc show dev eth0 clsact
try tc -j qdisc show dev eth0 ingress
try tc filter add dev eth0 ingress bpf da obj net_tc.bpf.o sec ingress
try tc filter add dev eth0 egress bpf da obj net_tc.bpf.o sec egress
try tc filter show dev eth0 ingress
try tc filter show dev eth0 egress
try tc filter add dev eth0 ingress bpf da obj net_tc.bpf.o sec ingress
try tc filter add dev eth0 ingress prio 7 handle 3 bpf da obj net_tc.bpf.o sec ingress
try tc filter add dev eth0 ingress prio 7 handle 3 bpf da obj net_tc.bpf.o sec ingress
try tc filter replace dev eth0 ingress prio 7 handle 3 bpf da obj net_tc.bpf.o sec egress
try tc filter add dev eth0 ingress prio 7 bpf da object-pinned "$F/t"
try tc filter add dev eth0 ingress protocol ip prio 9 bpf obj net_tc.bpf.o sec ingress classid 1:2
try tc filter add dev eth0 ingress protocol ipv6 prio 9 bpf da obj net_tc.bpf.o sec ingress
try tc filter add dev eth0 ingress prio 10 bpf obj net_tc.bpf.o sec ingress action drop
try tc filter add dev eth0 ingress chain 5 prio 10 bpf da skip_hw obj net_tc.bpf.o sec ingress
try tc filter change dev eth0 ingress prio 3 bpf da obj net_tc.bpf.o sec ingress
try tc filter add dev eth0 ingress bpf da skip_sw obj net_tc.bpf.o sec ingress
try tc filter add dev eth0 ingress bpf da obj net_tc.bpf.o sec nosuch
try tc filter add dev eth0 ingress bpf da object-pinned "$F/a"
try tc filter add dev nosuch ingress bpf da obj net_tc.bpf.o sec ingress
try tc filter show dev eth0 ingress
try tc -s filter show dev eth0 ingress
try tc -j filter show dev eth0 egress
try tc filter show dev eth0 ingress chain 5
try tc filter show dev eth0 ingress prio 7
try tc filter get dev eth0 ingress prio 7 handle 3 protocol all bpf
try tc filter get dev eth0 ingress prio 7 handle 9 protocol all bpf
try tc chain show dev eth0 ingress
try bpftool net show
try tc filter del dev eth0 ingress prio 7 handle 3 bpf
try tc filter del dev eth0 ingress prio 7 handle 33 bpf
try tc filter del dev eth0 ingress prio 7 protocol ip
try tc filter del dev eth0 ingress prio 7
try tc filter del dev eth0 ingress prio 8
try tc filter del dev eth0 ingress
try tc filter show dev eth0 ingress
try tc filter del dev eth0 ingress chain 5
try tc filter del dev eth0 ingress prio 1
try tc qdisc del dev eth0 ingress
try tc qdisc replace dev eth0 clsact
try tc qdisc del dev eth0 clsact
try tc qdisc del dev eth0 clsact
try tc filter show dev eth0 egress
try tc qdisc add dev eth0 ingress
try tc filter add dev eth0 parent ffff: bpf da obj net_tc.bpf.o sec ingress
try tc filter show dev eth0 parent ffff:
try tc filter show dev eth0 ingress
try tc qdisc show dev eth0
try tc qdisc del dev eth0 ingress

echo "# libbpf"
try ./net_client eth0
rm -r "$F"
