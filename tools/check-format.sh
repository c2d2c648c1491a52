#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Fails when a C file is not as clang-format 14 writes it; with --fix rewrites them.
# Not checked: tables, which their generators align, BPF sources, builtin_types.c, and
# lists that are included.
command -v clang-format >/dev/null || { echo "clang-format is missing: formatting not checked"; exit 0; }
bad=0
for f in $(git ls-files 'src/*.[ch]' 'cli/*.[ch]' 'include/*.h' 'tests/*.[ch]' 'bench/*.[ch]' 'examples/*.c' |
	grep -v -e builtin_types.c -e '\.bpf\.c$' -e uapi_names.h -e tests/bpf/ -e _expected.h); do
	[ -e "$f" ] || continue
	clang-format --dry-run -Werror "$f" >/dev/null 2>&1 && continue
	if [ "${1:-}" = --fix ]; then
		clang-format -i "$f"
	else
		echo "$f: not formatted"
		bad=1
	fi
done
[ $bad = 0 ] || echo "run: make fmt"
exit $bad
