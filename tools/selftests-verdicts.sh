#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Compiles the programs of Linux's own selftests and compares skep's verdict on each
# with the running kernel's. Needs Debian's linux-source-6.12,
# clang-19 and bpftool, a kernel that permits bpf(2), and some minutes. Nothing of
# it enters the repository.
#   tools/selftests-verdicts.sh [WORKDIR [PATTERN]]     results in WORKDIR/results.txt
# PATTERN chooses the sources ("iters*", "verifier_*"); without one, all of them. What the
# kernel does not let anybody load here (fentry, LSM in some machines) is "not judged".
set -u
cd "$(dirname "$0")/.." || exit 1
skep=$(realpath "${O:-build}/skep")
work=${1:-$(mktemp -d)}
mkdir -p "$work" && work=$(realpath "$work") || exit 1
source=/usr/src/linux-source-6.12.tar.xz
[ -e $source ] || { echo "needs the package linux-source-6.12" >&2; exit 1; }
top=$work/linux-source-6.12/tools
tar xJf $source -C "$work" --wildcards 'linux-source-6.12/tools/testing/selftests/bpf/progs/*' \
	'linux-source-6.12/tools/testing/selftests/bpf/*.h' 'linux-source-6.12/tools/lib/bpf/*.h' \
	'linux-source-6.12/tools/include/uapi/*'
mkdir -p "$work/inc/bpf" "$work/o"
bpftool btf dump file /sys/kernel/btf/vmlinux format c >"$work/inc/vmlinux.h"
cp "$top"/lib/bpf/{bpf_helpers,bpf_tracing,bpf_core_read,bpf_endian,usdt.bpf}.h /usr/include/bpf/bpf_helper_defs.h "$work/inc/bpf/"
cd "$top/testing/selftests/bpf/progs" || exit 1
for f in ./${2:-*}.c; do
	timeout 20 clang-19 -target bpf -g -O2 -mcpu=v3 -D__TARGET_ARCH_x86 -I"$work/inc" -I.. -I. -I"$top/include/uapi" \
		-I/usr/include/x86_64-linux-gnu -w -c "$f" -o "$work/o/$(basename "${f%.c}").o" 2>/dev/null
done
cd "$work/o" || exit 1
release=$(uname -r | cut -d. -f1,2)
for f in *.o; do
	timeout 60 "$skep" verify --kernel "$release" --json "$f" >../a.json 2>/dev/null
	timeout 60 "$skep" verify --engine kernel --json "$f" >../b.json 2>/dev/null
	python3 - "$f" <<-'P'
		import json, sys
		try:
		    a, b = ({p["program"]: p for p in json.load(open(n))} for n in ("../a.json", "../b.json"))
		except Exception:
		    print("unreadable", sys.argv[1])
		    sys.exit()
		for name, k in b.items():
		    s = a.get(name, {"verdict": "missing"})
		    if "does not let this account" in str(k.get("reason")):
		        print("not judged", k["type"], sys.argv[1], name)
		    elif s["verdict"] == k["verdict"]:
		        print("same", k["verdict"], k["type"], sys.argv[1], name)
		    else:
		        print("differs", k["type"], sys.argv[1], name, "| skep:", s["verdict"], s.get("reason"), "| kernel:", k["verdict"], k.get("reason"))
	P
done >../results.txt
cd .. && awk '{print $1, $1 == "same" ? $2 : ""}' results.txt | sort | uniq -c | sort -rn
grep 'skep: accepted' results.txt
echo "all of it: $work/results.txt"
