#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Writes tables/event_names.def from tracefs' available_events of measured kernels.

    tools/import-event-names.py VERSION=AVAILABLE_EVENTS[,SOURCE]... (oldest first)

SOURCE: that kernel's source; an event that is declared there existed then, though the measured
configuration lacked it. What the oldest has is taken to be older than all profiles.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEAD = """/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Names of Linux's trace events besides those of system calls: EVENT_NAME(category, name, since). Those
 * that skep fires are rows of tracepoints.def, too; the others are listed, as clients search the list,
 * and cannot be attached to. Written by tools/import-event-names.py from kernels of the named
 * releases: one is as new as the first of them that has it; which have gone since is not said.
 */
"""


def declared(folder):
    names = set()
    for path in pathlib.Path(folder).rglob("*.h"):
        text = path.read_text(errors="replace")
        names.update(re.findall(r"\b(?:TRACE_EVENT\w*|DEFINE_EVENT\w*)\(\s*(?:\w+,\s*)?(\w+)\s*,", text))
        for first, second in re.findall(r"\b\w*(?:EVENT|DEFINE|TRACE)\w*\(\s*(\w+)\s*(?:,\s*(\w+))?", text):
            names.update((first, second))
    return names


def main():
    kernels = []
    for arg in sys.argv[1:]:
        version, rest = arg.split("=")
        listed, _, source = rest.partition(",")
        events = set(open(listed).read().split())
        kernels.append((version, events, declared(source) if source else set()))
    everything = sorted({e for _, events, _ in kernels for e in events if not e.startswith("syscalls:")})
    rows = []
    for e in everything:
        category, name = e.split(":")
        there = [e in events or name in source for _, events, source in kernels]
        first = there.index(True)
        since = "KVER(2, 6)" if first == 0 else f"KVER({kernels[first][0].replace('.', ', ')})"
        rows.append(f"EVENT_NAME({category}, {name}, {since})\n")
    (ROOT / "tables/event_names.def").write_text(HEAD + "".join(rows))
    print(len(rows), "events")


main()
