#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The main jobs, shown: programs on what a command does, then programs on packets, then
# the verifier. Started by root, it goes on as nobody. Each command is echoed; the demo
# fails when what a command prints is not what it should print.
set -u
cd "$(dirname "$0")/.."
O=$(realpath "${O:-build}")

# What is needed goes to a folder that any user can read: the checkout may lie where nobody else can.
if [ -z "${DEMO_DIR:-}" ]; then
	DEMO_DIR=$(mktemp -d) || exit 1
	trap 'rm -rf "$DEMO_DIR"' EXIT
	export DEMO_DIR
	mkdir "$DEMO_DIR/bin" "$DEMO_DIR/work" &&
		cp "$O/skep" "$O/examples/make-capture" "$DEMO_DIR/bin" &&
		cp "$O"/bpf/{seven,malloc_hist,block_write,bindsnoop,nokey,drop,rewrite,rejected,count}.bpf.o "$DEMO_DIR/work" &&
		cp "$0" "$DEMO_DIR/demo.sh" && chmod -R a+rX "$DEMO_DIR" || exit 1
	if [ "$(id -u)" = 0 ]; then
		chown -R 65534:65534 "$DEMO_DIR/work"
		setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all bash "$DEMO_DIR/demo.sh"
	else
		bash "$DEMO_DIR/demo.sh"
	fi
	exit
fi

PATH=$DEMO_DIR/bin:$PATH
cd "$DEMO_DIR/work" || exit 1
export HOME=$PWD
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
bold= plain=
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] && bold=$'\033[1m' plain=$'\033[0m'

say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }

