#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A night's comparison of the engines: ranges of seeds on all cores, at the lowest priority. Each range is
random programs by interpreter and compiler (tests/unit/exec_random_test.c; a program on which they differ is
shrunk and shown), and a sample of random accepted programs by interpreter, compiler and the running kernel
(tests/unit/verdict_diff_test.c with SKEP_JIT=compare; none where the kernel may not be asked). What is done is
written down range by range, so an interrupted run goes on where it stopped.

    run.py [--count N] [--first SEED] [--jobs N] [--chunk N] [--sample N] [--state FILE] [--fresh]"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

OUT = os.environ.get("O", "build")


def run(test, env):
    done = subprocess.run(["nice", "-n", "19", f"{OUT}/tests/{test}"], env=dict(os.environ, **env),
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def one_range(seed, count, sample):
    """What was done of the range, or None and the output of the test that failed."""
    status, text = run("exec_random_test", {"SKEP_SEED": str(seed), "SKEP_RUNS": str(count)})
    if status:
        return None, text
    row = {"seed": seed, "count": count, "kernel": 0}
    if sample:
        status, text = run("verdict_diff_test", {"DIFF_SEED": str(seed), "DIFF_COUNT": str(sample),
                                                 "SKEP_JIT": "compare"})
        if status:
            return None, text
        compared = re.search(r"# \d+ programs, (\d+) accepted", text)
        row["kernel"] = int(compared.group(1)) if compared else 0
    return row, ""


def read_state(path):
    """Ranges that are done, by first seed; half a line at the end is of a run that was killed."""
    done = {}
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                try:
                    row = json.loads(line)
                    done[row["seed"]] = row
                except ValueError:
                    pass
    return done


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument("--count", type=int, default=100_000_000)
    arg.add_argument("--first", type=int, default=1)
    arg.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    arg.add_argument("--chunk", type=int, default=100_000)
    arg.add_argument("--sample", type=int, default=1000, help="of each range, on the kernel")
    arg.add_argument("--state", default=f"{OUT}/engines.jsonl")
    arg.add_argument("--fresh", action="store_true", help="forget what an earlier run did")
    arg = arg.parse_args()
    if arg.fresh and os.path.exists(arg.state):
        os.remove(arg.state)
    done = read_state(arg.state)
    end = arg.first + arg.count
    ranges = [(s, min(arg.chunk, end - s)) for s in range(arg.first, end, arg.chunk)]
    todo = [(s, n) for s, n in ranges if s not in done or done[s]["count"] < n]
    have = sum(n for s, n in ranges if (s, n) not in todo)
    on_kernel = sum(done[s]["kernel"] for s, n in ranges if (s, n) not in todo)
    before, start = have, time.time()
    if before:
        print(f"going on after {before:,} programs of {arg.state}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(arg.jobs) as pool, open(arg.state, "a") as state:
        work = (pool.submit(one_range, s, n, min(arg.sample, n)) for s, n in todo)
        running = set()
        while True:
            while len(running) < arg.jobs and (future := next(work, None)):
                running.add(future)
            if not running:
                break
            ended, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in ended:
                row, text = future.result()
                if row is None:
                    print(f"\n{text}", flush=True)
                    sys.stdout.flush()
                    os._exit(1)
                state.write(json.dumps(row) + "\n")
                state.flush()
                have += row["count"]
                on_kernel += row["kernel"]
            rate = (have - before) / (time.time() - start)
            print(f"\r{have:,} of {arg.count:,}, {rate:.0f} a second, "
                  f"{(arg.count - have) / max(rate, 1) / 60:.0f} min left ", end="", flush=True)
    print(f"\n{have:,} programs by both engines, {on_kernel:,} accepted ones on the running kernel, too: no difference")


if __name__ == "__main__":
    main()
