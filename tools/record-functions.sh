#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Records on the running kernel, as root, what the workloads of tests/functions pass through:
#   tools/record-functions.sh DIR
# writes DIR/RELEASE-WORKLOAD.txt, which tests/unit/functions_test.c compares with (tests/data/functions).
# Needs kprobes, fentry and /sys/kernel/btf/vmlinux; for "shell" the dash and coreutils of Debian 12, for
# "compile" its gcc-12 and binutils, too. Takes a minute; the probes are gone some minutes after the end.
set -eu
O=${O:-build}
out=${1:?usage: tools/record-functions.sh DIR}
make --no-print-directory O="$O" "$O/functions/recorder" "$O/functions/probes.bpf.o" "$O/functions/workload" "$O/functions/memory"
tmp=$(mktemp -d /tmp/skep-functions-XXXXXX)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/w" "$tmp/out" "$out"
list=
for w in pipes server stages calls ipv6; do list="$list $(realpath "$O")/functions/workload:$w"; done
list="$list $(realpath "$O")/functions/memory:memory"
for w in shell compile; do list="$list $(realpath tests/functions/$w.sh):$w"; done
# shellcheck disable=SC2086
"$O/functions/recorder" "$O/functions/probes.bpf.o" "$tmp/out" "$tmp/w" $list &
while [ ! -e "$tmp/out/done" ] && kill -0 $! 2>/dev/null; do sleep 1; done
release=$(uname -r | sed -E 's/^([0-9]+\.[0-9]+).*/\1/')
for f in "$tmp"/out/*.txt; do
	cp "$f" "$out/$release-$(basename "$f")"
done
