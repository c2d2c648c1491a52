#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Checks that each folder of src/ includes only what docs/architecture.md allows it."""
import pathlib
import re
import sys

ABOVE_ALL = "base isa btf object map helper prog verifier exec jit hook world"
ALLOWED = {
    "base": "",
    "isa": "base",
    "btf": "base",
    "object": "base isa btf",
    "map": "object",
    "helper": "object",
    "prog": "object",
    "verifier": "object",
    "exec": "object",
    "jit": "object",
    "command": ABOVE_ALL,
    "hook": "object exec",
    "world": "object btf",
    "event": "hook world base object command",
    "front": "command event object",
    "daemon": "front",
    "agent": "exec map helper object",
}


def closure(folder, seen=None):
    seen = set() if seen is None else seen
    for f in ALLOWED[folder].split():
        if f not in seen:
            seen.add(f)
            closure(f, seen)
    return seen


bad = 0
for path in sorted(pathlib.Path(".").glob("src/**/*.[ch]")) + sorted(pathlib.Path("cli").glob("*.[ch]")):
    folder = path.parts[1] if path.parts[0] == "src" else "cli"
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not m:
            continue
        name = m.group(1)
        if name.startswith("tables/"):
            continue
        top = name.split("/")[0] if "/" in name else folder
        if folder == "cli":
            if name.startswith("skep/") or "/" not in name:
                continue
            print(f"{path}:{number}: cli may include only include/skep/, not {name}")
            bad += 1
        elif top not in closure(folder) | {folder, "skep"}:
            print(f"{path}:{number}: {folder} may not include {name}")
            bad += 1
sys.exit(1 if bad else 0)
