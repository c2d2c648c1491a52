#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Which test runs which helper: not only loads a program that calls it, but makes its function run.

  helper-coverage.py --run [TEST ...]  builds src/helper with counters, runs all tests (or those
                                       that are named, which are added), writes the record
  helper-coverage.py --check           every row that is done or partial has a test in the record,
                                       or is of NOT_RUN, and not both

The record (tests/data/helper-coverage.txt) has a line for each function that a row names: the
function, and the tests that run it, those first that run the fewest others. At most four are kept.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD = ROOT / "tests/data/helper-coverage.txt"
BUILD = "build/coverage"
KEPT = 4

sys.path.insert(0, str(ROOT / "tools"))
import importlib.util  # noqa: E402

spec = importlib.util.spec_from_file_location("facts", ROOT / "tools/import-facts.py")
facts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(facts)

EVERY_TYPE = "each program type has a variant"
IN_PLACE = "its calls are compiled in place, or go to the map type's own function"
# Functions that no counter has seen, and why. An entry that a test does run is refused, too.
NOT_RUN = {
    "bpf_tail_call": "the engines do it: exec_calls_test",
    "bpf_clone_redirect": "in the process that carries packets, which is killed: tests/script/link",
    "bpf_setsockopt": EVERY_TYPE,
    "bpf_getsockopt": EVERY_TYPE,
    "bpf_fib_lookup": EVERY_TYPE,
    "bpf_check_mtu": EVERY_TYPE,
    "bpf_per_cpu_ptr": IN_PLACE,
    "bpf_this_cpu_ptr": IN_PLACE,
    "bpf_get_raw_cpu_id": IN_PLACE,
    "bpf_skc_to_mptcp_sock": "no test yet (the row is partial)",
}


def functions():
    """Function -> rows that name it, of those that are not absent."""
    out = collections.OrderedDict()
    helpers = facts.read_rows("helpers.def", "HELPER")
    in_place = variants_in_place()
    for row in helpers:
        if row[3] != "ABSENT" and row[1] not in in_place:
            out.setdefault("bpf_" + row[1], []).append(row[1])
    for row in facts.read_rows("helper_variants.def", "HELPER_VARIANT"):
        if row[3] != "ABSENT":
            out.setdefault(row[2], []).append(row[0])
    return out


def variants_in_place():
    """Helpers of which each program type has a variant: the row's own function only tells them apart."""
    return {"lwt_push_encap"}


def read_record():
    record = {}
    if RECORD.exists():
        for line in RECORD.read_text().splitlines():
            if line and not line.startswith("#"):
                name, tests = line.split(":")
                record[name] = tests.split()
    return record


def counts(folder):
    """Names of functions that ran, of what was counted in @folder."""
    ran = set()
    files = list(pathlib.Path(folder).rglob("*.gcda"))
    if not files:
        return ran
    for gcda in files:
        notes = ROOT / str(gcda).split(str(ROOT).lstrip("/"))[1].lstrip("/")
        notes = notes.with_suffix(".gcno")
        link = gcda.with_suffix(".gcno")
        if notes.exists() and not link.exists():
            link.symlink_to(notes)
    for at in range(0, len(files), 50):
        text = subprocess.run(["gcov", "--json-format", "--stdout", *map(str, files[at:at + 50])],
                              capture_output=True, text=True, cwd=folder).stdout
        for line in text.splitlines():
            for entry in json.loads(line)["files"]:
                for f in entry["functions"]:
                    if f["execution_count"]:
                        ran.add(re.sub(r"^\*?skep_", "", f["demangled_name"]))
    return ran


def run(only, built):
    env = dict(os.environ, O=BUILD, CMOCKA_MESSAGE_OUTPUT="TAP")
    make = ["make", "-j2", "--no-print-directory", f"O={BUILD}", "COVERAGE=1"]
    if not built and subprocess.run([*make, "test", "RUN_TESTS=true"], cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
        raise SystemExit("the build with counters failed")
    tests = sorted(t for t in [*(ROOT / BUILD / "tests").iterdir(), *(ROOT / "tests/script").iterdir()]
                   if t.is_file() and os.access(t, os.X_OK))
    if only:
        tests = [t for t in tests if t.name in only]
    by_test = {}
    for test in tests:
        with tempfile.TemporaryDirectory(prefix="cov") as folder:
            try:
                subprocess.run([str(test)], cwd=ROOT, env=dict(env, GCOV_PREFIX=folder), timeout=300,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            except subprocess.TimeoutExpired:
                print(f"{test.name}: no end in 300 s", file=sys.stderr)
            by_test[test.name] = counts(folder)
        print(f"{test.name}: {len(by_test[test.name])} functions", file=sys.stderr)
    old = read_record() if only else {}
    lines = ["# Made by tools/helper-coverage.py --run: the tests that make a helper's function run."]
    for name in functions():
        mine = sorted((t for t in by_test if name in by_test[t]), key=lambda t: (len(by_test[t]), t))
        mine += [t for t in old.get(name, []) if t not in by_test]
        if mine:
            lines.append(f"{name}: {' '.join(mine[:KEPT])}")
    RECORD.write_text("\n".join(lines) + "\n")


def check():
    record, bad = read_record(), []
    for name, rows in functions().items():
        tests = record.get(name, [])
        if name in NOT_RUN:
            if tests:
                bad.append(f"tools/helper-coverage.py: NOT_RUN holds {name}, which {tests[0]} runs")
            continue
        there = [t for t in tests if (ROOT / "tests/unit" / (t + ".c")).exists() or (ROOT / "tests/script" / t).exists()]
        if not there:
            bad.append(f"helper {', '.join(rows)}: no test runs {name}() (tools/helper-coverage.py --run)")
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs="*", metavar="TEST")
    parser.add_argument("--built", action="store_true", help="the build with counters is as it should be")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    if args.run is not None:
        run(args.run, args.built)
    return check()


if __name__ == "__main__":
    sys.exit(main())
