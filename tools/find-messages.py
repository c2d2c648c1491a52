#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
Finds each message of tables/diag/*.def in Linux's sources and writes where it stands, as facts, to
tables/diag/linux.def: file and function in the newest source given, and in which it is at all.

    tools/find-messages.py 6.1=SOURCE-FOLDER 6.12=SOURCE-FOLDER
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["kernel/bpf", "net/core", "net/ipv4", "net/netfilter", "kernel/trace", "fs", "security/bpf", "drivers/hid/bpf"]
STRING = r'"(?:[^"\\]|\\.)*"'
# two releases word some in another way, or fill in more of the words
CONVERSION = r"%[-+ #0-9.]*(?:l|ll|z|h)?[a-zA-Z]"


def messages():
    for path in sorted((ROOT / "tables/diag").glob("*.def")):
        for m in re.finditer(r"DIAG\(\s*([A-Z0-9_]+)\s*,\s*[A-Z0-9]+\s*,[^,]*(?:\([^)]*\))?\s*,\s*((?:%s\s*)+),"
                             % STRING, path.read_text()):
            yield m.group(1), "".join(s[1:-1] for s in re.findall(STRING, m.group(2)))


def strings(folder):
    """(text, file, function) of every string literal, adjacent ones joined."""
    found = []
    for sub in FOLDERS:
        for path in sorted((folder / sub).rglob("*.c")):
            text = re.sub(r'/\*.*?\*/', lambda m: "\n" * m.group(0).count("\n"), path.read_text(errors="replace"), flags=re.S)
            heads = [(m.start(), m.group(1)) for m in
                     re.finditer(r"^(?!#|\}|\{|\s|return|goto|if|else)[^;=\n]*?\b(\w+)\s*\([^;]*?\)\s*\n\{", text, re.M)]
            at = 0
            for m in re.finditer(r'%s(?:\s*%s)*' % (STRING, STRING), text):
                while at + 1 < len(heads) and heads[at + 1][0] < m.start():
                    at += 1
                literal = "".join(s[1:-1] for s in re.findall(STRING, m.group(0)))
                if len(literal) > 7:
                    name = heads[at][1] if heads and heads[at][0] < m.start() else ""
                    found.append((literal.replace("\\n", ""), str(path.relative_to(folder)), name))
    return found


def pieces(text):
    return [p for p in re.split(CONVERSION, text) if len(p.strip()) > 2]


def find(message, found):
    for literal, path, name in found:
        if re.sub(CONVERSION, "%", literal) == re.sub(CONVERSION, "%", message):
            return path, name
    parts = pieces(message)
    if not parts or sum(map(len, parts)) < 12:
        return None
    for literal, path, name in found:
        at, ok = 0, True
        for part in parts:
            at = literal.find(part, at)
            if at < 0:
                ok = False
                break
            at += len(part)
        if ok:
            return path, name
    longest = max(parts, key=len)
    if len(longest) >= 18:
        for literal, path, name in found:
            if longest.strip() in literal:
                return path, name
    return None


def main(args):
    sources = [(v, strings(pathlib.Path(p))) for v, p in (a.split("=") for a in args)]
    if not sources:
        sys.exit(__doc__)
    out = ['/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */',
           '/*', ' * Where Linux gives each message: MESSAGE_OF(ID, "file", "function", "releases it was looked for',
           ' * in and found"). Written by tools/find-messages.py; what is missing here is skep\'s own.', ' */']
    for ident, message in messages():
        hits = [(v, find(message, found)) for v, found in sources]
        hits = [(v, h) for v, h in hits if h]
        if hits:
            path, name = hits[-1][1]
            out.append('MESSAGE_OF(%s, "%s", "%s", "%s")' % (ident, path, name, " ".join(v for v, _ in hits)))
    (ROOT / "tables/diag/linux.def").write_text("\n".join(out) + "\n")
    print("%d found" % (len(out) - 5))


main(sys.argv[1:])
