#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Runs test suites of other programs without and with supervision (programs on every system
call) and compares their results. Not part of `make test`: it takes many minutes.

    tools/suites.py bash DIR        DIR: unpacked source of the installed bash
    tools/suites.py python DIR      DIR: holds test/ of the installed python3 (libpython3-testsuite)
    options: --only NAME[,NAME...]  --skep PATH  --object PATH  --python PATH

A suite's test whose result differs is run again both ways, three times: some differ from
run to run without us. It counts when no unsupervised run gave what the supervised one did.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

PYTHON_TESTS = """test_asyncio test_asyncore test_atexit test_builtin test_cmd_line test_compileall
test_concurrent_futures test_contextlib test_dbm_dumb test_faulthandler test_fcntl test_file test_filecmp
test_fileinput test_fork1 test_ftplib test_gdb test_getpass test_glob test_httplib test_httpservers
test_imaplib test_import test_interpreters test_io test_ioctl test_kqueue test_largefile test_locale
test_logging test_mailbox test_mmap test_multiprocessing_fork test_multiprocessing_forkserver
test_multiprocessing_spawn test_openpty test_os test_ossaudiodev test_pathlib test_pdb test_pipes test_platform
test_poll test_poplib test_popen test_posix test_posixpath test_pty test_pwd test_py_compile test_queue
test_regrtest test_repl test_resource test_sched test_select test_selectors test_shelve test_shutil test_signal
test_site test_smtplib test_socket test_socketserver test_spwd test_sqlite3 test_ssl test_stat test_subprocess
test_support test_sys test_syslog test_tarfile test_tempfile test_thread test_threadedtempfile test_threading
test_threading_local test_threadsignals test_time test_timeout test_tty test_urllib test_venv test_wait3
test_wait4 test_zipfile""".split()


def run(args, command, supervised, cwd=None, env=None, limit=900):
    """Output and exit status; of the command, not of skep's summary."""
    if supervised:
        command = [args.skep, "run", args.object, "--"] + command
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as summary:
        # The command's output goes to a descriptor of its own, skep's lines to another.
        if supervised:
            separate = ["sh", "-c", 'exec "$@" >&7 2>&1 7>&-', "sh"] + command[4:]
            command = command[:4] + separate
        else:
            command = ["sh", "-c", 'exec "$@" >&7 2>&1 7>&-', "sh"] + command
        os.dup2(out.fileno(), 7)
        os.set_inheritable(7, True)
        try:
            status = subprocess.run(
                command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=summary, stderr=summary,
                timeout=limit, pass_fds=(7,)
            ).returncode
        except subprocess.TimeoutExpired:
            status = "timeout"
        os.close(7)
        out.seek(0)
        summary.seek(0)
        text, said = out.read().decode("utf-8", "replace"), summary.read().decode("utf-8", "replace")
    return status, text, said


def bash_tests(args):
    where = pathlib.Path(args.dir) / "tests"
    (where / "config.h").touch()
    for helper in "recho", "zecho", "printenv", "xcase":
        if not (where / helper).exists():
            subprocess.run(["gcc", "-w", "-I", where, "-I", args.dir, "-I", f"{args.dir}/include", "-DHAVE_STRING_H", "-DHAVE_STDLIB_H",
                            "-DHAVE_UNISTD_H", "-o", where / helper, f"{args.dir}/support/{helper}.c"], check=True)
    for test in sorted(where.glob("run-*")):
        if test.name not in ("run-all", "run-minimal") and "~" not in test.name:
            yield test.name

def bash_result(args, name, supervised):
    where = pathlib.Path(args.dir) / "tests"
    with tempfile.TemporaryDirectory() as tmp:
        env = dict(os.environ, THIS_SH="/bin/bash", PATH=f"{where}:{os.environ['PATH']}", TMPDIR=tmp,
                   BASH_TSTOUT=f"{tmp}/out", LC_ALL="C.UTF-8")
        for key in "INPUTRC", "BASH_ENV", "ENV", "POSIXLY_CORRECT":
            env.pop(key, None)
        status, text, said = run(args, ["sh", f"./{name}"], supervised, cwd=where, env=env, limit=300)
    # Process ids, addresses and seconds differ from run to run.
    return {name: (status, re.sub(r"\d+", "N", text))}, said


def python_tests(args):
    # The package has only what the interpreter's own does not.
    own = subprocess.run([args.python, "-c", "import os; print(os.path.dirname(os.__file__))"], check=True,
                         capture_output=True, text=True).stdout.strip()
    subprocess.run(["cp", "-rn", f"{own}/test", args.dir], check=True)
    for name in PYTHON_TESTS:
        if any((pathlib.Path(args.dir) / "test" / name).with_suffix(s).exists() for s in (".py", "")):
            yield name


def python_result(args, name, supervised):
    with tempfile.TemporaryDirectory() as tmp:
        env = dict(os.environ, PYTHONPATH=args.dir, TMPDIR=tmp)
        status, text, said = run(
            args, [args.python, "-m", "test", "--timeout=600", f"--junit-xml={tmp}/r.xml", name], supervised,
            cwd=tmp, env=env)
        results = {name: (status, "")}
        try:
            for case in xml.parse(f"{tmp}/r.xml").iter("testcase"):
                kinds = sorted({c.tag for c in case} & {"failure", "error", "skipped"})
                results[case.get("name")] = (case.get("result"), " ".join(kinds))
        except (OSError, xml.ParseError):
            results[name] = (status, text[-500:])
    return results, said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", choices=["bash", "python"])
    parser.add_argument("dir")
    parser.add_argument("--only", default="")
    parser.add_argument("--skep", default=os.path.abspath("build/skep"))
    parser.add_argument("--object", default=os.path.abspath("build/bpf/every_call.bpf.o"))
    parser.add_argument("--python", default="/usr/bin/python3")
    args = parser.parse_args()
    args.dir = os.path.abspath(args.dir)
    tests, result = {"bash": (bash_tests, bash_result), "python": (python_tests, python_result)}[args.suite]
    total = same = calls = 0
    differing = []
    for name in tests(args):
        if args.only and name not in args.only.split(","):
            continue
        start = time.time()
        without, _ = result(args, name, False)
        middle = time.time()
        under, said = result(args, name, True)
        seconds = middle - start, time.time() - middle
        enters = re.search(r"enters = (\d+)", said)
        calls += int(enters.group(1)) if enters else 0
        odd = {k for k in without.keys() | under.keys() if without.get(k) != under.get(k)}
        for _ in range(3):
            if not odd:
                break
            again, _ = result(args, name, False)
            odd = {k for k in odd if again.get(k) != under.get(k)}
            if odd:
                under, said = result(args, name, True)
                odd = {k for k in odd if under.get(k) not in (without.get(k), again.get(k))}
        total += len(without)
        same += len(without) - len(odd)
        print(f"{name:36} {len(without):5} results {len(odd):3} differ  {seconds[0]:6.1f} s {seconds[1]:6.1f} s"
              f" {enters.group(1) if enters else '?':>9} calls", flush=True)
        for k in sorted(odd):
            differing.append((name, k, without.get(k), under.get(k)))
            print(f"    {k}: {without.get(k)!r}\n    under skep: {under.get(k)!r}", flush=True)
        if not enters:
            print("    " + said[-400:], flush=True)
    print(f"{args.suite}: {total} results, {same} the same, {len(differing)} differ; {calls} calls traced")
    return bool(differing) or not total


sys.exit(main())
