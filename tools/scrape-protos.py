#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Prints the prototypes of helpers as a Linux source tree declares them.

    tools/scrape-protos.py LINUX-SOURCE > PROTOS.TXT

One line for each struct bpf_func_proto: symbol, id's name (empty when several
symbols share an id and none has its name), C initializers of our struct of the
same name. Facts only: types, flags, sizes and names of kernel types.
"""
import pathlib
import re
import sys

OR_NULL = " | PTR_MAYBE_NULL"
COMPOUND = {
    "ARG_PTR_TO_MAP_VALUE_OR_NULL": "ARG_PTR_TO_MAP_VALUE" + OR_NULL,
    "ARG_PTR_TO_MEM_OR_NULL": "ARG_PTR_TO_MEM" + OR_NULL,
    "ARG_PTR_TO_CTX_OR_NULL": "ARG_PTR_TO_CTX" + OR_NULL,
    "ARG_PTR_TO_SOCKET_OR_NULL": "ARG_PTR_TO_SOCKET" + OR_NULL,
    "ARG_PTR_TO_STACK_OR_NULL": "ARG_PTR_TO_STACK" + OR_NULL,
    "ARG_PTR_TO_BTF_ID_OR_NULL": "ARG_PTR_TO_BTF_ID" + OR_NULL,
    "ARG_PTR_TO_UNINIT_MEM": "ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE",
    "ARG_PTR_TO_FIXED_SIZE_MEM": "ARG_PTR_TO_MEM | MEM_FIXED_SIZE",
    "RET_PTR_TO_MAP_VALUE_OR_NULL": "RET_PTR_TO_MAP_VALUE" + OR_NULL,
    "RET_PTR_TO_SOCKET_OR_NULL": "RET_PTR_TO_SOCKET" + OR_NULL,
    "RET_PTR_TO_TCP_SOCK_OR_NULL": "RET_PTR_TO_TCP_SOCK" + OR_NULL,
    "RET_PTR_TO_SOCK_COMMON_OR_NULL": "RET_PTR_TO_SOCK_COMMON" + OR_NULL,
    "RET_PTR_TO_RINGBUF_MEM_OR_NULL": "RET_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RINGBUF",
    "RET_PTR_TO_DYNPTR_MEM_OR_NULL": "RET_PTR_TO_MEM" + OR_NULL,
    "RET_PTR_TO_BTF_ID_OR_NULL": "RET_PTR_TO_BTF_ID" + OR_NULL,
    "RET_PTR_TO_BTF_ID_TRUSTED": "RET_PTR_TO_BTF_ID | PTR_TRUSTED",
    "ARG_SCALAR": "ARG_ANYTHING",  # newer than our verifier: refuses pointers to who may not leak them
}
SIZES = {"struct iphdr": 20, "struct ipv6hdr": 40, "struct tcphdr": 20, "u64": 8, "u32": 4, "s64": 8,
         "long": 8, "unsigned long": 8}
# what the id lists of the kernel name
BTF = {
    "bpf_bprm_opts_set_btf_ids": "linux_binprm", "bpf_d_path_btf_ids": "path",
    "bpf_ima_file_hash_btf_ids": "file", "bpf_ima_inode_hash_btf_ids": "inode",
    "bpf_skb_output_btf_ids": "sk_buff", "bpf_sock_from_file_btf_ids[1]": "file",
    "bpf_sock_from_file_btf_ids[0]": "socket", "bpf_xdp_get_buff_len_bpf_ids": "xdp_buff",
    "bpf_xdp_output_btf_ids": "xdp_buff", "btf_seq_file_ids": "seq_file",
    "BTF_TRACING_TYPE_TASK": "task_struct", "tcp_sock_id": "tcp_sock", "bpf_cgroup_btf_id": "cgroup",
    "bpf_inode_storage_btf_ids": "inode", "BTF_SOCK_TYPE_SOCK_COMMON": "sock_common",
    "BTF_SOCK_TYPE_TCP6": "tcp6_sock", "BTF_SOCK_TYPE_TCP_REQ": "tcp_request_sock",
    "BTF_SOCK_TYPE_TCP_TW": "tcp_timewait_sock", "BTF_SOCK_TYPE_TCP]": "tcp_sock",
    "BTF_SOCK_TYPE_UDP6": "udp6_sock", "BTF_SOCK_TYPE_UNIX": "unix_sock",
    "BTF_SOCK_TYPE_MPTCP": "mptcp_sock", "bpf_task_pt_regs_ids": "pt_regs",
}


def btf_name(expr):
    for k, v in BTF.items():
        if k in expr:
            return v
    if "POISON" in expr:
        return None
    raise SystemExit("unknown type list " + expr)


def types(expr):
    return " | ".join(COMPOUND.get(t.strip(), t.strip()) for t in expr.split("|"))


def main():
    root = pathlib.Path(sys.argv[1])
    text = (root / "net/core/filter.c").read_text(errors="replace")
    body = text[text.index("bpf_helper_changes_pkt_data(enum bpf_func_id"):]
    moves = set(re.findall(r"BPF_FUNC_(\w+)", body[:body.index("\n}")]))
    protos, uses = {}, {}
    for path in sorted(root.rglob("*.c")):
        text = path.read_text(errors="replace")
        for m in re.finditer(r"struct bpf_func_proto (\w+)(?: __weak)?\s*=\s*\{(.*?)\n\};", text, re.S):
            protos.setdefault(m.group(1), re.sub(r"/\*.*?\*/", "", m.group(2), flags=re.S))
        # which id gets which symbol: case BPF_FUNC_x: [...] return &y;
        for m in re.finditer(r"((?:case BPF_FUNC_\w+:\s*)+)(.*?)(?=case |default:)", text, re.S):
            for i in re.findall(r"BPF_FUNC_(\w+)", m.group(1)):
                for s in re.findall(r"&(\w*proto\w*)", m.group(2)):
                    uses.setdefault(s, set()).add(i)
    for name, body in sorted(protos.items()):
        ids = uses.get(name, set())
        ident = ",".join(sorted(ids))
        fields = dict(re.findall(r"\.(\w+)\s*=\s*([^,]+?)\s*(?:,|$)", body))
        out = [".ret_type = " + types(fields.get("ret_type", "RET_INTEGER"))]
        args = [types(fields.get("arg%d_type" % (i + 1), "ARG_DONTCARE")) for i in range(5)]
        while args and args[-1] == "ARG_DONTCARE":
            args.pop()
        if args:
            out.append(".arg_type = {%s}" % ", ".join(args))
        for i in range(5):
            if "arg%d_size" % (i + 1) in fields:
                t = re.match(r"sizeof\((.*)\)", fields["arg%d_size" % (i + 1)]).group(1)
                out.append(".arg_size[%d] = %d" % (i, SIZES[t]))
            if "arg%d_btf_id" % (i + 1) in fields:
                n = btf_name(fields["arg%d_btf_id" % (i + 1)])
                if n:
                    out.append('.arg_btf[%d] = "%s"' % (i, n))
        if "ret_btf_id" in fields:
            n = btf_name(fields["ret_btf_id"])
            if n:
                out.append('.ret_btf = "%s"' % n)
        for flag in ("gpl_only", "pkt_access", "might_sleep", "allow_fastcall"):
            if fields.get(flag) == "true":
                out.append(".%s = true" % flag)
        if ids & moves:
            out.append(".changes_pkt_data = true")
        print("%s\t%s\t%s\t%s" % (name, ident, fields.get("func", ""), ", ".join(out)))


if __name__ == "__main__":
    main()
