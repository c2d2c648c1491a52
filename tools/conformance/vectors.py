#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Runs the vectors of a checkout of bpf_conformance (tests/*.data) through skep-plugin.

usage: tools/conformance/vectors.py DIR [--plugin build/skep-plugin] [NAME...]

Each vector runs by the JIT and by the interpreter; prints what failed and the totals.
It holds the small assembler that the vectors' "-- asm" sections need.
"""
import pathlib
import re
import struct
import subprocess
import sys

ALU = dict(add=0x00, sub=0x10, mul=0x20, div=0x30, lsh=0x60, rsh=0x70, mod=0x90, xor=0xA0, mov=0xB0, arsh=0xC0)
ALU.update({"or": 0x40, "and": 0x50})
JMP = dict(jeq=0x10, jgt=0x20, jge=0x30, jset=0x40, jne=0x50, jsgt=0x60, jsge=0x70, jlt=0xA0, jle=0xB0, jslt=0xC0, jsle=0xD0)
SIZE = dict(b=0x10, h=0x08, w=0x00, dw=0x18)
ATOMIC = dict(add=0, xor=0xA0, xchg=0xE1, cmpxchg=0xF1)
ATOMIC.update({"or": 0x40, "and": 0x50})


def reg(text):
    return int(text.lstrip("%r"))


def num(text):
    return int(text, 0)


def mem(text):
    m = re.fullmatch(r"\[%r(\d+)\s*(?:([+-])\s*(\w+))?\]", text)
    off = num(m.group(3)) if m.group(3) else 0
    return int(m.group(1)), -off if m.group(2) == "-" else off


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBHI", code, src << 4 | dst, off & 0xFFFF, imm & 0xFFFFFFFF)


def assemble(lines):
    labels, code, pc = {}, [], 0
    for line in lines:
        line = line.split("#")[0].strip()
        if not line:
            continue
        m = re.fullmatch(r"(\w+):", line)
        if m:
            labels[m.group(1)] = pc
            continue
        op, _, rest = line.partition(" ")
        args = [a.strip() for a in rest.split(",")] if rest.strip() else []
        if op == "lock":
            words = rest.split(None, 1)
            if words[0] == "fetch":
                second = words[1].split(None, 1)
                op, rest = "lock fetch " + second[0], second[1]
            else:
                op, rest = "lock " + words[0], words[1]
            args = [a.strip() for a in rest.split(",")]
        code.append((pc, op, args))
        pc += 2 if op == "lddw" else 1
    exits = [p for p, op, _ in code if op == "exit"]
    labels.setdefault("exit", exits[-1] if exits else pc)
    out = []
    for pc, op, args in code:
        def target(text):
            if text in labels:
                return labels[text] - pc - 1
            return num(text)

        m = re.fullmatch(r"s?(add|sub|mul|div|or|and|lsh|rsh|mod|xor|mov|arsh)(32|64)?", op)
        if m and (op[0] != "s" or m.group(1) in ("div", "mod") or op.startswith("sub")):
            signed = op.startswith(("sdiv", "smod"))
            cls = 4 if m.group(2) == "32" else 7
            if args[1].startswith("%"):
                out.append(insn(cls | 8 | ALU[m.group(1)], reg(args[0]), reg(args[1]), int(signed)))
            else:
                out.append(insn(cls | ALU[m.group(1)], reg(args[0]), 0, int(signed), num(args[1])))
            continue
        m = re.fullmatch(r"movsx(8|16|32)(32|64)", op)
        if m:
            out.append(insn((4 if m.group(2) == "32" else 7) | 0xB8, reg(args[0]), reg(args[1]), int(m.group(1))))
            continue
        m = re.fullmatch(r"neg(32|64)?", op)
        if m:
            out.append(insn(0x84 if m.group(1) == "32" else 0x87, reg(args[0])))
            continue
        m = re.fullmatch(r"(be|le|swap|bswap)(16|32|64)", op)
        if m:
            base = dict(be=0xDC, le=0xD4, swap=0xD7, bswap=0xD7)[m.group(1)]
            out.append(insn(base, reg(args[0]), 0, 0, int(m.group(2))))
            continue
        if op == "lddw":
            v = num(args[1]) & (1 << 64) - 1
            out.append(insn(0x18, reg(args[0]), 0, 0, v) + insn(0, 0, 0, 0, v >> 32))
            continue
        m = re.fullmatch(r"ldx(s?)(b|h|w|dw)", op)
        if m:
            src, off = mem(args[1])
            out.append(insn((0x81 if m.group(1) else 0x61) | SIZE[m.group(2)], reg(args[0]), src, off))
            continue
        m = re.fullmatch(r"st(x?)(b|h|w|dw)", op)
        if m:
            dst, off = mem(args[0])
            if m.group(1):
                out.append(insn(0x63 | SIZE[m.group(2)], dst, reg(args[1]), off))
            else:
                out.append(insn(0x62 | SIZE[m.group(2)], dst, 0, off, num(args[1])))
            continue
        m = re.fullmatch(r"lock (fetch )?(\w+?)(32)?", op)
        if m:
            dst, off = mem(args[0])
            imm = ATOMIC[m.group(2)] | bool(m.group(1))
            out.append(insn(0xC3 if m.group(3) else 0xDB, dst, reg(args[1]), off, imm))
            continue
        if op == "exit":
            out.append(insn(0x95))
        elif op == "ja":
            out.append(insn(0x05, 0, 0, target(args[0])))
        elif op == "ja32":
            out.append(insn(0x06, 0, 0, 0, target(args[0])))
        elif op == "call":
            if args[0].startswith("local"):
                out.append(insn(0x85, 0, 1, 0, target(args[0].split()[1])))
            elif args[0].startswith("%"):
                out.append(insn(0x8D, reg(args[0])))
            else:
                out.append(insn(0x85, 0, 0, 0, num(args[0])))
        else:
            m = re.fullmatch(r"(j\w+?)(32)?", op)
            cls = 6 if m.group(2) else 5
            if args[1].startswith("%"):
                out.append(insn(cls | 8 | JMP[m.group(1)], reg(args[0]), reg(args[1]), target(args[2])))
            else:
                out.append(insn(cls | JMP[m.group(1)], reg(args[0]), 0, target(args[2]), num(args[1])))
    return b"".join(out)


def sections(text):
    found, name = {}, None
    for line in text.splitlines():
        m = re.match(r"--\s*(.*)", line)
        if m:
            name = m.group(1).strip()
            found[name] = []
        elif name:
            found[name].append(line)
    return found


def main():
    args = sys.argv[1:]
    plugin = "build/skep-plugin"
    if "--plugin" in args:
        k = args.index("--plugin")
        plugin = args[k + 1]
        del args[k : k + 2]
    if not args:
        sys.exit(__doc__)
    passed = failed = 0
    for path in sorted(pathlib.Path(args[0]).glob("tests/*.data")):
        if len(args) > 1 and path.stem not in args[1:]:
            continue
        s = sections(path.read_text())
        if "asm" in s:
            program = assemble(s["asm"])
        else:
            program = b"".join(struct.pack("<Q", int(x, 16)) for line in s["raw"] for x in line.split("#")[0].split())
        memory = "".join(line.split("#")[0] for line in s.get("mem", []))
        want = [line.split("#")[0].strip() for line in s["result"]]
        want = int([w for w in want if w][0], 0) & (1 << 64) - 1
        for mode in ([], ["--interpret"]):
            cmd = [plugin] + ([memory] if memory.strip() else []) + mode
            run = subprocess.run(cmd, input=program.hex(), capture_output=True, text=True, timeout=20)
            if run.returncode == 0 and int(run.stdout, 16) == want:
                passed += 1
            else:
                failed += 1
                got = run.stdout.strip() or run.stderr.strip()
                print(f"{path.stem} {' '.join(mode) or 'jit'}: want {want:x}, got {got} (status {run.returncode})")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
