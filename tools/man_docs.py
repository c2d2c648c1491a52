# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Manual pages made from the tables: skep-bpf(2), skep-helpers(7)."""
import re

HEAD = '.\\" SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause\n.\\" Written by tools/gen-docs.py from tables/: do not edit.\n'

BPF = """.TH SKEP-BPF 2 "" "skep 0.1" "System Calls Manual"
.SH NAME
bpf \\- the system call as skep answers it
.SH SYNOPSIS
.nf
.B #include <linux/bpf.h>
.B #include <skep/skep.h>
.PP
.BI "int syscall(SYS_bpf, int " cmd ", union bpf_attr *" attr ", unsigned int " size ");"
.BI "int skep_bpf(struct skep_system *" sys ", int " cmd ", union bpf_attr *" attr ", unsigned int " size ");"
.fi
.SH DESCRIPTION
What Linux documents in
.BR bpf (2)
holds: attributes, results, errno, layouts. In an instance
.RB ( skep-exec (1)),
in programs that are linked with skep and in those that load libskep-preload.so, the system call is skep's;
.BR skep_bpf ()
takes the same arguments and returns errors as \\-errno. Each name below is followed by the Linux release that introduced it: one
that the release in force
.RB ( \\-\\-kernel )
does not have is refused as that release refuses it. What is absent is refused with the errno of a kernel that lacks it.
"""

HELPERS = """.TH SKEP-HELPERS 7 "" "skep 0.1" "Miscellaneous Information Manual"
.SH NAME
skep-helpers \\- the helper functions of eBPF programs, as skep has them
.SH DESCRIPTION
What each does is what
.BR bpf-helpers (7)
says. Here: the kinds of its arguments and result as the verifier knows them, the Linux release that introduced it, whether only programs
under a GPL-compatible license may call it, and what skep has of it. A running system refuses to load a program that calls an absent one;
.B skep verify
judges all of them.
"""


def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def state(row):
    _, since, what, note = row
    parts = [f"since Linux {since}" if since else "", "" if what == "DONE" else what.lower(), roff(note)]
    return "; ".join(p for p in parts if p)


def bpf(vocabularies):
    text = HEAD + BPF
    for title, _, rows in vocabularies:
        if title in ("Commands of bpf(2)", "Map types", "Program types", "Attach types", "Link types"):
            text += f".SH {title.upper()}\n"
            for row in rows:
                text += f".TP\n.B {row[0]}\n{state(row)}\n"
    return text + ".SH SEE ALSO\n.BR skep (1),\n.BR skep-helpers (7),\n.BR bpf (2)\n"


def kind(text):
    """RET_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL: "map value or NULL"."""
    words = [w.strip() for w in text.split("|")]
    name = re.sub(r"^(ARG|RET)_(CONST_)?(PTR_TO_)?", "", words[0]).lower().replace("_", " ")
    if words[0].endswith("CONST_MAP_PTR"):
        name = "map"
    return name + (" or NULL" if "PTR_MAYBE_NULL" in words or words[0].endswith("_OR_NULL") else "")


def helpers(vocabularies, raw):
    rows = {row[0]: row for title, _, rows in vocabularies if title == "Helpers" for row in rows}
    text = HEAD + HELPERS + ".SH HELPERS\n"
    for r in raw:
        row = rows[r[1].strip('"')]
        prototype = ", ".join(r[5:])
        ret = re.search(r"\.ret_type = ([^,]+)", prototype)
        args = re.search(r"\.arg_type = \{([^}]*)\}", prototype)
        kinds = ", ".join(kind(a) for a in args[1].split(",")) if args else ""
        gpl = "; GPL only" if re.search(r"\.gpl_only = true", prototype) else ""
        name = row[0] if row[0].startswith("bpf_") else "bpf_" + row[0]
        text += f'.TP\n.BR {name} " ({roff(kinds)}), {kind(ret[1]) if ret else "nothing"}"\n{state(row)}{gpl}\n'
    return text + ".SH SEE ALSO\n.BR skep-bpf (2),\n.BR bpf-helpers (7)\n"
