#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Records on the running kernel, as root, what the workloads of tests/functions pass through:
#   tools/record-functions.sh DIR
# writes DIR/RELEASE-WORKLOAD.txt, which tests/unit/functions_test.c compares with (tests/data/functions).
# Needs kprobes, fentry and /sys/kernel/btf/vmlinux; built by `make $O/functions/recorder`.
set -eu
O=${O:-build}
out=${1:?usage: tools/record-functions.sh DIR}
make --no-print-directory O="$O" "$O/functions/recorder" "$O/functions/probes.bpf.o" "$O/functions/workload"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/w" "$tmp/out" "$out"
"$O/functions/recorder" "$O/functions/probes.bpf.o" "$tmp/out" "$(realpath "$O")/functions/workload" "$tmp/w" pipes server compile
release=$(uname -r | sed -E 's/^([0-9]+\.[0-9]+).*/\1/')
for w in pipes server compile; do
	cp "$tmp/out/$w.txt" "$out/$release-$w.txt"
done
