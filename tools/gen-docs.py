#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Writes what the tables say into docs/features.md, docs/matrix.md, docs/messages, docs/man/*.[27] and
the READMEs.

    tools/gen-docs.py [--check]

In the READMEs what stands between <!-- features --> and <!-- /features --> is
replaced. --check writes nothing and fails when something is stale.
"""
import importlib.util
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("import_facts", ROOT / "tools/import-facts.py")
facts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(facts)

sys.path.insert(0, str(ROOT / "tools"))
import man_docs  # noqa: E402
import message_docs  # noqa: E402

# file, macro, title (English, Chinese), columns: name, since, state, note
VOCABULARIES = [
    ("commands.def", "COMMAND", "Commands of bpf(2)", "bpf(2) 命令", (1, 2, 3, 4)),
    ("maps.def", "MAP", "Map types", "映射类型", (1, 2, 3, 5)),
    ("progs.def", "PROG", "Program types", "程序类型", (1, 2, 3, 5)),
    ("attach.def", "ATTACH", "Attach types", "挂载类型", (1, 2, 4, 5)),
    ("links.def", "LINK", "Link types", "链接类型", (1, 2, 3, 4)),
    ("helpers.def", "HELPER", "Helpers", "辅助函数", (1, 2, 3, 4)),
    ("kfuncs.def", "KFUNC", "Kernel functions (kfuncs)", "内核函数 (kfunc)", (0, 1, 4, 5)),
    ("isa.def", "OPCODE", "Instructions", "指令", (0, 3, 4, 5)),
    ("btf_kinds.def", "BTF_KIND", "BTF kinds", "BTF 种类", (1, 2, 3, 4)),
    ("flags.def", "FLAG", "Flags and named arguments", "标志与命名参数", (0, 1, 2, 3)),
    ("sections.def", "SECTION", "ELF section names", "ELF 节名", (0, None, 4, 5)),
    ("rules.def", "RULE", "Rules of the verifier", "验证器规则", (0, 1, 3, 4)),
]
GENERATED = "<!-- Written by tools/gen-docs.py from tables/: do not edit. -->\n"


def release(text):
    m = re.match(r"KVER\((\d+), (\d+)\)", text)
    return "%s.%s" % m.groups() if m else ""


def load():
    out = []
    for name, macro, title, chinese, (n, since, state, note) in VOCABULARIES:
        rows = []
        for r in facts.read_rows(name, macro):
            rows.append((r[n].strip('"'), release(r[since]) if since is not None else "", r[state],
                         r[note].strip('"').replace("\\'", "'")))
        out.append((title, chinese, rows))
    return out


def check_sections():
    """A section's state is its attach type's, unless it says that it is absent by itself."""
    attach = {r[1]: r[4:6] for r in facts.read_rows("attach.def", "ATTACH")}
    for r in facts.read_rows("sections.def", "SECTION"):
        if r[4] != "ABSENT" and r[2] in attach and r[4:6] != attach[r[2]]:
            raise SystemExit("tables/sections.def: %s is not %s: %s" % (r[0], *attach[r[2]]))


# Vocabularies whose absent rows say why, each.
REASONED = ("commands.def", "maps.def", "progs.def", "attach.def", "links.def", "helpers.def", "kfuncs.def", "flags.def",
            "sections.def")


def check_reasons():
    """What is absent says why, and what is partial what is missing."""
    for name, macro, _, _, (n, _, state, note) in VOCABULARIES:
        for r in facts.read_rows(name, macro):
            if (name in REASONED and r[state] == "ABSENT" or r[state] == "PARTIAL") and r[note] in ('""', ""):
                raise SystemExit("tables/%s: %s is %s and does not say why" % (name, r[n], r[state]))
    for r in facts.read_rows("helper_variants.def", "HELPER_VARIANT"):
        if r[3] in ("ABSENT", "PARTIAL") and r[4] in ('""', ""):
            raise SystemExit("tables/helper_variants.def: %s is %s and does not say why" % (r[0], r[3]))


def count(rows, state):
    return sum(1 for r in rows if r[2] == state)


def features(vocabularies):
    text = "# What works\n\n" + GENERATED + """
Every name of eBPF up to Linux 7.2 with the release that introduced it. *done*: as in
Linux, down to errno and layout; *partial*: the note says what is missing; *absent*:
refused with the errno that Linux gives for an unsupported feature.

