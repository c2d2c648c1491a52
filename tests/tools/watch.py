# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Tools that watch in one terminal what a workload in another one does, in an instance: what a row of a table
(tests/tools/tools.py, tests/tools/bootstrap.py) expects, and what was printed."""
import concurrent.futures
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import ordinary  # noqa: E402
import tools  # noqa: E402

working = threading.Lock()
PATIENCE = 60  # seconds until a tool that says nothing is given up


class Output:
    """What a tool prints on its terminal, as it comes."""

    def __init__(self, fd):
        self.fd, self.text, self.last = fd, "", time.monotonic()

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return bool(self.text)
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.text += data.decode("utf-8", "replace")
        self.last = time.monotonic()
        return bool(data)

    def until(self, done, seconds):
        end = time.monotonic() + seconds
        while not done(self.text) and time.monotonic() < end:
            if not self.read(0.1) and self.text:
                break
        return done(self.text)


def tool_ends(tool, out, seconds):
    """Reads on until its end, and what is left then."""
    end = time.monotonic() + seconds
    while tool.poll() is None and time.monotonic() < end:
        out.read(0.1)
    while out.read(0.2) and out.last > time.monotonic() - 0.2:
        pass


def expected_of(row):
    lines = list(row.expect or [])
    if row.kernel and not row.fails:
        recorded = (ordinary.ROOT / row.data / f"{row.kernel}-{row.name}.txt").read_text().split("\n")
        if ordinary.OUTER and row.outer:
            recorded = [re.sub(*row.outer, line) for line in recorded]
        lines += [re.escape(line) for line in recorded if line]
    return lines


def differs(row, text):
    """What is wrong with these lines, or None. Lines of one moment may change places."""
    expected, left = expected_of(row), tools.compared(row, text)
    if len(left) != len(expected):
        return f"{len(left)} lines, not {len(expected)}"
    for pattern in expected:
        match = next((line for line in left if re.fullmatch(pattern, line)), None)
        if match is None:
            return "missing: " + pattern
        left.remove(match)
    return None


def run(home, row, find):
    """(None, None), or what is wrong and the output."""
    program = find(row.name)
    if not program:
        return "SKIP", "no " + row.name
    instance = f"tools-{os.getpid()}-{row.name}"
    kernel = []
    if row.profile == "6.1":
        kernel = ["--kernel", "6.1", "--btf", str(ordinary.ROOT / "tests/data/world-6.1.btf")]
    env = home.env
    master, slave = pty.openpty()
    of_tool = {"stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True, "env": env,
               "cwd": home.folder / "run"}
    started = [subprocess.Popen(home.skep("exec", "--instance", instance, *kernel, "--root", "--", program, *row.argv[1:]),
                                **of_tool)]
    tool, out = started[0], Output(master)
    try:
        if row.fails:
            os.close(slave)
            tool_ends(tool, out, PATIENCE)
            if tool.poll() in (None, 0) or row.fails not in out.text:
                return "should say: " + row.fails, out.text
            return None, None
        ready = out.until(lambda text: row.ready in text, PATIENCE)
        if row.pipe:
            started.append(subprocess.Popen(home.skep("exec", "--instance", instance, "--", "cat",
                                                      "/sys/kernel/tracing/trace_pipe"), **of_tool))
        os.close(slave)
        if not ready:
            return "not ready", out.text
        # the line may come just before the last attachment
        out.until(lambda text: False, 0.5)
        if row.work != []:
            # its parent is in the instance, too
            with working:  # one at a time: its ports are everybody's
                subprocess.run(home.skep("exec", "--instance", instance, "--", "sh", "-c", '"$@"; :', "sh",
                                         *(row.work or [home.work])), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, timeout=PATIENCE, env=env, cwd=home.folder / "run")
        out.until(lambda text: not differs(row, text), 4)
        # bpftrace 0.17 loses one that comes while it prints: it hears it only in epoll_wait()
        for _ in range(5):
            tool.send_signal(signal.SIGINT)
            tool_ends(tool, out, 3)
            if tool.poll() is not None:
                break
        if tool.poll() is None:
            return "goes on after SIGINT", out.text
    finally:
        home.stop("--instance", instance)
        for p in started:
            if p.poll() is None:
                p.kill()
            p.wait()
        os.close(master)
    return differs(row, out.text), out.text


def main(home, rows, find):
    """TAP of these rows, or of those whose names are arguments."""
    chosen = [t for t in rows if not sys.argv[1:] or t.name in sys.argv[1:]]
    failed = 0
    print(f"1..{len(chosen)}")
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for n, (row, (wrong, text)) in enumerate(zip(chosen, pool.map(lambda t: run(home, t, find), chosen)), 1):
                name = " ".join(row.argv)
                if wrong == "SKIP":
                    print(f"ok {n} - {name} # SKIP {text}")
                elif wrong:
                    failed += 1
                    print(f"not ok {n} - {name}: {wrong}")
                    for line in text.replace("\r", "").split("\n")[-30:]:
                        print("# " + line)
                else:
                    print(f"ok {n} - {name}{': says why it cannot' if row.fails else ''}")
                sys.stdout.flush()
    finally:
        home.close()
    return failed != 0
