#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Writes tables/blacklist.def from /sys/kernel/debug/kprobes/blacklist of measured kernels.

    tools/import-blacklist.py VERSION=BLACKLIST... (oldest first)

What the oldest has is taken to be older than all profiles.
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEAD = """/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions that Linux lets nobody probe: NOKPROBE(name, since). Written by
 * tools/import-blacklist.py from kernels of the named releases (x86-64).
 */
"""

kernels = []
for arg in sys.argv[1:]:
    version, path = arg.split("=")
    kernels.append((version, {line.split("\t")[1].strip() for line in open(path) if "\t" in line}))
rows = []
for name in sorted(set.union(*(names for _, names in kernels))):
    first = next(i for i, (_, names) in enumerate(kernels) if name in names)
    since = kernels[first][0] if first else "2.6"
    if name.isidentifier():
        rows.append(f"NOKPROBE({name}, KVER({since.replace('.', ', ')}))\n")
(ROOT / "tables/blacklist.def").write_text(HEAD + "".join(rows))
print(len(rows), "functions")
