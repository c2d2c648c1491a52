#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Records what Debian's libbpf-tools print of tests/tools/work.c on a real kernel:
#   tools/record-tools.sh prepare DIR    puts tools, libraries, workload and this script into DIR
#   DIR/record-tools.sh run DIR          as root on the kernel to be recorded (a virtual machine without
#                                        anything but busybox will do): writes DIR/out/NAME.txt
# The lines that count go to tests/data/tools/RELEASE-NAME.txt:
#   tools/record-tools.sh keep DIR RELEASE
set -eu
dir=$2
case $1 in
prepare)
	O=${O:-build}
	make --no-print-directory O="$O" "$O/tools/work"
	mkdir -p "$dir/root" "$dir/out"
	cp tools/record-tools.sh "$dir"
	python3 -c '
import sys; sys.path.insert(0, "tests/tools")
import tools
for t in tools.TOOLS:
    if t.kernel: print(" ".join(t.argv))' >"$dir/list"
	cd "$dir/root"
	mkdir -p proc sys dev tmp usr/bin
	cp "$OLDPWD/$O/tools/work" usr/bin/work
	while read -r name _; do
		for f in $(command -v "$name" || echo "/usr/sbin/$name"); do
			cp "$f" "usr/bin/$name"
			ldd "$f" | grep -o '/[^ ]*' | while read -r lib; do
				mkdir -p ".$(dirname "$lib")"
				cp -Ln "$lib" ".$lib"
			done
		done
	done <../list
	;;
run)
	cd "$dir"
	for m in "proc proc" "sysfs sys" "debugfs sys/kernel/debug" "tracefs sys/kernel/tracing" "devtmpfs dev"; do
		mount -t "${m% *}" "${m% *}" "root/${m#* }" 2>/dev/null || true
	done
	ip link set lo up
	ip addr add 127.0.0.1/8 dev lo 2>/dev/null || true
	while read -r name args; do
		# shellcheck disable=SC2086
		(timeout -s INT 7 chroot root "/usr/bin/$name" $args >"out/$name.txt" 2>&1 || true) &
		sleep 4
		chroot root /usr/bin/work || true
		wait
		echo "$name: $(wc -l <"out/$name.txt") lines"
	done <list
	tar c out | gzip | base64 | sed 's/^/OUT:/'
	;;
keep)
	mkdir -p tests/data/tools
	python3 - "$dir/out" "$3" <<'END'
import os, sys
sys.path.insert(0, "tests/tools")
import tools
for t in tools.TOOLS:
    if t.kernel == sys.argv[2]:
        lines = tools.compared(t, open(f"{sys.argv[1]}/{t.name}.txt").read())
        with open(f"tests/data/tools/{sys.argv[2]}-{t.name}.txt", "w") as f:
            f.writelines(line + "\n" for line in lines)
        print(t.name, len(lines))
END
	;;
esac