# show STATUS PATTERN… -- COMMAND: echoes and runs COMMAND; its exit status and one line for each PATTERN must be there.
show() {
	local want=$1 patterns=() status
	shift
	while [ "$1" != -- ]; do patterns+=("$1"); shift; done
	shift
	printf '%s$' "$bold"
	for word; do case $word in *[\ \;\>\"\(]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac; done
	printf '%s\n' "$plain"
	"$@" >"$out" 2>&1
	status=$?
	cat "$out"
	if [ $status != "$want" ]; then
		echo "demo: exit status $status, should be $want" >&2
		exit 1
	fi
	for p in "${patterns[@]}"; do
		grep -qE -- "$p" "$out" || { echo "demo: no line like '$p' above" >&2; exit 1; }
	done
}

until_there() { # PATTERN FILE: waits, half a minute at most
	for ((i = 0; i < 300; i++)); do
		grep -qE -- "$1" "$2" && return
		sleep 0.1
	done
}

say "Your account today: may it load eBPF into the kernel?"
if [ "$(id -u)" = 65534 ]; then
	show 1 'Operation not permitted|Function not implemented' -- skep verify --engine kernel count.bpf.o
else
	skep verify --engine kernel count.bpf.o >"$out" 2>&1 && echo "yes, this one may; skep does not need it" ||
		{ grep -m1 -oE 'Operation not permitted|Function not implemented|.*reason: .*' "$out" || head -n 1 "$out"; }
fi

say "Seven programs on what a command and its children do: two commands and a file removed"
mkdir -p box && cd box && touch x || exit 1
show 0 '1 ksyscall execve: .*/ls' '2 kprobe do_execve: .*/ls' '3 fentry do_execve: .*/ls' '4 tp sys_enter_execve: .*/ls' \
	'5 tp_btf sched_process_exec: pid [0-9]+ runs .*/ls' '6 raw_tp sched_process_exec: .*/ls' '5 tp_btf.* runs .*/rm' \
	'6 raw_tp sched_process_exec: .*/sh$' '7 fentry do_unlinkat: x$' '^x$' \
	-- skep run ../seven.bpf.o -- sh -c 'ls; rm x'
cd ..
[ ! -e box/x ] || { echo "demo: x is still there" >&2; exit 1; }

say "A function of a library: how much memory does ls ask malloc() for, and how often?"
show 0 'malloc_bytes_hist' '[0-9]+ -> [0-9]+ .*\*\*\*' '\[ls\] = [1-9]' -- skep run malloc_hist.bpf.o -- ls -l /usr

say "A process that sends one datagram and is gone: bindsnoop still names its port"
show 0 'bash .*how=SENDTO ret=1 .*port=[1-9]' -- skep run --no-maps bindsnoop.bpf.o -- bash -c 'echo -n x >/dev/udp/127.0.0.1/9'

say "A decision: this command may not write"
show 1 'write of 7 bytes to descriptor 1 refused' 'blocked = [1-9]' '[Oo]peration not permitted' \
	-- skep run block_write.bpf.o -- bash -c 'echo secret > file'
show 0 '^0 file' -- wc -c file

say "A security module of one hook: nobody under it opens a key"
echo secret >server.key
if skep run nokey.bpf.o -- true 2>&1 | grep -q "no kernel function file_open"; then
	echo "(not here: the kernel's own types are needed, and cannot be read)"
else
	show 1 'may not open server.key' 'Operation not permitted' -- skep run nokey.bpf.o -- cat server.key
fi

# A daemon of the demo's own.
mkdir -pm700 run
export XDG_RUNTIME_DIR=$PWD/run
export PATH=$PATH:/usr/sbin:/sbin
say "Unmodified clients, each a process of its own: Debian's bpftool takes skep for its kernel"
show 0 -- skep exec -- bpftool prog load count.bpf.o /sys/fs/bpf/count
show 0 'xdp  name count_packets  tag [0-9a-f]{16}' 'jited [0-9]+B' -- skep exec -- bpftool prog show pinned /sys/fs/bpf/count
show 0 -- skep exec -- bpftool map create /sys/fs/bpf/stats_map type hash key 2 value 2 entries 8 name stats_map
show 0 -- skep exec -- bpftool map update name stats_map key 0xc1 0xc2 value 0xa1 0xa2
show 0 'key: c1 c2  value: a1 a2' -- skep exec -- bpftool map dump name stats_map
show 0 'maps' -- skep ps
show 0 -- skep exec -- rm /sys/fs/bpf/count /sys/fs/bpf/stats_map

if command -v execsnoop >/dev/null; then
	say "Two terminals of one machine: execsnoop of Debian's libbpf-tools in one, work in the other"
	printf '%s$ skep exec --root -- execsnoop &%s\n' "$bold" "$plain"
	skep exec --root -- stdbuf -oL execsnoop >snoop.txt 2>&1 </dev/null &
	disown
	until_there 'PCOMM' snoop.txt
	show 0 -- skep exec -- sh -c 'ls >/dev/null; rm -f x'
	until_there '^rm ' snoop.txt
	skep stop >/dev/null
	show 0 '^sh .*-c ls' '^ls .* 0 .*/ls' '^rm .* 0 .*/rm' -- cat snoop.txt
fi

if ! command -v ip >/dev/null; then
	echo "(live packets: no ip here, it is in Debian's iproute2)"
elif skep exec --net -- true >"$out" 2>&1; then
	say "Live packets: the instance's own network, Debian's ip, and a datagram from the other end of the wire"
	show 0 -- skep exec --net -- ip link set dev eth0 xdpgeneric obj drop.bpf.o sec xdp
	show 0 'prog/xdp id [0-9]+ name drop_port tag [0-9a-f]{16} jited' -- skep exec --net -- ip link show dev eth0
	show 2 'XDP program already attached' -- skep exec --net -- ip link set dev eth0 xdpgeneric obj drop.bpf.o sec xdp
	printf '%s$ skep exec --net -- bpftool prog tracelog &%s\n' "$bold" "$plain"
	skep exec --net -- bpftool prog tracelog >trace.txt 2>&1 </dev/null &
	disown
	show 0 -- skep exec --net=partner -- bash -c 'echo x >/dev/udp/10.0.0.2/53'
	until_there 'port 53 dropped' trace.txt
	show 0 -- skep exec --net -- ip link set dev eth0 xdpgeneric off
	skep stop >/dev/null
	show 0 'first datagram to port 53 dropped' -- cat trace.txt
else
	say "Live packets: not for this account"
	cat "$out"
fi

say "Packets in a capture: drop DNS; what passes is written to a new capture"
show 0 'packets' -- make-capture in.pcap
show 0 'DROP' 'dropped = [1-9]' 'first datagram to port 53' -- skep run drop.bpf.o --pcap in.pcap --out passed.pcap
show 0 'rewritten = [1-9]' -- skep run rewrite.bpf.o --pcap in.pcap --out rewritten.pcap

say "The verifier: a program that reads without a bounds check, and why it may not"
show 1 'rejected' 'invalid access to packet' 'rejected.bpf.c' -- skep verify rejected.bpf.o

say "An object, judged as Linux 5.10 would"
show 0 'accepted' -- skep verify --kernel 5.10 count.bpf.o

printf '\n%sAll of it ran in user space as %s.%s\n' "$bold" "$(id -un 2>/dev/null || id -u)" "$plain"
