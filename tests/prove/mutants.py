#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Injects bugs into the verifier's operators on numbers, several of them ones that Linux once
had, and checks that the proofs refute each.   mutants.py [NAME...]"""
import os
import subprocess
import sys
import tempfile

# name, file, the sound text, the bug, theorems that must fail
MUTANTS = [
    ("tnum_add forgets the carries", "tnum.h",
     "u64 unknown = carries | a.mask | b.mask;", "u64 unknown = a.mask | b.mask; (void)carries;", "tnum_add"),
    ("tnum_sub borrows on one side only", "tnum.h",
     "(diff + a.mask) ^ (diff - b.mask)", "(diff + a.mask) ^ diff", "tnum_sub"),
    ("tnum_union keeps bits that differ", "tnum.h",
     "(a.value ^ b.value) | a.mask | b.mask;\n\n\treturn TNUM(a.value & b.value", "a.mask | b.mask;\n\n\treturn TNUM(a.value & b.value", "tnum_union"),
    ("tnum_range one bit short", "tnum.c",
     "~0ULL >> __builtin_clzll(differ)", "(~0ULL >> __builtin_clzll(differ)) >> 1", "tnum_range"),
    ("multiplication adds an unknown bit as known", "tnum.c",
     "return tnum_union(sum, tnum_add(sum, b));", "return tnum_add(sum, b);", "tnum_mul"),
    ("CVE-2018-18445: 32-bit right shift of 64-bit bounds", "scalar.c",
     "u32 lo = d->u32_min_value >> n, hi = d->u32_max_value >> n;",
     "u32 lo = (u32)(d->umin_value >> n), hi = (u32)(d->umax_value >> n);", "shifts by 3"),
    ("CVE-2020-8835: 32-bit bounds from truncated 64-bit ones", "scalar.c",
     "if (above_lo == above_hi) {", "if (1) {", "low_half_from"),
    ("CVE-2020-27194: OR takes the 64-bit bounds for the low half", "scalar.c",
     "lo = max(d->u32_min_value, s->u32_min_value);",
     "lo = max((u32)d->umin_value, (u32)s->umin_value);", "ranges_bitwise, or"),
    ("CVE-2021-31440: the low half is bounded when only the signed upper bound fits", "scalar.c",
     "(s32)lo < 0 && (s32)hi >= 0", "1", "low_half_from"),
    ("CVE-2021-3490: 32-bit AND of known halves skips the bounds", "scalar.c",
     "reg32_set_value(d, (u32)v.value);", "(void)v;", "ranges_bitwise, xor"),
    ("sums that wrap on one side stay ranges", "scalar.c",
     "if (wrap ? lo != hi : lo || hi)\n\t\tumin = 0", "if (wrap ? false : lo || hi)\n\t\tumin = 0", "ranges_add, u64"),
    ("differences of the same ends", "scalar.c",
     "__builtin_sub_overflow(d->smin_value, s->smax_value, &smin)",
     "__builtin_sub_overflow(d->smin_value, s->smin_value, &smin)", "ranges_sub, s64"),
    ("signed products from two corners", "scalar.c",
     "d->LO = min(min(a, b), min(c, e));", "d->LO = min(a, e);", "ranges_mul, s32"),
    ("left shift that loses the top bit", "scalar.c",
     "d->umax_value > 1ULL << (63 - n)", "d->umax_value > (1ULL << (63 - n)) * 4 - 1", "shifts by 5"),
    ("less-than narrows as less-or-equal of the other side", "scalar.c",
     "a->HI = min(a->HI, (T)((U)b->HI - 1));", "a->HI = min(a->HI, (T)((U)b->LO - 1));", "refine JLT"),
    ("not-equal cuts an end that is not the constant", "scalar.c",
     "if (a->HI == (T)v)", "if (a->HI >= (T)v)", "refine JNE"),
    ("JSET taken for a bit that may be 0", "scalar.c",
     "decided((x.t.value & y.t.value) != 0", "decided(((x.t.value | x.t.mask) & y.t.value) != 0", "taken JSET"),
    ("sign extension keeps an unsigned range", "scalar.c",
     "if ((lo >= 0) == (hi >= 0)) {\n\t\t\treg->smin_value = lo;", "if (1) {\n\t\t\treg->smin_value = lo;", "coerce_reg_to_size_sx"),
    ("truncation keeps ends of different pages", "scalar.c",
     "(reg->umin_value & ~keep) == (reg->umax_value & ~keep)", "1", "coerce_reg_to_size, 2"),
    ("signed range from the unsigned one across the sign", "scalar.c",
     "if ((s64)r->umin_value <= (s64)r->umax_value)\n\t\tcut_s64", "if (1)\n\t\tcut_s64", "deduce64"),
]


def main():
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    failed = 0
    chosen = [m for m in MUTANTS if not sys.argv[1:] or any(n in m[0] for n in sys.argv[1:])]
    for name, file, sound, bug, theorems in chosen:
        with tempfile.TemporaryDirectory() as d:
            os.mkdir(d + "/verifier")
            for f in ("tnum.h", "tnum.c", "scalar.h", "scalar.c"):
                text = open(f"{top}/src/verifier/{f}").read()
                if f == file:
                    if text.count(sound) < 1:
                        print(f"not ok - {name}: the text to change is not in {file}")
                        failed += 1
                        break
                    text = text.replace(sound, bug, 1)
                open(f"{d}/verifier/{f}", "w").write(text)
            else:
                exe = d + "/prove"
                subprocess.run(["g++", "-std=c++17", "-O1", "-w", "-fpermissive", "-I" + d, f"-I{top}/tests/prove",
                                f"{top}/tests/prove/prove.cc", "-lz3", "-o", exe], check=True)
                out = subprocess.run([exe, theorems], capture_output=True, text=True)
                if "refuted by" in out.stdout:
                    print(f"ok - refuted: {name}", flush=True)
                else:
                    print(f"not ok - not refuted: {name}\n{out.stdout}", flush=True)
                    failed += 1
    print(f"{len(chosen) - failed} injected bugs refuted, {failed} not")
    return 1 if failed else 0


sys.exit(main())
