#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Runs Linux's own verifier suites over skep and compares with what is expected.

usage: tools/conformance/run.py [--work DIR] [--update] [SUITE...]

Suites: test_verifier (6.1), verifier and reg_bounds (of test_progs, 6.12), areas (what
tests/conformance/areas.list names of test_progs, 6.12), maps-6.1 and maps-6.12 (test_maps,
test_lru_map and test_lpm_map of either), objects (of test_progs, 6.12, what objects.list names;
run in an instance, by skep exec). build.sh builds them from
the unmodified sources. Each runs with skep's preload library, the profile of its own
kernel and the process's own capabilities. tests/conformance/SUITE.txt pins the totals and
lists the cases that do not pass; a listed case that passes is a failure, too.
--update writes these lists anew (the totals stay).
"""
import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LISTS = ROOT / "tests/conformance"

Suite = collections.namedtuple("Suite", "name kernel command parse group instance", defaults=[False])


def parse_verifier(text):
    """Cases of test_verifier: "#12/p name [text] OK"; what follows a failure is its log."""
    cases, current = {}, None
    for line in text.splitlines():
        m = re.match(r"#(\d+/[up]) ", line)
        if m:
            current = m.group(1)
            cases[current] = "fail"
        if current is None:
            continue
        if re.search(r"(^|\s)OK( \(NOTE.*)?$", line):
            cases[current] = "ok"
            current = None
        elif re.search(r"SKIP( \(.*)?$", line):
            cases[current] = "skip"
            current = None
    return cases


def parse_progs(text):
    """Subtests of test_progs: "#12/3  test/subtest:OK"; those that fail are shown twice."""
    cases, seen = {}, set()
    for line in text.splitlines():
        m = re.match(r"#(\d+/\d+)\s+(.*):(OK|FAIL|SKIP)\s*$", line)
        if not m or m.group(1) in seen:
            continue
        seen.add(m.group(1))
        name, n = m.group(2), 1
        while name in cases:  # several subtests of one description
            n += 1
            name = "%s (%d)" % (m.group(2), n)
        cases[name] = m.group(3).lower()
    return cases


def parse_areas(text):
    """Subtests of test_progs, and as one case each the tests that have none."""
    cases = {c: s for c, s in parse_progs(text).items()}
    with_subtests = {c.split("/")[0] for c in cases}
    for line in text.splitlines():
        m = re.match(r"#\d+\s+(\w+):(OK|FAIL|SKIP)\s*$", line)
        if m and m.group(1) not in with_subtests:
            cases.setdefault(m.group(1), m.group(2).lower())
    return cases


def parse_cases(text):
    """What cases.c says: "hashmap/no_prealloc:OK"."""
    return {m.group(1): m.group(2).lower() for m in re.finditer(r"^([a-z0-9_][\w/]*):(OK|FAIL)$", text, re.M)}


def map_program(case):
    return "test_lru_map" if case.startswith("sanity") else "test_lpm_map" if case == "lpm" else "test_maps"


# A machine is never empty: some iterators' tests count on tasks beside themselves.
TASKS = "for i in 1 2 3 4 5 6; do sleep 3600 & done; "
# What sockets of maps send and receive is judged for processes of an instance.
IN_INSTANCE = "sockmap sockmap/no_prealloc"
MAPS = "./test_maps --but " + IN_INSTANCE + "; d=$(mktemp -d); LD_PRELOAD= XDG_RUNTIME_DIR=$d {skep} exec -- ./test_maps " + IN_INSTANCE + \
       "; LD_PRELOAD= XDG_RUNTIME_DIR=$d {skep} stop --all; rm -rf $d; ./test_lru_map; ./test_lpm_map && echo lpm:OK || echo lpm:FAIL"


def way(case):
    return "privileged" if case.endswith("/p") else "unprivileged"


SUITES = [
    Suite("test_verifier", "6.1", ["{work}/6.1/test_verifier"], parse_verifier, way),
    Suite("verifier", "6.12", ["{work}/6.12/test_progs", "-t", "verifier"], parse_progs, lambda c: "subtests"),
    Suite("reg_bounds", "6.12", ["{work}/6.12/test_progs", "-t", "reg_bounds"], parse_progs, lambda c: "subtests"),
    Suite("maps-6.1", "6.1", ["bash", "-c", MAPS], parse_cases, map_program),
    Suite("maps-6.12", "6.12", ["bash", "-c", MAPS], parse_cases, map_program),
    Suite("objects", "6.12", ["bash", "-c", TASKS + "{work}/6.12/test_progs_objects; kill $(jobs -p)"], parse_areas, lambda c: c.split("/")[0], True),
    Suite("areas", "6.12", ["bash", "-c", TASKS + "{work}/6.12/test_progs_areas; kill $(jobs -p)"], parse_areas, lambda c: c.split("/")[0], True),
]


def types(kernel):
    """The kernel's types, and its test module's where that was built."""
    return kernel / "btf" if (kernel / "btf").is_dir() else kernel / "vmlinux.btf"


def run(suite, work, build):
    env = dict(os.environ, SKEP_KERNEL=suite.kernel, SKEP_BTF=str(types(work / suite.kernel)),
               SKEP_VERDICT="1", SKEP_UNPRIVILEGED_BPF_DISABLED="0")
    command = [c.format(work=work, skep=(build / "skep").resolve()) for c in suite.command]
    if suite.instance:
        # a daemon of its own; a socket's name is limited to 108 bytes
        env.update(XDG_RUNTIME_DIR=tempfile.mkdtemp(prefix="skep-"), SKEP_INSTANCE="conformance", SKEP_CAPS="real")
        command = [str((build / "skep").resolve()), "exec", "--"] + command
    else:
        env.update(LD_PRELOAD=str((build / "libskep-preload.so").resolve()), SKEP_CAPS="real")
    start = time.time()
    p = subprocess.run(command, env=env, cwd=work / suite.kernel, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if suite.instance:  # pins and cgroups that a test left keep it
        subprocess.run([str((build / "skep").resolve()), "stop", "--all"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(env["XDG_RUNTIME_DIR"], ignore_errors=True)
    text = p.stdout.decode(errors="replace")
    log = work / (suite.name + ".log")
    log.write_text(text)
    return suite.parse(text), time.time() - start, log


def read_list(path):
    """Totals by group, and what is expected not to pass: {case: "fail" or "skip"}."""
    totals, known = {}, {}
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.startswith("total "):
            _, group, n = line.split()
            totals[group] = int(n)
        elif line and not line.startswith("#"):
            state, case = line.split("  #")[0].split(" ", 1)
            known[case] = state
    return totals, known


def write_list(suite, path, totals, cases):
    head = [l for l in path.read_text().splitlines() if l.startswith(("#", "total "))] if path.exists() else []
    if not head:
        head = ["total %s %d" % t for t in sorted(totals.items())]
    reasons = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        row, _, reason = line.partition("  # ")
        reasons[row] = reason
    rows = []
    for c, s in cases.items():
        row = "%s %s" % (s, c)
        if s != "ok":
            rows.append(row + ("  # " + reasons[row] if reasons.get(row) else ""))
    passed = sum(s == "ok" for s in cases.values())
    summary = "# %d of %d cases pass (%.1f %%)." % (passed, len(cases), 100.0 * passed / max(1, len(cases)))
    head = [summary if re.match(r"# \d+ of \d+ cases pass", l) else l for l in head]
    path.write_text("\n".join(head + rows) + "\n")


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    ap.add_argument("--work", default=os.environ.get("WORKDIR") or cache + "/skep/conformance", type=pathlib.Path)
    ap.add_argument("--update", action="store_true")
    ap.add_argument("suites", nargs="*", metavar="SUITE")
    args = ap.parse_args()
    work, build = args.work.resolve(), ROOT / os.environ.get("O", "build")
    if os.geteuid():
        # The suites drop and raise capabilities of their own process.
        sys.exit("conformance: the suites want to be root (in a container or user namespace is fine)")
    if subprocess.run([ROOT / "tools/conformance/build.sh", work]).returncode:
        sys.exit(125)
    bad, began, passed, pinned = 0, time.time(), 0, 0
    for suite in SUITES:
        if args.suites and suite.name not in args.suites:
            continue
        before = bad
        cases, seconds, log = run(suite, work, build)
        path = LISTS / (suite.name + ".txt")
        totals, known = read_list(path)
        counts = collections.defaultdict(collections.Counter)
        for case, state in cases.items():
            counts[suite.group(case)][state] += 1
        if args.update:
            write_list(suite, path, {g: sum(c.values()) for g, c in counts.items()}, cases)
            totals, known = read_list(path)
        for group in sorted(set(totals) | set(counts)):
            c, n = counts[group], sum(counts[group].values())
            print("%-14s %-13s %5d of %5d pass (%.2f %%), %d fail, %d skipped; %.1f s" % (
                suite.name, group, c["ok"], totals.get(group, 0), 100.0 * c["ok"] / max(1, totals.get(group, n)),
                c["fail"], c["skip"], seconds))
            if n != totals.get(group):
                print("  %d cases ran, %s are pinned in %s" % (n, totals.get(group), path.relative_to(ROOT)))
                bad += 1
        for case, state in cases.items():
            if state != known.get(case, "ok"):
                print("  %s: %s, expected %s" % (case, state, known.get(case, "ok")))
                bad += 1
        for case in known.keys() - cases.keys():
            print("  %s: listed, but there is no such case" % case)
            bad += 1
        passed += sum(s == "ok" for s in cases.values())
        pinned += sum(totals.values())
        print("%-14s %-13s %5d of %5d pass (%.2f %%)%s" % (
            suite.name, "in all", sum(s == "ok" for s in cases.values()), sum(totals.values()),
            100.0 * sum(s == "ok" for s in cases.values()) / max(1, sum(totals.values())),
            "; output: %s" % log if bad > before else ""), flush=True)
    print("conformance: %d of %d cases of Linux's own suites pass (%.2f %%) in %.0f s; %s" % (
        passed, pinned, 100.0 * passed / max(1, pinned), time.time() - began,
        "%d are not as %s says" % (bad, LISTS.relative_to(ROOT)) if bad else
        "the others are listed in %s, each with its reason" % LISTS.relative_to(ROOT)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
