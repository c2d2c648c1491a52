#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Writes the programs that record kernel functions, four for each row of tables/functions.def:
probes.py bpf > probes.bpf.c;  probes.py rows > rows.h (what recorder.c prints)."""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLLOW = {
    "struct file *": "file", "struct dentry *": "dentry", "const struct path *": "path",
    "struct path *": "path", "struct filename *": "filename", "struct inode *": "inode",
    "struct sock *": "sock", "struct socket *": "socket", "struct task_struct *": "task",
    "struct linux_binprm *": "bprm", "const struct linux_binprm *": "bprm",
    "struct kernel_clone_args *": "clone_args", "struct renamedata *": "renamed",
    "loff_t *": "word", "struct open_how *": "word",
}
HAS_TEXT = {"file", "dentry", "path", "filename", "user_string", "task", "bprm"}
WIDTH = {"int": "int", "pid_t": "int", "umode_t": "unsigned short", "unsigned int": "unsigned int",
         "u32": "unsigned int", "bool": "unsigned char", "uid_t": "unsigned int", "gid_t": "unsigned int",
         "rwf_t": "int", "dev_t": "unsigned int", "kuid_t": "unsigned int", "kgid_t": "unsigned int",
         "enum skb_drop_reason": "unsigned int", "enum hrtimer_mode": "unsigned int",
         "const enum hrtimer_mode": "unsigned int", "const clockid_t": "int"}
# Numbers that are addresses, or different each time: whether there is one.
POINTERS = {("ksys_mmap_pgoff", "addr"), ("vm_mmap_pgoff", "addr"), ("ksys_mmap_pgoff", ""), ("vm_mmap_pgoff", ""),
            ("security_file_ioctl", "arg"), ("security_file_fcntl", "arg"), ("security_task_prctl", "arg2"),
            ("security_task_prctl", "arg3"), ("security_task_prctl", "arg4"), ("security_task_prctl", "arg5"),
            ("security_task_setpgid", "pgid")}


def rows():
    text = open(os.path.join(ROOT, "tables", "functions.def")).read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for body in re.findall(r"^FUNCTION\((.*?)\)$", text, flags=re.S | re.M):
        if "is_compat" in body:  # do_execveat_common(): no kernel that was recorded has it, and 7 arguments
            continue
        if body.startswith("exit_creds"):  # when and on whose behalf, RCU alone knows
            continue
        if "FN_TEST" in body:  # no workload reaches it
            continue
        m = re.match(r"""(\w+), (\w+), KVER\((\d+), (\d+)\), (0|KVER\(\d+, \d+\)), ([\w| ]+), """
                     r"""(0|"[^"]*"),\s*(.*)""", body, flags=re.S)
        strings = re.findall(r'"([^"]*)"', m[8])
        until = re.findall(r"\d+", m[5])
        yield dict(id=m[1], name=m[2], since=(int(m[3]), int(m[4])),
                   until=(int(until[0]), int(until[1])) if len(until) == 2 else (0, 0),
                   ret=strings[0], args=list(zip(strings[1::2], strings[2::2])))


def follow(row, ctype, name):
    if ctype == "const char *" and name in ("filename", "pathname"):
        return "user_string"
    if ctype == "struct sockaddr *" and not row["name"].startswith("__sys_"):
        return "sockaddr"
    if (row["name"], name) in POINTERS:
        return "pointer"
    if ctype in FOLLOW:
        return FOLLOW[ctype]
    return "pointer" if ctype.endswith("*") else "number"


def store(row, i, at, ctype, kind, value):
    if kind == "number":
        return f"\tr->value[{i}] = (u64)(s64)({WIDTH.get(ctype, 'u64')}){value};\n"
    return f"\t{kind}(r, {i}, {at}, {value});\n"


def program(row, number, kind):
    """kind: k, f: entries; x, r: returns."""
    section = {"k": "kprobe", "f": "fentry", "x": "fexit", "r": "kretprobe"}[kind]
    enum = {"k": "KPROBE", "f": "FENTRY", "x": "FEXIT", "r": "KRETPROBE"}[kind]
    regs = kind in "kr"
    out = f'\nSEC("{section}/{row["name"]}") int {kind}_{number}({"struct pt_regs" if regs else "u64"} *ctx)\n{{\n'
    if kind == "k":
        out += "\tu64 a[6] = ARGUMENTS(ctx);\n"
    if kind == "f" and row["args"]:
        # the verifier lets nobody read pointers to pointers and to functions
        hidden = [i for i, (t, _) in enumerate(row["args"]) if t.endswith(("**", "*const *", ")"))]
        out += "\tu64 a[] = { " + ", ".join("0" if i in hidden else f"ctx[{i}]" for i in range(len(row["args"]))) + " };\n"
    hidden = hidden if kind == "f" and row["args"] else []
    if kind == "x" and row["ret"] != "void":
        out += f'\tu64 a[] = {{ ctx[{len(row["args"])}] }};\n'
    if kind == "r" and row["ret"] != "void":
        out += "\tu64 a[] = { ctx->rax };\n"
    out += f"\tstruct record *r = begin(RECORD_{enum}, {number});\n\n\tif (!r)\n\t\treturn 0;\n"
    if kind == "f":
        for i in hidden:
            out += f"\tbpf_get_func_arg(ctx, {i}, &a[{i}]);\n"
    values = row["args"] if kind in "kf" else [(row["ret"], "")] if row["ret"] != "void" else []
    at = 0
    for i, (ctype, name) in enumerate(values):
        how = follow(row, ctype, name)
        out += store(row, i, at, ctype, how, f"a[{i}]")
        at += how in HAS_TEXT
    return out + "\tbpf_ringbuf_submit(r, 0);\n\treturn 0;\n}\n"


def main():
    if sys.argv[1] == "bpf":
        print('#include "probes.h"')
        for n, row in enumerate(rows()):
            for kind in "kfxr":
                print(program(row, n, kind), end="")
        return
    for row in rows():
        kinds = ", ".join('"%s"' % follow(row, t, n) for t, n in row["args"])
        print('{ "%s", %d, %d, "%s", %d, { %s } },' % (
            row["name"], row["since"][0] << 8 | row["since"][1], row["until"][0] << 8 | row["until"][1],
            "void" if row["ret"] == "void" else follow(row, row["ret"], ""), len(row["args"]), kinds))


main()
