#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Options that `skep COMMAND --help` tells of and its man page does not, and the other way round.

usage: man-options.py SKEP MANDIR COMMAND…    prints the differences; 1 if there are any
"""
import re
import subprocess
import sys
from pathlib import Path

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
# A page that says another's options are its own, and the command whose they are.
SAME = {"attach": ("run", {"--pcap", "--out", "--out-tx", "--out-redirect", "--out-filter", "--filter", "--repeat"})}


ONE_PAGE = ("exec", "ps", "stop")


def help_of(skep, command):
    """What it says of itself, and of options that all have."""
    text = subprocess.run([skep, command, "--help"], capture_output=True, text=True, check=True).stdout
    own, _, common = text.partition("Options of all commands:")
    return own, common


def options(text):
    return set(OPTION.findall(text))


def page(mandir, command):
    """Sections by name, without fonts; links followed."""
    text = (mandir / f"skep-{command}.1").read_text()
    link = re.match(r"\.so man1/(\S+)", text)
    if link:
        text = (mandir / link[1]).read_text()
    text = re.sub(r"\\f[BIRP]", "", text).replace("\\-", "-").replace('"', "")
    parts = re.split(r"^\.SH (.*)$", text, flags=re.M)
    return {name.strip(): body for name, body in zip(parts[1::2], parts[2::2])}


def headings(body):
    """The paragraphs' heads in a list of options."""
    return "\n".join(m[1] for m in re.finditer(r"^\.TP\n(.*)$", body, flags=re.M))


def main():
    skep, mandir = sys.argv[1], Path(sys.argv[2])
    wrong = 0
    for command in sys.argv[3:]:
        own, common = help_of(skep, command)
        told = options(own)
        for other in ONE_PAGE if command in ONE_PAGE else ():
            told |= options(help_of(skep, other)[0])
        sections = page(mandir, command)
        everywhere = options(" ".join(sections.values()))
        promised = options(sections.get("SYNOPSIS", "") + headings(sections.get("OPTIONS", "")))
        if command in SAME:
            other, without = SAME[command]
            everywhere |= options(" ".join(page(mandir, other).values())) - without
        for option in sorted(options(own) - options(common) - everywhere):
            print(f"skep {command}: {option} is not in its man page")
            wrong = 1
        for option in sorted(promised - told - options(common)):
            print(f"skep {command}: {option} is in its man page only")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