"""
    text += summary(vocabularies, False)
    for title, _, rows in vocabularies:
        text += "\n## %s\n\n%d done, %d partial, %d absent.\n\n" % (
            title, count(rows, "DONE"), count(rows, "PARTIAL"), count(rows, "ABSENT"))
        if not rows:
            raise SystemExit("no rows: " + title)
        shown = [r for r in rows if r[2] != "ABSENT" or r[3]]
        rest = [r for r in rows if r[2] == "ABSENT" and not r[3]]
        if shown:
            text += "| name | since | state | note |\n|---|---|---|---|\n"
            for r in shown:
                text += "| `%s` | %s | %s | %s |\n" % (r[0], r[1], r[2].lower(), r[3])
        if rest:
            text += "\nAbsent: %s.\n" % ", ".join(
                "`%s`%s" % (r[0], " (%s)" % r[1] if r[1] else "") for r in rest)
    return text


def summary(vocabularies, chinese):
    text = ("| | 完成 | 部分 | 缺失 |\n" if chinese else "| | done | partial | absent |\n") + "|---|---:|---:|---:|\n"
    for title, zh, rows in vocabularies:
        text += "| %s | %d | %d | %d |\n" % (zh if chinese else title, count(rows, "DONE"),
                                            count(rows, "PARTIAL"), count(rows, "ABSENT"))
    return text


# ---- docs/matrix.md: types by release, and program types in detail ----

RELEASES = ["4.14", "4.19", "5.4", "5.10", "5.15", "6.1", "6.6", "6.12", "6.18", "7.2"]
MARKS = {"DONE": "●", "PARTIAL": "◐", "ABSENT": "○"}


def number(text):
    return tuple(int(part) for part in text.split("."))


def by_release(title, rows):
    text = "\n## %s\n\n| | %s |\n|---|%s\n" % (title, " | ".join(RELEASES), ":-:|" * len(RELEASES))
    for name, since, state, _ in rows:
        text += "| `%s` |%s\n" % (name, "".join(
            " %s |" % (MARKS[state] if number(since) <= number(r) else "") for r in RELEASES))
    have = [sum(1 for r in rows if r[2] != "ABSENT" and number(r[1]) <= number(v)) for v in RELEASES]
    all_ = [sum(1 for r in rows if number(r[1]) <= number(v)) for v in RELEASES]
    return text + "| **skep / Linux** |%s\n" % "".join(" %d/%d |" % both for both in zip(have, all_))


def runs_of(ops):
    """How programs of a type are test-run, as its struct bpf_prog_type_ops says."""
    for path in sorted((ROOT / "src/prog").glob("*.c")):
        m = re.search(r"const struct bpf_prog_type_ops %s = \{(.*?)\n\};" % ops, path.read_text(), re.S)
        if m:
            return ("yes" if "\n\t.test_run" in m.group(1) else
                    "`SKEP_TEST_RUN=all`" if "\n\t.own_test_run" in m.group(1) else "no")
    raise SystemExit("no operations " + ops)


def program_types():
    state_of = {r[1]: r[3] for r in facts.read_rows("helpers.def", "HELPER")}
    partly = {r[1] for r in facts.read_rows("helper_variants.def", "HELPER_VARIANT") if r[3] != "ABSENT"}
    helpers, sections, attach = {}, {}, {}
    for helper, prog, _ in (r[:3] for r in facts.read_rows("helper_progs.def", "HELPER_PROG")):
        helpers.setdefault(prog, []).append(state_of[helper] != "ABSENT" or helper in partly)
    for r in facts.read_rows("sections.def", "SECTION"):
        sections.setdefault(r[1].replace("BPF_PROG_TYPE_", ""), []).append(r[0].strip('"'))
    for r in facts.read_rows("attach.def", "ATTACH"):
        for prog in r[3].strip('"').split():
            attach.setdefault(prog, []).append((r[1], r[4]))
    text = """
## Program types in detail

Helpers: those that skep has, of those that Linux offers to the type (7.2). Test run: what
`BPF_PROG_TEST_RUN` does; `skep prog run` runs all types.

| type | since | state | helpers | test run | attach types | sections |
|---|---|---|---|---|---|---|
"""
    for r in facts.read_rows("progs.def", "PROG"):
        name = r[1].replace("BPF_PROG_TYPE_", "")
        has = helpers.get(name, [])
        text += "| `%s` | %s | %s %s | %d/%d | %s | %s | %s |\n" % (
            name, release(r[2]), MARKS[r[3]], r[5].strip('"'), sum(has), len(has), runs_of(r[4]),
            " ".join("%s `%s`" % (MARKS[state], a.replace("BPF_", "")) for a, state in attach.get(name, [])),
            " ".join("`%s`" % s for s in sections.get(name, [])))
    return text


def matrix(vocabularies):
    text = "# Types by release\n\n" + GENERATED + """
● done, ◐ partial, ○ absent, blank: that release of Linux has it not, and neither has skep with its profile
(`--kernel`). [features.md](features.md) has the notes, and everything that is no type.
"""
    for title, _, rows in vocabularies:
        if title in ("Program types", "Map types", "Attach types", "Link types"):
            text += by_release(title, [r for r in rows if r[1]])
    return text + program_types()


def main():
    check = "--check" in sys.argv[1:]
    check_sections()
    check_reasons()
    vocabularies = load()
    sys.path.insert(0, str(ROOT / "tests/tools"))
    import bpftool
    import tools
    files = {ROOT / "docs/features.md": features(vocabularies), ROOT / "docs/tools.md": tools.document(),
             ROOT / "docs/bpftool.md": bpftool.document(),
             ROOT / "docs/matrix.md": matrix(vocabularies),
             ROOT / "docs/man/skep-bpf.2": man_docs.bpf(vocabularies),
             ROOT / "docs/man/skep-helpers.7": man_docs.helpers(vocabularies, facts.read_rows("helpers.def", "HELPER"))}
    for name, chinese in (("README.md", False), ("README.zh-CN.md", True)):
        path = ROOT / name
        if not path.exists():
            continue
        text = path.read_text()
        new = re.sub(r"(<!-- features -->\n).*?(<!-- /features -->)",
                     lambda m: m.group(1) + "\n" + summary(vocabularies, chinese) + "\n" + m.group(2), text,
                     flags=re.S)
        files[path] = new
    folder = ROOT / "docs/messages"
    folder.mkdir(exist_ok=True)
    for name, text in message_docs.pages().items():
        files[folder / name] = text
    for path in folder.iterdir():
        if path not in files:
            print("%s: no such message" % path.relative_to(ROOT))
            if check:
                return 1
            path.unlink()
    stale = [p for p, text in files.items() if not p.exists() or p.read_text() != text]
    for p in stale:
        if check:
            print("%s is stale: run tools/gen-docs.py" % p.relative_to(ROOT))
        else:
            p.write_text(files[p])
            if p.parent != folder:
                print("wrote %s" % p.relative_to(ROOT))
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
