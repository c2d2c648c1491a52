#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Records on the running kernel, as root, what the workloads of tests/functions pass through:
#   tools/record-functions.sh DIR
# writes DIR/RELEASE-WORKLOAD.txt, which tests/unit/functions_test.c compares with (tests/data/functions).
# Needs kprobes, fentry and /sys/kernel/btf/vmlinux; for "shell" the dash and coreutils of Debian 12.
set -eu
O=${O:-build}
out=${1:?usage: tools/record-functions.sh DIR}
make --no-print-directory O="$O" "$O/functions/recorder" "$O/functions/probes.bpf.o" "$O/functions/workload"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/w" "$tmp/out" "$out"
record() {
	program=$1
	shift
	"$O/functions/recorder" "$O/functions/probes.bpf.o" "$tmp/out" "$program" "$tmp/w" "$@"
}
record "$(realpath "$O")/functions/workload" pipes server compile
record "$(realpath tests/functions/shell.sh)" shell
release=$(uname -r | sed -E 's/^([0-9]+\.[0-9]+).*/\1/')
for f in "$tmp"/out/*.txt; do
	cp "$f" "$out/$release-$(basename "$f")"
done
