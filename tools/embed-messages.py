#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The pages of docs/messages as C, for skep explain: tools/embed-messages.py FOLDER > FILE.c"""
import pathlib
import re
import sys

ESCAPES = {"\\": "\\\\", '"': '\\"', "\t": "\\t"}


def literal(text):
    return "\n".join('\t\t"%s\\n"' % re.sub(r'[\\"\t]', lambda m: ESCAPES[m.group(0)], line).replace("??", "?\\?")
                     for line in text.split("\n"))


def main(folder):
    print('#include "messages.h"\n\nconst struct message_page message_pages[] = {')
    for path in sorted(pathlib.Path(folder).glob("[A-Z]*_*.md")) + sorted(
            p for p in pathlib.Path(folder).glob("[A-Z]*.md") if "_" not in p.stem and p.name != "README.md"):
        text = re.sub(r"<!--.*?-->\n\n?", "", path.read_text()).rstrip("\n")
        message = re.search(r"^    (.*)$", text, re.M).group(1)
        print('\t{ "%s",\n%s,\n%s },' % (path.stem, literal(message).replace('\\n"', '"'), literal(text)))
    print("\t{ NULL, NULL, NULL },\n};")


main(sys.argv[1])
