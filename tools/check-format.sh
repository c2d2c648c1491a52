#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Fails when a C file is not as clang-format 14 writes it (`make fmt` rewrites them).
# Not checked: tables, which are aligned by their generators, and builtin_types.c.
command -v clang-format >/dev/null || { echo "clang-format is missing: formatting not checked"; exit 0; }
bad=0
for f in $(git ls-files 'src/*.[ch]' 'cli/*.[ch]' 'include/*.h' 'tests/*.[ch]' 'bench/*.[ch]' 'examples/*.c' |
	grep -v -e builtin_types.c -e '\.bpf\.c$'); do
	[ -e "$f" ] && ! clang-format --dry-run -Werror "$f" >/dev/null 2>&1 && { echo "$f: not formatted"; bad=1; }
done
[ $bad = 0 ] || echo "run: make fmt"
exit $bad
