#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Puts bugs that Linux's verifier once had back into ours, one at a time, in a copy of the tree, and
checks that the generator and the checking interpreter (tests/unit/soundness_test.c) find each.

    mutants.py [--count N] [NAME...]      N programs at most for each (default 400000)"""
import os
import shutil
import subprocess
import sys
import tempfile

# name, file below src/verifier, the sound text, the bug
MUTANTS = [
    ("CVE-2017-16995: a 32-bit constant is sign-extended", "alu.c",
     "alu32 ? (u64)(u32)insn->imm : (u64)(s64)insn->imm);\n\t\treturn 0;", "(u64)(s64)insn->imm);\n\t\treturn 0;"),
    ("CVE-2017-16996: truncation keeps the upper half's bits", "scalar.c",
     "\treg->var_off = tnum_subreg(reg->var_off);\n\treg_assign_32_into_64(reg);", "\treg_assign_32_into_64(reg);"),
    ("CVE-2017-17852: 32-bit results are not truncated", "alu.c",
     "\tif (alu32)\n\t\tzext_32_to_64(dst);\n\treg_bounds_sync_for(env, dst);", "\treg_bounds_sync_for(env, dst);\n"),
    ("CVE-2017-17853: a logical shift keeps signed bounds", "scalar.c",
     "\t\tu64 lo = d->umin_value >> n, hi = d->umax_value >> n;", "\t\tu64 lo = (u64)(d->smin_value >> n), hi = (u64)(d->smax_value >> n);"),
    ("commit 713274f1f2c8: a narrow spill stays linked with its register", ("stack.c", "stack.c"),
     ("slot->spilled_ptr.id = 0;", "if (reg_width(reg) > size * 8)\n\t\t\tdst->id = 0;"), (";", "")),
    ("CVE-2017-17857: the end of a stack access at a variable offset is not checked", "stack.c",
     "else if (max_off > 0)\n\t\terr = -EINVAL;", ""),
    ("CVE-2018-18445: 32-bit right shift of 64-bit bounds", "scalar.c",
     "u32 lo = d->u32_min_value >> n, hi = d->u32_max_value >> n;", "u32 lo = (u32)(d->umin_value >> n), hi = (u32)(d->umax_value >> n);"),
    ("CVE-2020-8835: 32-bit bounds from truncated 64-bit ones", "scalar.c",
     "if (above_lo == above_hi) {", "if (1) {"),
    ("CVE-2020-27194: OR takes the 64-bit bounds for the low half", "scalar.c",
     "lo = max(d->u32_min_value, s->u32_min_value);", "lo = max((u32)d->umin_value, (u32)s->umin_value);"),
    ("CVE-2021-3490: 32-bit AND of known halves skips the bounds", "scalar.c",
     "reg32_set_value(d, (u32)v.value);", "(void)v;"),
    ("CVE-2021-31440: the low half is bounded when only the signed upper bound fits", "scalar.c",
     "(s32)lo < 0 && (s32)hi >= 0", "1"),
    ("CVE-2021-4204: a record is given back by a pointer into it", "arg.c",
     "\tif (arg_type & OBJ_RELEASE) {\n\t\t/* A dynptr", "\tif (arg_type & OBJ_RELEASE) {\n\t\treturn 0;\n\t\t/* A dynptr"),
    ("CVE-2021-45402: a 32-bit move keeps the source's 64-bit bounds", "alu.c",
     "\tif (alu32) {\n\t\tzext_32_to_64(dst);\n\t\treg_bounds_sync_for(env, dst);\n\t}\n\treturn 0;", "\treturn 0;"),
    ("CVE-2022-23222: pointers that may be NULL are moved, and lose that by a comparison", ("alu.c", "branch.c"),
     ("if (p.type & PTR_MAYBE_NULL)", "if (reg->off &&"), ("if (0)", "if (0 &&")),
    ("CVE-2023-2163: a comparison of two registers does not pass on precision", "backtrack.c",
     "/* What is known of one side came from the other. */", "return 0;"),
    ("CVE-2023-52462: a spilled pointer that is overwritten in part stays one", "stack.c",
     "\t\tu8 type = STACK_MISC;\n\n\t\t/* Data over", "\t\tu8 type = STACK_MISC;\n\n\t\tif (is_spilled_reg(slot) && size < 8)\n\t\t\treturn 0;\n\t\t/* Data over"),
    ("commit fb2a311a31d3: packet ranges one byte too long", "branch.c",
     "open = op == BPF_JLT || op == BPF_JGE;", "open = true;"),
    ("CVE-2023-52920: loads from the stack that are not by R10 are not followed back", "backtrack.c",
     "\tcase BPF_LDX:\n\t\treturn backtrack_load(bt, insn->dst_reg, hist);", "\tcase BPF_LDX:\n\t\treturn backtrack_load(bt, insn->dst_reg, insn->src_reg == BPF_REG_FP ? hist : NULL);"),
    ("commit 811c363645b3: a spilled constant is not sign-extended", "stack.c",
     "__mark_reg_known(&value, (u64)(s64)insn->imm);", "__mark_reg_known(&value, (u64)(u32)insn->imm);"),
    ("CVE-2024-47702: a packet pointer is loaded sign-extended", "access.c",
     ".is_ldsx = sign }", ".is_ldsx = false }"),
]


def main():
    args = sys.argv[1:]
    count = 400000
    if args[:1] == ["--count"]:
        count = int(args[1])
        args = args[2:]
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    chosen = [m for m in MUTANTS if not args or any(n in m[0] for n in args)]
    failed = 0
    with tempfile.TemporaryDirectory() as d:
        files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=top, capture_output=True, text=True, check=True).stdout.split("\n")
        for f in filter(None, files):
            if os.path.isfile(f"{top}/{f}"):
                os.makedirs(os.path.dirname(f"{d}/{f}"), exist_ok=True)
                shutil.copy2(f"{top}/{f}", f"{d}/{f}")
        build = ["make", "-s", "WARN=-w", "-j%d" % (os.cpu_count() or 1), "build/tests/soundness_test"]
        subprocess.run(build, cwd=d, check=True, stdout=subprocess.DEVNULL)
        for name, file, sound, bug in chosen:
            edits = [(file, sound, bug)] if isinstance(file, str) else list(zip(file, sound, bug))
            texts = {f: open(f"{d}/src/verifier/{f}").read() for f, _, _ in edits}
            if any(a not in texts[f] for f, a, _ in edits):
                print(f"not ok - {name}: the text to change is not in {file}", flush=True)
                failed += 1
                continue
            for f, a, b in edits:
                path = f"{d}/src/verifier/{f}"
                changed = open(path).read().replace(a, b, 1)
                open(path, "w").write(changed)
            subprocess.run(build, cwd=d, check=True, stdout=subprocess.DEVNULL)
            out = subprocess.run([d + "/build/tests/soundness_test"], capture_output=True, text=True,
                                 env=dict(os.environ, SOUND_COUNT=str(count)))
            found = [line for line in out.stderr.split("\n") if line.startswith("seed ")]
            died = [line for line in (out.stdout + out.stderr).split("\n") if "exception:" in line]
            if died or out.returncode < 0:
                found.append("the verifier itself died: " + "".join(died))
            if found:
                print(f"ok - found: {name}\n    {found[0][:160]}", flush=True)
            else:
                print(f"not ok - not found in {count} programs: {name}\n{out.stdout[-400:]}{out.stderr[-400:]}", flush=True)
                failed += 1
            for f, text in texts.items():
                open(f"{d}/src/verifier/{f}", "w").write(text)
    print(f"{len(chosen) - failed} injected bugs found, {failed} not")
    return 1 if failed else 0


sys.exit(main())
