#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Checks that each DIFF(id) of the code has its section in docs/differences.md, and the reverse."""
import pathlib
import re
import sys

used = {}
for path in sorted(pathlib.Path(".").glob("src/**/*.[ch]")) + sorted(pathlib.Path("tables").glob("**/*.def")):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for name in re.findall(r"DIFF\(([a-z0-9-]+)\)", line):
            used.setdefault(name, f"{path}:{number}")
sections = set(re.findall(r"^## ([a-z0-9-]+)$", pathlib.Path("docs/differences.md").read_text(), re.M))
bad = [f"{where}: DIFF({name}) has no section in docs/differences.md" for name, where in used.items() if name not in sections]
bad += [f"docs/differences.md: section {name} is no DIFF({name}) of the code" for name in sorted(sections - used.keys())]
print("\n".join(bad), end="\n" if bad else "")
sys.exit(1 if bad else 0)
