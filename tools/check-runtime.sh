#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# check-runtime.sh OBJECT...: links the runtime (maps, helpers, execution) without any
# library into $O/runtime.o and proves that it stands alone: no undefined symbol, no
# writable data, no thread-local storage. This object is what later runs inside traced
# processes.
#
# memcpy and the three others that compilers call are the runtime's own there
# (src/object/rt_string.c); inside libskep they are libc's.
set -u
O=${O:-build}
LD=${LD:-ld} OBJCOPY=${OBJCOPY:-objcopy} NM=${NM:-nm} SIZE=${SIZE:-size}
out=$O/runtime.o
# Symbols that may stay undefined: none. (Each would need its reason here.)
allowed='^$'
bad=0

if [ $# = 0 ]; then
	echo "check-runtime.sh: no objects given" >&2
	exit 1
fi
"$LD" -r -nostdlib -o "$out.tmp" "$@" || exit 1
"$OBJCOPY" --redefine-sym memcpy=rt_memcpy --redefine-sym memmove=rt_memmove \
	--redefine-sym memset=rt_memset --redefine-sym memcmp=rt_memcmp "$out.tmp" "$out.tmp2" || exit 1
# objcopy leaves the undefined entry beside the definition of that name: link once more.
"$LD" -r -nostdlib -o "$out" "$out.tmp2" || exit 1
rm -f "$out.tmp" "$out.tmp2"

undefined=$("$NM" -u "$out" | awk '{print $NF}' | grep -vE '^(_GLOBAL_OFFSET_TABLE_)$' | grep -vE "$allowed")
if [ -n "$undefined" ]; then
	echo "runtime: needs what is not there:" >&2
	for s in $undefined; do
		echo "    $s, for $(for f in "$@"; do "$NM" -u "$f" | grep -qE " $s\$" && basename "$f"; done | tr '\n' ' ')" >&2
	done
	bad=1
fi
# Constants that hold addresses (.data.rel.ro) are read-only once they are relocated.
writable=$("$SIZE" -A "$out" | awk '$2 > 0 && $1 ~ /^\.(data|bss|tdata|tbss)/ && $1 !~ /^\.data\.rel\.ro/ {print "    " $1 ": " $2 " bytes"}')
if [ -n "$writable" ]; then
	echo "runtime: has writable data:" >&2
	echo "$writable" >&2
	"$NM" -S "$out" | awk '$3 ~ /^[dDbBC]$/ {print "    " $0}' | head -20 >&2
	bad=1
fi
[ "$bad" = 0 ] && echo "runtime: $# objects, $("$SIZE" "$out" | awk 'NR == 2 {print $1}') bytes of code and constants; nothing undefined, no writable data"
exit "$bad"
