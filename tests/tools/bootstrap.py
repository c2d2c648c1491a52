# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The programs of examples/bootstrap and what they print of tests/tools/work.c; rows as those of tests/tools/tools.py,
recorded by tools/record-tools.sh in tests/data/bootstrap."""
import tools

DATA = "tests/data/bootstrap"
# what ftrace puts before a line of bpf_printk()
PIPE = [(r"^[ .]*(\S+)-\d+ +\[\d+\] \S+ +\d+\.\d+: bpf_trace_printk:", r"\1:")]
LIFE = [(r"\d\d:\d\d:\d\d", "TIME"), (r"(exec|exit) +work +\d+ +\d+", r"\1 work PID PPID"), (r"\d+ ms", "MS"),
        (r" \S*/work$", " work")]


def program(name, *args, **kw):
    return tools.tool(name, *args, data=DATA, **{"kernel": "6.12", **kw})


def printer(name, keep, *args, **kw):
    """One that prints into the trace pipe."""
    extra = PIPE + kw.pop("extra", [])
    return program(name, *args, ready=kw.pop("ready", "attached"), keep=r"bpf_trace_printk: " + keep, extra=extra, pipe=True, **kw)


PROGRAMS = [
    printer("minimal", "write by", extra=[(r"\d+$", "PID")], distinct=True),
    program("bootstrap", ready="COMM", keep=r" work ", extra=LIFE),
    program("bootstrap_legacy", ready="COMM", keep=r" work ", extra=LIFE),
    printer("uprobe", r"(add|sub) ", work=[]),
    printer("usdt", r"by ", work=[]),
    printer("fentry", "f(entry|exit): "),
    printer("kprobe", "k(ret)?probe: "),
    printer("ksyscall", r"(umount|kill by work)"),
    program("profile", "199", ready="attached", keep=r"^busy .*inner", work=["busy"], distinct=True,
            extra=[(r"\(\d+\) on CPU \d+", "(PID) on CPU N")]),
    program("task_iter", keep=r"^(COMM|task_iter) ", work=[], extra=[(r"(task_iter +)\d+ +\d+ +\d+", r"\1PID PID PPID")]),
    # the two that kernels have inlined are skep's own; their lines are beside those recorded
    printer("seven", r"[1-7] .*work", record="kprobe_do_execve fentry_execve", extra=[(r"^\S+:", "COMM:"), (r"pid \d+", "pid PID"), (r"\S*/work$", "work")],
            expect=["COMM: 2 kprobe do_execve: work", "COMM: 3 fentry do_execve: work"]),
]
