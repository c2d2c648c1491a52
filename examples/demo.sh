#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The main job, shown: a capture is made, three programs count, drop and rewrite
# its packets, a fourth is rejected with its reason. Each command is echoed; the
# demo fails when what a command prints is not what it should print.
set -u
cd "$(dirname "$0")/.."
O=$(realpath "${O:-build}")
PATH=$O:$O/examples:$PATH
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cp "$O"/bpf/{count,drop,rewrite,rejected}.bpf.o "$dir" && cd "$dir" || exit 1
bold= plain=
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] && bold=$'\033[1m' plain=$'\033[0m'

say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }

# show STATUS PATTERN… -- COMMAND: echoes and runs COMMAND; its exit status and one line for each PATTERN must be there.
show() {
	local want=$1 patterns=() status
	shift
	while [ "$1" != -- ]; do patterns+=("$1"); shift; done
	shift
	printf '%s$ %s%s\n' "$bold" "$*" "$plain"
	"$@" >out.txt 2>&1
	status=$?
	cat out.txt
	if [ $status != "$want" ]; then
		echo "demo: exit status $status, should be $want" >&2
		exit 1
	fi
	for p in "${patterns[@]}"; do
		grep -qE -- "$p" out.txt || { echo "demo: no line like '$p' above" >&2; exit 1; }
	done
}

say "Your account today: may it load eBPF into the kernel?"
skep verify --engine kernel count.bpf.o >kernel.txt 2>&1 && echo "yes, this one may; skep does not need it" ||
	{ grep -m1 -oE 'Operation not permitted|Function not implemented|.*reason: .*' kernel.txt || head -n 1 kernel.txt; echo "no; skep does not ask it"; }

say "A capture to work on (deterministic, made here)"
show 0 'packets' -- make-capture in.pcap

say "XDP: count packets by protocol"
show 0 'count_packets' 'PASS' 'by_protocol' '\[6\]' '\[17\]' -- skep run count.bpf.o --pcap in.pcap

say "XDP: drop DNS; what passes is written to a new capture"
show 0 'DROP' 'dropped = [1-9]' 'first datagram to port 53' -- skep run drop.bpf.o --pcap in.pcap --out passed.pcap

say "TC: rewrite a service address to its backend, checksums mended"
show 0 'rewritten = [1-9]' -- skep run rewrite.bpf.o --pcap in.pcap --out rewritten.pcap

say "The verifier: a program that reads without a bounds check, and why it may not"
show 1 'rejected' 'invalid access to packet' 'rejected.bpf.c' -- skep verify rejected.bpf.o
show 1 'R[0-9]' 'invalid access to packet' 'processed [0-9]+ insns' -- skep verify --log rejected.bpf.o

say "The same object, judged as Linux 5.10 would"
show 0 'accepted' -- skep verify --kernel 5.10 count.bpf.o

printf '\n%sAll of it ran in user space as %s.%s\n' "$bold" "$(id -un 2>/dev/null || id -u)" "$plain"
