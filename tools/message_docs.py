# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
The pages of docs/messages: one for each row of tables/diag, for tools/gen-docs.py. Examples are
programs that the tests run: tests/advice (with what the advice changes), else
tests/data/messages.txt; what skep verify prints is that of tests/explain.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIAG = ROOT / "tables/diag"
STRING = r'"(?:[^"\\]|\\.)*"'
GENERATED = "<!-- Written by tools/gen-docs.py: do not edit. -->\n"
# file of tables/diag: title, what its messages have in common
GROUPS = {
    "access": ("Memory access", "Every load and store, and every pointer that a helper follows, must be proven to lie in memory that "
               "the program may use so."),
    "alu": ("Arithmetic and branches", "Numbers may be computed with freely; pointers only so that the verifier can still tell where "
            "they point."),
    "call": ("Calls", "Arguments of helpers and functions are checked against what those declare; so is what must be given back, "
             "and what is returned."),
    "kfunc": ("Kernel functions and objects", "Kernel functions (kfuncs) declare by their BTF types and flags what they take and "
              "give; so do dynptrs, iterators, kernel pointers in maps, lists and trees."),
    "cfg": ("Shape of the program", "Before any path is followed, jumps, functions and their nesting are looked at."),
    "state": ("Exploration of paths", "The verifier follows every path from the program's start, with what is known of "
              "each register and stack slot."),
    "isa": ("Instructions", "Each instruction must exist in this kernel and have zeros in the fields that it does not use. A compiler "
            "makes no others; damaged programs and wrong versions of the instruction set do."),
    "load": ("Loading", "What comes with the instructions: maps, types, functions' and lines' records, the function to attach to."),
    "btf": ("BTF", "The type information is checked before anything relies on it."),
    "attach": ("Attaching", "Why something cannot be attached. Linux says no more than the errno here."),
    "command": ("bpf(2)", "What skep alone says about its commands."),
}


def rows():
    """(id, group, errno, format, advice) in the order of the tables."""
    for line in (ROOT / "tables/diag.def").read_text().splitlines():
        m = re.match(r'#include "tables/diag/(\w+)\.def"', line)
        if not m:
            continue
        text = (DIAG / (m.group(1) + ".def")).read_text()
        for r in re.finditer(r"DIAG\(\s*([A-Z0-9_]+)\s*,\s*([A-Z0-9]+)\s*,[^,\"]*(?:\([^)]*\))?\s*,\s*((?:%s\s*)+),\s*((?:%s\s*)+)\)"
                             % (STRING, STRING), text):
            fmt, advice = ("".join(s[1:-1] for s in re.findall(STRING, r.group(i))) for i in (3, 4))
            yield r.group(1), m.group(1), r.group(2), unescape(fmt), unescape(advice)


def unescape(text):
    return text.replace('\\"', '"').replace("\\'", "'").replace("\\n", "\n").replace("\\\\", "\\")


def table(name, macro):
    text = re.sub(r'/\*.*?\*/', '', (DIAG / name).read_text(), flags=re.S)
    return {r.group(1): [unescape(s[1:-1]) for s in re.findall(STRING, r.group(0))]
            for r in re.finditer(r"%s\((\w+),\s*%s(?:\s*,\s*%s)*\)" % (macro, STRING, STRING), text)}


def advice_programs():
    found = {}
    for path in sorted((ROOT / "tests/advice").glob("*.bpf.c")):
        ident = path.read_text().split("\n", 1)[0].strip("/* \n").split()[0]
        shown = (ROOT / "tests/explain" / (path.name[:-len(".bpf.c")] + ".txt")).exists()
        if ident not in found or (shown and not found[ident][1]):
            found[ident] = (path, shown)
    return {ident: path for ident, (path, _) in found.items()}


def as_diff(path):
    """The program with what following the advice changes, as a diff without heads."""
    out, mode, inverted = [], " ", False
    lines = path.read_text().split("\n")[2:]
    for line in lines:
        if re.match(r"#\s*if(n?)def ADVICE", line):
            inverted = "ifndef" in line
            mode = "-" if inverted else "+"
        elif mode != " " and re.match(r"#\s*else", line):
            mode = "+" if mode == "-" else "-"
        elif mode != " " and re.match(r"#\s*endif", line):
            mode = " "
        elif not line.startswith("#include") and not line.startswith("/* SPDX"):
            out.append((mode + line).rstrip())
    ordered, added = [], []
    for line in out: # what goes, then what comes
        if line.startswith("+"):
            added.append(line)
            continue
        if not line.startswith("-"):
            ordered += added
            added = []
        ordered.append(line)
    return "\n".join(ordered + added).strip("\n") + "\n"


