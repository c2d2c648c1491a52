# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Tools of other projects, unmodified, and what they print of tests/tools/work.c.

Each row: how the tool is called, the line that says that it has begun, which of its lines are
compared, and what in them is of the moment (pids, times, addresses, ephemeral ports). What a kernel
made it print is in tests/data/tools/KERNEL-NAME.txt (tools/record-tools.sh); ours has to be
the same, line by line. A row without `kernel` has its expected lines here: kernels' virtual
machines lack what its workload needs. A row with `fails` is of a tool that cannot work, and has the
words by which it says so and why that is. docs/tools.md is made of this.
"""
import collections
import re

Tool = collections.namedtuple("Tool", "name argv ready keep kernel profile work expect extra fails why data pipe distinct record outer silent")


def tool(name, *args, ready="", keep="", kernel=None, profile=None, work=None, expect=None, extra=(), fails=None,
         why="", data="tests/data/tools", pipe=False, distinct=False, record=None,
         outer=None, silent=False):
    """@work: another command than tests/tools/work.c; @pipe: its lines are in the trace pipe; @distinct: each line counts once;
    @record: other arguments for the recording; @outer: what of the recorded lines is different, and how, because the outer
    filter (tests/lib/outer-filter.py) answers the workload itself; @silent: the tool prints
    nothing, on any kernel."""
    return Tool(name, [name, *args], ready, keep, kernel, profile or kernel, work, expect, extra, fails, why, data, pipe, distinct,
                record, outer, silent)


SCHEDULER = "the scheduler's decisions are not seen from outside the kernel"


# (pattern, replacement), applied in order
PIDS = [(r"^(\s*)\d+", r"PID")]
TIMES = [(r"\d\d:\d\d:\d\d", "TIME")]
PORTS = [(r"\b(3[2-9]\d{3}|[45]\d{4}|60\d{3})\b", "EPHEMERAL")]
REAL = [(r"\s+\d+\.\d+$", " MS")]

TOOLS = [
    tool("execsnoop", ready="PCOMM", keep=r"^work ", kernel="6.12",
         extra=[(r"^(work) +\d+ +\d+ +(\d+) \S*/(work)", r"\1 PID PPID \2 \3")]),
    tool("opensnoop", ready="COMM", keep=r"^\d+ +work ", kernel="6.12", extra=PIDS),
    tool("exitsnoop", ready="PCOMM", keep=r"^work ", kernel="6.12",
         extra=[(r"^(work) +\d+ +\d+ +\d+ +\S+ ", r"\1 PID PPID TID AGE ")]),
    tool("killsnoop", ready="COMM", keep=r" work ", kernel="6.12",
         extra=TIMES + [(r"TIME +\d+", "TIME PID"), (r"(work +\d+ +)\d+", r"\1TPID")]),
    tool("sigsnoop", ready="COMM", keep=r" work ", kernel="6.12",
         extra=TIMES + [(r"TIME +\d+", "TIME PID"), (r"(work +\d+ +)\d+", r"\1TPID")]),
    tool("syscount", "-P", ready="Tracing", keep=r"^\d+ +work ", kernel="6.12", extra=PIDS + [(r"\d\d$", "MANY")]),
    tool("mountsnoop", ready="COMM", keep=r"^work ", kernel="6.12",
         extra=[(r"^(work) +\d+ +\d+ +\d+", r"\1 PID TID NS")], outer=(r"(mount\(.*0x0, .*)ENOENT", r"\1EPERM")),
    tool("statsnoop", ready="COMM", keep=r" work ", kernel="6.12", silent=True,
         why="Debian's looks for events `statfs`, `newstat` …, which no kernel has, and prints nothing on 6.1 and 6.12 either"),
    tool("tcpconnect", ready="COMM", keep=r" work ", kernel="6.12", extra=PIDS),
    tool("tcplife", ready="COMM", keep=r" work ", kernel="6.12", extra=PIDS + PORTS + REAL),
    tool("tcpstates", ready="COMM", keep=r" work ", kernel="6.12",
         extra=[(r"^[0-9a-f]+ +\d+", "SK PID")] + PORTS + REAL),
    tool("fsslower", "-t", "ext4", "-m", "0", ready="COMM", keep=r" work .* work-file", expect=[
        r"\S+ +work +\d+ +O +0 +0 +\S+ work-file", r"\S+ +work +\d+ +W +4 +0 +\S+ work-file",
        r"\S+ +work +\d+ +F +LL_MAX +0 +\S+ work-file", r"\S+ +work +\d+ +R +4 +0 +\S+ work-file"]),
    tool("tcptracer", ready="COMM", keep=r" work ", kernel="6.12", extra=[(r"^(.) +\d+", r"\1 PID")] + PORTS),
    tool("tcpconnlat", ready="COMM", keep=r" work ", kernel="6.12", extra=PIDS + [(r"\d+\.\d+$", "MS")]),
    tool("vfsstat", "1", "9", ready="TIME", keep=r" 1 +\d+ +1$", expect=[r"\S+ +\d+ +\d+ +1 +\d+ +1"]),
    tool("filelife", ready="TIME", keep=r" work ", kernel="6.1",
         extra=TIMES + [(r"TIME +\d+", "TIME PID"), (r"\d+\.\d+", "AGE")]),
    tool("solisten", ready="COMM", keep=r" work ", kernel="6.12", extra=PIDS),
    tool("bindsnoop", ready="COMM", keep=r" work ", kernel="6.1", extra=PIDS,
         why="Debian's does not load on 6.12: a field that it reads has gone"),
    tool("funclatency", "vfs_fsync", ready="Tracing", keep=r": [1-9]", expect=[r"\d+ -> \d+ +: 1 .*"]),
    tool("filetop", "-C", "1", "6", ready="TID", keep=r" work .* work-file", expect=[
        r"\d+ +work +1 +1 +0 +0 +R work-file"]),
    tool("ksnoop", "trace", "vfs_fsync", ready="FUNCTION", profile="6.1",
         keep=r"vfs_fsync\(|\.f_flags|\.f_pos|return|\(int\)",
         expect=2 * [r"\d+ \d+ \d+ vfs_fsync\("] + [r"\.f_flags = \(unsigned int\)32770,", r"\.f_pos = \(loff_t\)4,",
                                                     r"return ="] + 2 * [r"\(int\)0"],
         why="Debian's finds no function of kernels that begin them with endbr64, as 6.12"),
    tool("syncsnoop.bt", ready="TIME", keep=r" work ",
         expect=[r"\S+ +\d+ +work +tracepoint:syscalls:sys_enter_fsync", r"\S+ +\d+ +work +tracepoint:syscalls:sys_enter_sync"]),
    tool("threadsnoop.bt", ready="TIME", keep=r" work ", expect=[], silent=True,
         why="Debian's looks for pthread_create in libpthread, which has been empty since glibc 2.34: silent on every kernel"),
    tool("capable", ready="COMM", keep=r" asks .* deny", kernel="6.12", work=["asks"],
         extra=TIMES + [(r"TIME +\d+ +\d+", "TIME UID PID")], why="of tests/tools/asks.c: what is asked by calls whose first question it is, and by changes "
         "of ids that are refused; other questions are not seen"),
    tool("cpudist", fails="sched_switch", why=SCHEDULER),
    tool("runqlat", fails="sched_wakeup", why=SCHEDULER),
    tool("offcputime", fails="sched_switch", why=SCHEDULER),
    tool("oomkill", fails="oom_kill_process", why="the kernel's memory management is not a process's call"),
    tool("drsnoop", fails="direct_reclaim_begin",
         why="the kernel's memory management is not a process's call"),
    tool("biolatency", fails="block_rq_issue", why="block devices are below the calls of processes"),
    tool("gethostlatency", ready="COMM", keep=r" getent ", work=["getent", "ahostsv4", "localhost"],
         expect=[r"\S+ +\d+ +getent +\d+\.\d+ +localhost"]),
    tool("bashreadline", ready="COMMAND", keep=r" echo ",
         work=["sh", "-c", "echo echo hello | bash --norc -i"], expect=[r"\S+ +\d+ +echo hello"]),
]


def document():
    """docs/tools.md."""
    text = """# Debian's libbpf-tools

<!-- Written by tools/gen-docs.py from tests/tools/tools.py: do not edit. -->

Unmodified, in an instance (`skep exec --root -- TOOL`), as an ordinary user. *as on 6.12*: the lines about a workload
(tests/tools/work.c) are those that this kernel made the tool print, but for pids, times, addresses and ephemeral ports;
`tests/script/tools` compares them.

| tool | state | |
|---|---|---|
"""
    for t in sorted(TOOLS):
        state = "cannot work" if t.fails else f"as on {t.kernel}" if t.kernel else "works"
        state += ", that is silent" if t.silent else ""
        text += f"| `{' '.join(t.argv)}` | {state} | {t.why} |\n"
    return text


def compared(row, text):
    """The lines of @text that count, without what is of the moment."""
    lines = []
    for line in text.replace("\r", "").split("\n"):
        if not re.search(row.keep, line):
            continue
        for pattern, to in row.extra:
            line = re.sub(pattern, to, line)
        lines.append(re.sub(r" +", " ", line).strip())
    return list(dict.fromkeys(lines)) if row.distinct else lines

