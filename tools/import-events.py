#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Writes tables/syscalls.def and tests/data/events-*.txt from what kernels say of their events.

    tools/import-events.py SYSCALL_64.TBL VERSION=FORMATS...

SYSCALL_64.TBL is Linux's table of x86-64 call numbers (of the newest kernel at hand); FORMATS
is made on a kernel of VERSION, newest last, in its tracefs:

    for e in events/{syscalls,raw_syscalls,sched,signal,sock,task,tcp,skb,net}/*/format; do echo "@@ $e"; cat $e; done
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPDX = "/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */\n"
# Events besides system calls that are recorded for tests: those of tables/tracepoints.def.
RECORDED = """raw_syscalls:sys_enter raw_syscalls:sys_exit sched:sched_process_exec sched:sched_process_fork
sched:sched_process_exit signal:signal_generate signal:signal_deliver task:task_newtask task:task_rename
sock:inet_sock_set_state tcp:tcp_destroy_sock tcp:tcp_retransmit_skb sched:sched_wakeup_new skb:kfree_skb
skb:consume_skb net:netif_receive_skb net:net_dev_queue net:net_dev_start_xmit net:net_dev_xmit""".split()
COMMON = 4  # fields that every record begins with
# Numbers newer than the table at hand.
NEWER = {336: "uprobe", 463: "setxattrat", 464: "getxattrat", 465: "listxattrat", 466: "removexattrat",
         467: "open_tree_attr", 468: "file_getattr", 469: "file_setattr"}
SINCE = {
    (3, 19): "execveat", (4, 3): "userfaultfd membarrier", (4, 4): "mlock2", (4, 5): "copy_file_range",
    (4, 6): "preadv2 pwritev2", (4, 9): "pkey_mprotect pkey_alloc pkey_free", (4, 11): "statx",
    (4, 18): "rseq io_pgetevents", (5, 1): "io_uring_setup io_uring_enter io_uring_register pidfd_send_signal",
    (5, 2): "open_tree move_mount fsopen fsconfig fsmount fspick", (5, 3): "clone3 pidfd_open",
    (5, 6): "openat2 pidfd_getfd", (5, 8): "faccessat2", (5, 9): "close_range", (5, 10): "process_madvise",
    (5, 11): "epoll_pwait2", (5, 12): "mount_setattr",
    (5, 13): "landlock_create_ruleset landlock_add_rule landlock_restrict_self",
    (5, 14): "memfd_secret quotactl_fd", (5, 15): "process_mrelease", (5, 16): "futex_waitv",
    (5, 17): "set_mempolicy_home_node", (6, 5): "cachestat", (6, 6): "map_shadow_stack fchmodat2",
    (6, 7): "futex_wake futex_wait futex_requeue",
    (6, 8): "statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules", (6, 10): "mseal",
    (6, 11): "uretprobe", (6, 13): "setxattrat getxattrat listxattrat removexattrat",
    (6, 15): "open_tree_attr", (6, 17): "file_getattr file_setattr", (6, 18): "uprobe",
}
ALWAYS = (2, 6)


def read_formats(path):
    out, cur = {}, None
    for line in open(path):
        if line.startswith("@@"):
            category, name = line.split("/")[1:3]
            cur = out.setdefault(f"{category}:{name}", {"fields": [], "print": ""})
        elif "field:" in line:
            m = re.match(r"\s*field:(.*);\toffset:(\d+);\tsize:(\d+);\tsigned:(\d);", line)
            cur["fields"].append((m[1],) + tuple(int(x) for x in m.groups()[1:]))
        elif line.startswith("print fmt:"):
            cur["print"] = line[11:].rstrip("\n")
    return out


def record(version, events):
    """One line per event: name|declaration,offset,size,signed;...|print fmt, = for all arguments as 0x%08lx"""
    lines = []
    for name in sorted(events):
        e = events[name]
        if name.startswith("syscalls:sys_enter_") or name in RECORDED or name == "syscalls:sys_exit_execve":
            fields = ";".join("%s,%d,%d,%d" % f for f in e["fields"][COMMON:])
            text = e["print"]
            if name.startswith("syscalls:sys_enter_"):
                args = [f[0].split()[-1] for f in e["fields"][COMMON + 1:]]
                usual = '"%s"%s' % (", ".join(f"{a}: 0x%08lx" for a in args),
                                    "".join(f", ((unsigned long)(REC->{a}))" for a in args))
                text = "=" if text == usual else text
            lines.append(f"{name}|{fields}|{text}\n")
    path = ROOT / f"tests/data/events-{version}.txt"
    path.write_text("# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause\n"
                    f"# Records of events as Linux {version} describes them: "
                    "name|declaration,offset,size,signed;...|print fmt;\n# = is every argument as 0x%08lx\n" + "".join(lines))


def main():
    numbers = dict(NEWER)
    for line in open(sys.argv[1]):
        p = line.split()
        if len(p) > 3 and p[0][0] != "#" and p[1] in ("common", "64"):
            numbers[int(p[0])] = p[3][len("sys_"):]
    kernels = []
    for arg in sys.argv[2:]:
        version, path = arg.split("=", 1)
        kernels.append((version, read_formats(path)))
        record(*kernels[-1])
    since = {name: v for v, names in SINCE.items() for name in names.split()}
    rows = []
    for nr, name in sorted(numbers.items()):
        found = [k[f"syscalls:sys_enter_{name}"] for _, k in kernels if f"syscalls:sys_enter_{name}" in k]
        if not found:
            continue
        args = "".join(', "%s", "%s"' % tuple(f[0].rsplit(" ", 1)) for f in found[-1]["fields"][COMMON + 1:])
        rows.append("SYSCALL(%d, %s, KVER(%d, %d)%s)\n" % ((nr, name) + since.get(name, ALWAYS) + (args,)))
    (ROOT / "tables/syscalls.def").write_text(SPDX + """/*
 * System calls of x86-64 that have a tracepoint of their own: SYSCALL(number, name, since, type and
 * name of each argument). The name is the kernel's: sys_enter_NAME, __x64_sys_NAME. Written by
 * tools/import-events.py; KVER(2, 6) stands for always.
 */
""" + "".join(rows))


main()
