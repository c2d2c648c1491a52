#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Which tests use which flag (tables/flags.def), by its name.

  flag-coverage.py          prints each flag that is done, and the tests that use it
  flag-coverage.py --check  fails for a flag that is done and that no test uses, unless NOT_NAMED says
                            why, and for what NOT_NAMED says of one that a test does use

Comments do not count, nor do lists of names and values that are only compared with the kernel's.
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["unit", "bpf", "script", "clients", "lib", "data/cgroup", "textbook", "lskel", "plugin", "go"]
LISTS = re.compile(r"uapi_(fact|names|host|test)")
# Flags that no test names, and why.
NOT_NAMED = {}


def flags():
    """Those that are done."""
    text = (ROOT / "tables/flags.def").read_text()
    return [m[1] for m in re.finditer(r'^FLAG\((\w+),\s*KVER\([^)]*\),\s*DONE\b', text, re.M)]


def code(path):
    """Its text without comments."""
    text = path.read_text(errors="replace")
    if path.suffix in (".c", ".h", ".go"):
        return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    return re.sub(r"^\s*#[^\n]*", "", text, flags=re.M)


def uses():
    """Name -> tests that use it."""
    out = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / "tests" / folder).rglob("*")):
            if not path.is_file() or LISTS.match(path.name) or path.suffix in (".o", ".txt", ".pcap"):
                continue
            for name in set(re.findall(r"\b[A-Z][A-Z0-9_a-z]+\b", code(path))):
                out.setdefault(name, []).append(path.relative_to(ROOT / "tests").as_posix())
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    used, bad = uses(), []
    for name in flags():
        if not args.check:
            print(f"{name}: {' '.join(used.get(name, [])) or NOT_NAMED.get(name, '-')}")
        elif name in NOT_NAMED and name in used:
            bad.append(f"tools/flag-coverage.py: NOT_NAMED holds {name}, which tests/{used[name][0]} uses")
        elif name not in NOT_NAMED and name not in used:
            bad.append(f"flag {name}: no test uses it by name")
    bad += [f"tools/flag-coverage.py: NOT_NAMED holds {name}, which is no flag that is done"
            for name in NOT_NAMED if args.check and name not in flags()]
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
