#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Records what the programs of a table print of tests/tools/work.c on a real kernel. TABLE: tools (Debian's
# libbpf-tools, tests/tools/tools.py) or bootstrap (examples/bootstrap, tests/tools/bootstrap.py).
#   tools/record-tools.sh prepare DIR TABLE RELEASE    puts programs, libraries, workload and this script into DIR
#   DIR/record-tools.sh run DIR                        as root on the kernel to be recorded (a virtual machine without
#                                                      anything but busybox will do): writes DIR/out/NAME.txt; READY: seconds that a
#                                                    tool needs to attach (4; capable in an emulated machine: 10)
# The lines that count go to tests/data/TABLE/RELEASE-NAME.txt:
#   tools/record-tools.sh keep DIR TABLE RELEASE
set -eu
dir=$2
rows() { # TABLE RELEASE
	python3 -c '
import sys; sys.path.insert(0, "tests/tools")
import bootstrap, tools
for t in {"tools": tools.TOOLS, "bootstrap": bootstrap.PROGRAMS}[sys.argv[1]]:
    if t.kernel == sys.argv[2]:
        print(t.name, "pipe" if t.pipe else "-", " ".join(t.work) or "-" if t.work is not None else "work",
              t.record if t.record is not None else " ".join(t.argv[1:]))' "$1" "$2"
}
case $1 in
prepare)
	O=${O:-build}
	make --no-print-directory O="$O" "$O/tools/work" "$O/tools/busy" "$O/tools/asks"
	mkdir -p "$dir/root" "$dir/out"
	cp tools/record-tools.sh "$dir"
	rows "$3" "$4" >"$dir/list"
	cd "$dir/root"
	mkdir -p proc sys dev tmp usr/bin
	cp "$OLDPWD/$O/tools/work" "$OLDPWD/$O/tools/busy" "$OLDPWD/$O/tools/asks" usr/bin
	while read -r name _; do
		f=$(command -v "$name" || echo "/usr/sbin/$name")
		[ "$3" = tools ] || f=$OLDPWD/$O/bootstrap/$name
		cp "$f" "usr/bin/$name"
		ldd "$f" | grep -o '/[^ ]*' | while read -r lib; do
			mkdir -p ".$(dirname "$lib")"
			cp -Ln "$lib" ".$lib"
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
	while read -r name pipe work args; do
		echo >root/sys/kernel/tracing/trace
		# shellcheck disable=SC2086
		(timeout -s INT $((${READY:-4} + 3)) chroot root "/usr/bin/$name" $args >"out/$name.txt" 2>&1 || true) &
		sleep ${READY:-4}
		[ "$work" = - ] || chroot root "/usr/bin/$work" || true
		wait
		[ "$pipe" = - ] || cat root/sys/kernel/tracing/trace >>"out/$name.txt"
		echo "$name: $(wc -l <"out/$name.txt") lines"
	done <list
	tar c out | gzip | base64 | sed 's/^/OUT:/'
	;;
keep)
	mkdir -p "tests/data/$3"
	python3 - "$dir/out" "$3" "$4" <<'END'
import sys
sys.path.insert(0, "tests/tools")
import bootstrap, tools
for t in {"tools": tools.TOOLS, "bootstrap": bootstrap.PROGRAMS}[sys.argv[2]]:
    if t.kernel == sys.argv[3]:
        lines = tools.compared(t, open(f"{sys.argv[1]}/{t.name}.txt").read())
        with open(f"{t.data}/{t.kernel}-{t.name}.txt", "w") as f:
            f.writelines(line + "\n" for line in lines)
        print(t.name, len(lines))
END
	;;
esac