def listings():
    found = {}
    path = ROOT / "tests/data/messages.txt"
    for block in re.split(r"^== ", path.read_text(), flags=re.M)[1:]:
        head, body = block.split("\n", 1)
        ident, kind, kernel, name = (s.strip() for s in head.split("|", 3))
        found[ident] = (kind, kernel, name, body)
    return found


def since(places):
    seen = places[2].split()
    if "6.1" in seen:
        return "6.1 has it already" + ("" if "6.12" in seen else "; 6.12 says it otherwise")
    return "between 6.2 and 6.12"


def page(row, meanings, places, programs, lists):
    ident, group, err, fmt, advice = row
    title, common = GROUPS[group]
    errno = err if not err.isdigit() else {"524": "524 (ENOTSUPP)"}.get(err, err)
    out = ["# %s\n" % ident, GENERATED, "    %s\n" % fmt, "%s. errno: %s.\n" % (title, errno),
           "## Meaning\n", "%s\n" % (meanings[ident][0] if ident in meanings else common)]
    out += ["## What to do\n", "%s\n" % advice]
    if ident in programs:
        path = programs[ident]
        name = path.name[:-len(".bpf.c")]
        shown = ROOT / "tests/explain" / (name + ".txt")
        out += ["## Example\n", "`tests/advice/%s` is rejected with this message; the lines marked + (and without those marked -) make it load.\n"
                % path.name, "```diff\n%s```\n" % as_diff(path)]
        if shown.exists():
            out += ["`skep verify` says:\n", "```\n%s```\n" % shown.read_text()]
    elif ident in lists:
        kind, kernel, name, body = lists[ident]
        out += ["## Example\n", "\"%s\", a program of type %s for Linux %s:\n" % (name, kind.replace("_NOT_GPL", " whose license is not GPL-compatible").replace("_STATE_FREQ", ""), kernel),
                "```\n%s```\n" % body]
    else:
        out += ["## Example\n", "No program of skep's tests gets this message.\n"]
    out += ["## In Linux\n"]
    if ident in places:
        file, function, _ = places[ident]
        out += ["`%s`%s. Since: %s.\n" % (file, ", `%s()`" % function if function else "", since(places[ident]))]
    elif fmt.startswith(("skep", "not supported by skep")) or group in ("attach", "command"):
        out += ["These are skep's own words.\n"]
    else:
        out += ["Neither 6.1 nor 6.12 has these words: they are of a later release, of one in between, or skep's own.\n"]
    return "\n".join(out)


def index(all_rows, programs, lists):
    out = ["# Messages\n", GENERATED, "Why programs are rejected: every message with its meaning, a program that gets it, and what to do. "
           "`skep explain ID` prints\na page, `skep explain WORDS` finds one. %d messages, %d of them with a program that is tested.\n"
           % (len(all_rows), sum(r[0] in programs or r[0] in lists for r in all_rows))]
    for group, (title, common) in GROUPS.items():
        out += ["## %s\n" % title, common + "\n", "| message | id |\n|---|---|"]
        out += ["| `%s` | [%s](%s.md) |" % (r[3].replace("|", "\\|"), r[0], r[0]) for r in all_rows if r[1] == group]
        out += [""]
    return "\n".join(out).rstrip("\n") + "\n"


def pages():
    """Path below docs/messages -> text."""
    meanings, places = table("meanings.def", "MEANING"), table("linux.def", "MESSAGE_OF")
    programs, lists, all_rows = advice_programs(), listings(), list(rows())
    known = {r[0] for r in all_rows}
    for name, have in (("meanings.def", meanings), ("linux.def", places), ("tests/advice", programs), ("messages.txt", lists)):
        for ident in have:
            if ident not in known:
                raise SystemExit("%s: %s is no message" % (name, ident))
    out = {r[0] + ".md": page(r, meanings, places, programs, lists) for r in all_rows}
    out["README.md"] = index(all_rows, programs, lists)
    return out
