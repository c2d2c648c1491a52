#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A long run of tests/unit/soundness_test.c: ranges of seeds on all cores, at the lowest priority. What is
done is written down range by range, so an interrupted run goes on where it stopped, and a second run with
a larger count adds to the first. A violation ends it and is shown.

    run.py [--count N] [--first SEED] [--jobs N] [--chunk N] [--state FILE] [--fresh]"""
import argparse
import collections
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time

OUT = os.environ.get("O", "build")


def one_range(test, first, count):
    """Runs one range; what it reported, or the test's output when it failed."""
    with tempfile.NamedTemporaryFile() as report:
        env = dict(os.environ, SOUND_SEED=str(first), SOUND_COUNT=str(count), SOUND_REPORT=report.name)
        done = subprocess.run(["nice", "-n", "19", test], env=env, capture_output=True, text=True)
        if done.returncode:
            return None, done.stderr + done.stdout
        with open(report.name) as f:
            return json.load(f), ""


def read_state(path):
    """Ranges that are done, by first seed; half a line at the end is of a run that was killed."""
    done = {}
    try:
        with open(path) as f:
            for line in f:
                try:
                    row = json.loads(line)
                    done[row["seed"]] = row
                except ValueError:
                    pass
    except FileNotFoundError:
        pass
    return done


def median(lengths):
    total, seen = sum(lengths.values()), 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen * 2 >= total:
            return length
    return 0


def summary(rows):
    lengths = collections.Counter()
    for row in rows:
        for length, n in row["lengths"].items():
            lengths[int(length)] += n
    count, accepted = (sum(r[k] for r in rows) for k in ("count", "accepted"))
    return (f"{count:,} programs, {accepted:,} accepted ({100 * accepted / max(count, 1):.1f} %), median length "
            f"{median(lengths)}, {sum(r['steps'] for r in rows):,} instructions run, no violation")


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument("--count", type=int, default=10_000_000)
    arg.add_argument("--first", type=int, default=1)
    arg.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    arg.add_argument("--chunk", type=int, default=20_000)
    arg.add_argument("--state", default=f"{OUT}/soundness.jsonl")
    arg.add_argument("--test", default=f"{OUT}/tests/soundness_test")
    arg.add_argument("--fresh", action="store_true", help="forget what an earlier run did")
    arg = arg.parse_args()
    if arg.fresh and os.path.exists(arg.state):
        os.remove(arg.state)
    done = read_state(arg.state)
    end = arg.first + arg.count
    ranges = [(s, min(arg.chunk, end - s)) for s in range(arg.first, end, arg.chunk)]
    todo = [(s, n) for s, n in ranges if s not in done or done[s]["count"] < n]
    mine = [done[s] for s, n in ranges if (s, n) not in todo]
    total, before, start = sum(n for _, n in ranges), sum(r["count"] for r in mine), time.time()
    if before:
        print(f"going on after {before:,} programs of {arg.state}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(arg.jobs) as pool, open(arg.state, "a") as state:
        waiting = iter(todo)
        running = {}
        while True:
            for s, n in waiting:
                running[pool.submit(one_range, arg.test, s, n)] = s
                if len(running) == arg.jobs:
                    break
            if not running:
                break
            ended, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in ended:
                first = running.pop(future)
                row, text = future.result()
                if row is None:
                    print(f"\nviolated in seeds {first} …:\n{text}", flush=True)
                    os._exit(1)
                mine.append(row)
                state.write(json.dumps(row) + "\n")
                state.flush()
            have = sum(r["count"] for r in mine)
            rate = (have - before) / (time.time() - start)
            print(f"\r{have:,} of {total:,} ({100 * have / total:.1f} %), {rate:.0f} a second, "
                  f"{(total - have) / max(rate, 1) / 60:.0f} min left ", end="", flush=True)
    print("\n" + summary(mine))


if __name__ == "__main__":
    main()
