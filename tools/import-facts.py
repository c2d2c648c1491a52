#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Writes tables/*.def from facts about Linux by version.

    tools/import-facts.py FACTS.md [--pairs HELPERS-FUNCTIONS.YAML] [--protos PROTOS.TXT]

FACTS.md holds Markdown tables (name, value, first release) of every vocabulary;
the YAML file is ebpf-docs' data/helpers-functions.yaml (which program type may
call which helper, since when); PROTOS.TXT is the output of tools/scrape-protos.py.
Columns that people set by hand (state, operations, note, and everything a missing
option would have given) are kept from the tables that exist. Rows that the facts
no longer hold are kept too and reported.
"""
import argparse
import pathlib
import re
import sys

TABLES = pathlib.Path(__file__).resolve().parent.parent / "tables"
SPDX = "/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */\n"


def split_args(text):
    """Splits macro arguments at top-level commas."""
    out, depth, quote, cur = [], 0, False, ""
    for c in text:
        if c == '"':
            quote = not quote
        if not quote:
            depth += (c in "({[") - (c in ")}]")
            if c == "," and depth == 0:
                out.append(cur.strip())
                cur = ""
                continue
        cur += c
    out.append(cur.strip())
    return out


def read_rows(name, macro):
    """Rows of an existing table as lists of argument strings."""
    path = TABLES / name
    if not path.exists():
        return []
    rows = []
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    for m in re.finditer(r"^%s\(((?:[^\"()]|\"[^\"]*\"|\((?:[^()]|\([^()]*\))*\))*)\)\s*$" % macro, text,
                         flags=re.M):
        rows.append(split_args(" ".join(m.group(1).split())))
    return rows


def with_inlined(proto, old):
    """@proto and what @old, the arguments of the row that exists, says about inlining: set by hand."""
    kept = [a for a in old if a.startswith(".inline") and a.split()[0] not in proto.split()]
    return ", ".join([proto] + kept)


def kver(text):
    """'6.4', '5.19 (enum), 6.4 (usable)' -> C; the last release named counts."""
    found = re.findall(r"(\d+)\.(\d+)", text)
    if not found:
        return "KVER(7, 2)" if text.strip() == "?" else "0"
    return "KVER(%s, %s)" % found[-1]


def ver(c):
    m = re.match(r"KVER\((\d+), (\d+)\)", c)
    return (int(m.group(1)), int(m.group(2))) if m else (0, 0)


def sections(path):
    """{heading: [[cell, ...], ...]} of all Markdown tables."""
    out, head, rows = {}, None, None
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            head = line.strip("# ")
            rows = out.setdefault(head, [])
        elif line.startswith("|") and head and not re.match(r"\|[-|]+$", line):
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            rows.append(cells)
    for rows in out.values():
        if rows:
            rows.pop(0)
    return out


def write(name, comment, macro, rows):
    """Aligns the columns, but for the last, and writes the file."""
    body = []
    width = {}
    for r in rows:
        for i, c in enumerate(r[:-1]):
            width[i] = max(width.get(i, 0), len(c))
    for r in rows:
        line = macro + "("
        for i, c in enumerate(r):
            line += c if i == len(r) - 1 else (c + ",").ljust(width[i] + 2)
        body.append(line + ")")
    text = SPDX + "/*\n" + "".join(" * %s\n" % l if l else " *\n" for l in comment) + " */\n"
    (TABLES / name).write_text(text + "\n".join(body) + "\n")
    return len(rows)


STATES = ["State: DONE, PARTIAL (the note says what is missing) or ABSENT (refused with Linux's errno",
          "for an unsupported feature). Set by hand when an implementation lands."]


def simple(name, macro, what, columns, facts, hand, default):
    """
    A table whose rows are facts + hand-set columns. @facts: rows of strings, the
    key first by @columns index; @hand: indices kept from the old table.
    """
    key = columns
    old = {r[key]: r for r in read_rows(name, macro)}
    out = []
    for r in facts:
        row = r + default
        if r[key] in old:
            for i in hand:
                if i < len(old[r[key]]):
                    row[i] = old[r[key]][i]
        out.append(row)
    have = {r[key] for r in facts}
    for k, r in old.items():
        if k not in have:
            print("%s: %s is not in the facts; kept" % (name, k), file=sys.stderr)
            out.append(r)
    n = write(name, what, macro, out)
    print("%-18s %4d rows" % (name, n))


def import_pairs(path, helper_since, prog_since):
    import yaml
    data = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # 5.10 is not 5.1
    groups = data["groups"]
    out = {}

    def add(prog, items, since=None):
        for item in items:
            s = item.get("since", {}).get("version", since)
            if "group" in item:
                add(prog, groups.get(item["group"], []), s)
            elif "exclude" in item:
                out.pop((item["exclude"], prog), None)
            else:
                name = item["name"]
                best = max(ver(helper_since.get(name, "0")), ver(prog_since[prog]))
                if s is not None:
                    a, b = str(s).lstrip("v").split(".")[:2]
                    best = max(best, (int(a), int(b)))
                limit = item.get("attach_type")
                old = out.get((name, prog))
                if old is None or old > best:
                    out[(name, prog)] = best
    for prog, items in data["programs"].items():
        add(prog, items)
    return out


def import_protos(path, names):
    """Prototypes by helper, and those of which several share one helper's id."""
    protos, variants, shared = {}, [], {}
    for line in path.read_text().splitlines():
        symbol, ids, func, proto = line.split("\t")
        name = re.sub(r"_proto(_|$)", r"\1", symbol).removeprefix("bpf_")
        if not ids:
            ids = func.removeprefix("bpf_").replace("sock_addr_", "")
        if ids == name or (name in names and name in ids.split(",")):
            protos[name] = proto
            continue
        for i in ids.split(","):
            shared.setdefault(i, []).append((name, func, proto))
    for ident, items in shared.items():
        if ident not in names:
            raise SystemExit("no helper " + ident)
        if ident not in protos:
            protos[ident] = items[0][2]
            if len(items) == 1:
                continue
        for name, func, proto in items:
            variants.append([name, ident, func, proto])
    missing = names - set(protos)
    if missing:
        print("no prototype: %s" % " ".join(sorted(missing)), file=sys.stderr)
    return protos, variants


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    ap.add_argument("facts", type=pathlib.Path)
    ap.add_argument("--pairs", type=pathlib.Path)
    ap.add_argument("--protos", type=pathlib.Path)
    args = ap.parse_args()
    f = sections(args.facts)
    TABLES.mkdir(exist_ok=True)

    rows = [[r[0], r[1], kver(r[2])] for r in f["bpf(2) commands"] if re.match(r"BPF_\w+$", r[1])]
    simple("commands.def", "COMMAND",
           ["Commands of bpf(2): COMMAND(value, name, since, state, \"note\").", *STATES], 1, rows,
           [3, 4], ["ABSENT", '""'])

    rows = [[r[0], r[1], kver(r[2])] for r in f["Map types"]]
    simple("maps.def", "MAP",
           ["Map types: MAP(value, name, since, state, ops, \"note\"); ops is the struct bpf_map_ops that",
            "gives the type its behaviour, not referred to while the row is ABSENT.", *STATES], 1, rows,
           [3, 4, 5], ["ABSENT", "none", '""'])

    rows = [[r[0], r[1], kver(r[2])] for r in f["Program types"]]
    prog_since = {r[1]: r[2] for r in rows}
    simple("progs.def", "PROG",
           ["Program types: PROG(value, name, since, state, ops, \"note\"); ops is the struct",
            "bpf_prog_type_ops of src/prog/, not referred to while the row is ABSENT.", *STATES], 1, rows,
           [3, 4, 5], ["ABSENT", "none", '""'])

    rows = [[r[0], r[1], kver(r[2]), '"%s"' % r[5]] for r in f["Attach types"]]
    simple("attach.def", "ATTACH",
           ["Attach types: ATTACH(value, name, since, \"program types\", state, \"note\").", *STATES], 1, rows,
           [4, 5], ["ABSENT", '""'])

    rows = [[r[0], r[1], kver(r[2])] for r in f["Link types"]]
    simple("links.def", "LINK",
           ["Link types: LINK(value, name, since, state, \"note\").", *STATES], 1, rows, [3, 4],
           ["ABSENT", '""'])

    rows = [[r[0], r[1], kver(r[2])] for r in f["BTF kinds"]]
    simple("btf_kinds.def", "BTF_KIND",
           ["Kinds of BTF types: BTF_KIND(value, name, since, state, \"note\").", *STATES], 1, rows, [3, 4],
           ["ABSENT", '""'])

    seen, rows = set(), []
    for head in ("Flags", "Argument constants", "sock_ops callbacks", "Socket option constants",
                 "uapi symbols after 6.12 which ebpf-docs does not list"):
        for r in f[head]:
            if r[0] in seen or r[0] == "BPF_COMMON_ATTRS":
                continue
            seen.add(r[0])
            rows.append([r[0], kver(r[1])])
    simple("flags.def", "FLAG",
           ["Flags and other named arguments: FLAG(name, since, state, \"note\"); values: base/uapi.h.",
            *STATES], 0, rows, [2, 3], ["ABSENT", '""'])

    rows = [[r[0], kver(r[1]), '"%s"' % r[5].replace(" ", " | "), '"%s"' % r[4]] for r in f["kfuncs"]]
    simple("kfuncs.def", "KFUNC",
           ["Kernel functions that programs may call: KFUNC(name, since, \"flags\", \"sets\", state, \"note\").",
            "A set says which program types may call its functions: kfunc_sets.def.", *STATES], 0, rows,
           [4, 5], ["ABSENT", '""'])

    rows = []
    for r in f["kfunc sets and the program types that may call them"]:
        for t in r[2].split(","):
            m = re.match(r"\s*(\w+)(?: \(([\d.]+)\))?", t)
            rows.append([r[0] + ":" + m.group(1), r[0], m.group(1), kver(m.group(2)) if m.group(2) else "0"])
    out, had = [], set()
    for k, *r in rows:
        if k not in had:
            had.add(k)
            out.append(r)
    print("%-18s %4d rows" % ("kfunc_sets.def", write(
        "kfunc_sets.def", ["Program types that may call the kfuncs of a set: KFUNC_SET(set, program type, since);",
                           "UNSPEC: all types; since 0: as soon as function and type exist."], "KFUNC_SET", out)))

    rows = []
    for r in f["SEC() names (libbpf 2026-07)"]:
        attach = r[2] if r[2] else "0"
        rows.append(['"%s"' % r[0].strip("`"), "BPF_PROG_TYPE_" + r[1] if r[1] else "0", attach, '"%s"' % r[3]])
    simple("sections.def", "SECTION",
           ["Names of ELF sections as libbpf reads them: SECTION(\"name\", program type, attach type,",
            "\"flags, attach function\", state, \"note\"); + stands for \"may be followed by /target\".", *STATES],
           0, rows, [4, 5], ["ABSENT", '""'])

    def fields(head, name, macro, comment):
        out, had = [], set()
        for r in f[head]:
            for item in r[1].split(","):
                m = re.match(r"\s*(\S+) (.*)", item)
                if m and m.group(1) != "__u16" and (r[0], m.group(1)) not in had:
                    had.add((r[0], m.group(1)))
                    out.append(['"%s"' % r[0] if head.startswith("union") else r[0],
                                m.group(1), kver(m.group(2))])
        print("%-18s %4d rows" % (name, write(name, comment, macro, out)))

    fields("union bpf_attr: field by first release", "attr_fields.def", "ATTR_FIELD",
           ["Fields of union bpf_attr: ATTR_FIELD(\"commands\", field, since)."])
    fields("Context and info structs: field by first release", "ctx_fields.def", "CTX_FIELD",
           ["Fields of context and info structs of the uapi: CTX_FIELD(struct, field, since)."])

    protos, variants = {}, []
    if args.protos:
        protos, variants = import_protos(args.protos, {r[1].removeprefix("bpf_") for r in f["Helpers"]})
    rows = []
    for r in f["Helpers"]:
        name = r[1].removeprefix("bpf_")
        rows.append([r[0], name, kver(r[2])])
    helper_since = {"bpf_" + r[1]: r[2] for r in rows}
    old = {r[1]: r for r in read_rows("helpers.def", "HELPER")}
    out = []
    for r in rows:
        o = old.get(r[1])
        row = r + (o[3:5] if o else ["ABSENT", '""'])
        proto = protos.get(r[1]) or (", ".join(o[5:]) if o else "") or ".ret_type = RET_INTEGER"
        out.append(row + [with_inlined(proto, o[5:] if o else [])])
    text = SPDX + """/*
 * Helpers: HELPER(id, name without bpf_, since, state, "note", prototype ...). The
 * prototype is initializers of struct bpf_func_proto (object/helper.h). A row that is
 * DONE or PARTIAL names its function by its name: bpf_<name>, of type bpf_helper_t.
 * %s
 * %s
 */
""" % tuple(STATES)
    for r in out:
        text += "HELPER(%s, %s, %s, %s, %s,\n       %s)\n" % tuple(r)
    (TABLES / "helpers.def").write_text(text)
    print("%-18s %4d rows" % ("helpers.def", len(out)))

    old = {r[0]: r for r in read_rows("helper_variants.def", "HELPER_VARIANT")}
    rows = []
    for name, ident, func, proto in variants:
        o = old.pop(name, None)
        rows.append([name, ident, func] + (o[3:5] if o else ["ABSENT", '""']) +
                    [with_inlined(proto, o[5:] if o else [])])
    rows += old.values()
    order = {r[1].removeprefix("bpf_"): int(r[0]) for r in f["Helpers"]}
    rows.sort(key=lambda r: (order[r[1]], r[0]))
    text = SPDX + """/*
 * Helpers that differ by program type although they share an id:
 * HELPER_VARIANT(variant, helper, function, state, "note", prototype ...). The types in
 * src/prog/ name them by variant: struct bpf_func_proto bpf_<variant>_proto.
 * %s
 * %s
 */
""" % tuple(STATES)
    for r in rows:
        text += "HELPER_VARIANT(%s, %s, %s, %s, %s,\n\t       %s)\n" % (*r[:5], ", ".join(r[5:]))
    (TABLES / "helper_variants.def").write_text(text)
    print("%-18s %4d rows" % ("helper_variants.def", len(rows)))

    if args.pairs:
        pairs = import_pairs(args.pairs, helper_since, prog_since)
        # Rows that exist have been compared with kernels: they win.
        for h, p, v in read_rows("helper_progs.def", "HELPER_PROG"):
            pairs[("bpf_" + h, "BPF_PROG_TYPE_" + p)] = ver(v)
        ids = {r[1]: int(r[0]) for r in f["Helpers"]}
        pids = {r[1]: int(r[0]) for r in f["Program types"]}
        ptypes = {r[1]: int(r[0]) for r in f["Program types"]}
        out = [[h.removeprefix("bpf_"), p.removeprefix("BPF_PROG_TYPE_"), "KVER(%d, %d)" % v]
               for (h, p), v in sorted(pairs.items(), key=lambda x: (ids[x[0][0]], ptypes[x[0][1]]))]
        print("%-18s %4d rows" % ("helper_progs.def", write(
            "helper_progs.def",
            ["Which program type may call which helper: HELPER_PROG(helper, program type, since).",
             "Limits by attach type are in the types' func_proto (src/prog/)."], "HELPER_PROG", out)))


if __name__ == "__main__":
    main()
