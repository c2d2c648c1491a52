#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The README's table of what running, loading and helpers cost: measures it here and now and prints its rows.
Each figure's sides (skep's engines, the running kernel, gcc's and clang's code of the same C) are measured in turns
by the programs of bench/, each in one run. As root; otherwise the kernel's column is empty.

    make table"""
import os
import re
import subprocess
import tempfile

OUT = os.environ.get("O", "build")


def run(name, *args):
    done = subprocess.run([f"{OUT}/bench/{name}", *args], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def find(pattern, text):
    """The groups of the first match as they stand, or dashes."""
    m = re.search(pattern, text, re.M)
    return m.groups() if m else ("-",) * re.compile(pattern).groups


def short(text):
    """A time without digits that no run repeats."""
    try:
        value = float(text)
    except ValueError:
        return text
    return f"{value:.2g}" if value < 1 else f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def row(what, ours, kernel="", note=""):
    print(f"| {what} | {ours} | {kernel} | {note} |")


def programs():
    text = run("exec", "--rounds", "30")
    count = len(re.findall(r"^\w+ .*insns, ", text, re.M)) - 1  # "empty" is the others' base
    ratio, gcc, clang = find(r"geometric mean of jit against kernel ([\d.]+), gcc ([\d.]+), clang ([\d.]+),", text)
    slowest = max(((float(m.group(2)), m.group(1)) for m in re.finditer(
        r"^(\w+)(?: +[\d.]+){5} +([\d.]+) +[\d.]+ +[\d.]+ ", text, re.M)), default=("-", "-"))

    def native(by):
        return f"{float(ratio) / float(by):.2f}" if "-" not in (ratio, by) else "-"
    row(f"{count} programs, time per run, geometric mean", ratio, 1,
        f"native gcc -O2 {native(gcc)}, clang -O2 {native(clang)} of the same C")
    row(f"slowest of them against the kernel ({slowest[1]})", slowest[0], 1)
    row("interpreter, ns per instruction, geometric mean of the same",
        find(r"^interpreter: ([\d.]+) ns", text)[0])


def loading():
    text = run("load")
    _, ours, _, kernel = find(r"the last one closed +([\d.]+) +([\d.]+) +(\S+) +(\S+)", text)
    _, kept, _, kernel_kept = find(r"none closed +([\d.]+) +([\d.]+) +(\S+) +(\S+)", text)
    row("loading a program of two instructions, µs (median), the last one closed", short(ours), short(kernel),
        f"none closed: {short(kept)} and {short(kernel_kept)}")
    us, size, kernel = find(r"compiling +4256 instructions +[\d.]+ +([\d.]+) +([\d.]+) bytes of code each(?:, the kernel ([\d.]+))?",
                            text)
    row("compiling 4,256 instructions, µs", short(us), "", f"{size} bytes of code each, the kernel's {kernel or '-'}")


def packets():
    with tempfile.TemporaryDirectory() as folder:
        capture = f"{folder}/in.pcap"
        subprocess.run([f"{OUT}/examples/make-capture", capture, "2000"], check=True, capture_output=True)
        text = run("pcap", capture, f"{OUT}/bpf/parser.bpf.o", f"{OUT}/bench/parser.gcc.so",
                   f"{OUT}/bench/parser.clang.so")
    ours = find(r"^skep +[\d.]+ +([\d.]+)", text)[0]
    native, ratio = find(r"^parser.gcc.so +[\d.]+ +([\d.]+) +skep/native ([\d.]+)", text)
    row("replay of a capture through a parser, ns per packet", short(ours), "",
        f"the same C natively: {short(native)} (in turns: {ratio}x)")


def helpers():
    text = run("helpers")
    for name, what in (("helper_call", "a helper that does nothing, ns"),
                       ("array_lookup", "lookup in an array, ns"),
                       ("spin_lock", "`bpf_spin_lock()` and unlock, ns"),
                       ("tail_call", "tail call, ns"),
                       ("loop_iteration", "`bpf_loop()`, ns per iteration"),
                       ("current_pid_tgid", "`bpf_get_current_pid_tgid()`, ns"),
                       ("prandom_u32", "`bpf_get_prandom_u32()`, ns"),
                       ("ktime_get_ns", "`bpf_ktime_get_ns()`, ns"),
                       ("read_user_stack", "`bpf_probe_read_user()` of the own process's stack, ns")):
        ours, kernel = find(rf"^{name} +(\S+) +(\S+)", text)
        row(what, short(ours), short(kernel))


def maps():
    text = run("map")

    def both(name):
        kernel, ours = find(rf"^{re.escape(name)} +(\S+) +(\S+) +\S+x", text)
        return short(ours), short(kernel)
    sizes = [both(f"hash lookup, {n}") for n in ("16 entries", "64 k", "1 M")]
    row("hash lookup from a program, 16 / 64 k / 1 M entries, ns", " / ".join(s[0] for s in sizes),
        " / ".join(s[1] for s in sizes))
    for name, what in (("hash update, 16", "hash update, 16 entries, ns"), ("LRU hash update, 16 k", "LRU hash update, ns"),
                       ("array update", "array update, ns"),
                       ("ring buffer reserve + submit", "ring buffer reserve + submit, ns")):
        row(what, *both(name))


print(f"| | skep | Linux {os.uname().release.split('-')[0]} | |\n|---|---:|---:|---|")
programs()
loading()
packets()
helpers()
maps()
