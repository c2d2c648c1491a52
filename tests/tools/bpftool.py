# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Every subcommand of Debian's bpftool and what it has to do in an instance: docs/bpftool.md is made of this, and
tests/script/bpftool runs each line in a process tree of its own, in this order."""
import collections

Check = collections.namedtuple("Check", "names shell patterns status state options")


def check(names, shell, *patterns, status=0, state="works", options=()):
    """@names: the subcommands that @shell shows, a comma between them; each of the patterns matches a line of what is printed."""
    return Check(names.split(", "), shell, patterns, status, state, options)


P = "/sys/fs/bpf"
CHECKS = [
    check("version", "bpftool version", r"^bpftool v7"),
    # programs
    check("prog load", f"bpftool prog load bpftool.bpf.o {P}/one type xdp && ls {P}", "^one$"),
    check("prog show, prog list", f"bpftool prog show pinned {P}/one && bpftool prog list name count_sizes",
          r"^\d+: xdp  name count_sizes  tag [0-9a-f]{16}  gpl", r"xlated \d+B  jited \d+B  memlock \d+B  map_ids [\d,]+"),
    check("prog show", f"bpftool -jf prog show pinned {P}/one", r'"type":"xdp","name":"count_sizes".*"pinned":\["/sys/fs/bpf/one"\]'),
    check("prog loadall", f"bpftool prog loadall bpftool.bpf.o {P}/all pinmaps {P}/maps && ls {P}/all {P}/maps",
          "^count_sizes$", "^dissect$", "^devices$", "^say$", "^sizes$", "^events$"),
    check("prog dump xlated", f"bpftool prog dump xlated pinned {P}/one", r"call .*map_lookup_elem|call __htab_map_lookup_elem#",
          "^; return XDP_PASS;", r"\(95\) exit"),
    check("prog dump xlated", f"bpftool prog dump xlated pinned {P}/one linum; bpftool prog dump xlated pinned {P}/one opcodes", r"\[file:.*bpftool.bpf.c line_num:", r"95 00 00 00 00 00 00 00"),
    check("prog dump xlated", f"bpftool prog dump xlated pinned {P}/one visual", "^digraph", "fn_0_bb_0"),
    check("prog dump jited", f"bpftool prog dump jited pinned {P}/one file code && test -s code && bpftool prog dump jited pinned {P}/one",
          "No libbfd support", status=255, state="works; Debian's has no disassembler and can only write the code to a file"),
    check("prog run", f"head -c 64 /dev/zero >packet; bpftool prog run pinned {P}/all/count_sizes data_in packet data_out - repeat 3",
          r"^Return value: 2, duration \(average\): \d+ns", r"^0000000\s+0000 "),
    check("prog pin", f"bpftool prog pin name say {P}/said && bpftool prog show pinned {P}/said", "tracepoint  name say"),
    check("prog attach", f"bpftool prog attach pinned {P}/all/dissect flow_dissector && bpftool net show", r"^flow_dissector:$", r"^id \d+",
          state="works for `flow_dissector`; for others as docs/features.md says"),
    check("prog detach", f"bpftool prog detach pinned {P}/all/dissect flow_dissector"),
    check("prog detach", f"bpftool prog detach pinned {P}/all/dissect flow_dissector", "failed prog detach", status=234),
    check("prog profile", f"bpftool prog profile pinned {P}/one duration 1 cycles", "not supported",
          state="Debian's is built without it, and says so; it needs hardware counters, which skep has none of"),
    check("prog tracelog", "(timeout -s INT 2 bpftool prog tracelog & sleep 0.7; ./attach bpftool.bpf.o tp:say -- nice; wait) 2>&1",
          r"bpf_trace_printk: getpriority by 42"),
    # maps
    check("map create", f"bpftool map create {P}/stats_map type hash key 2 value 2 entries 8 name stats_map"),
    check("map show, map list", "bpftool map show name stats_map; bpftool map list", r"^\d+: hash  name stats_map  flags 0x0$",
          r"key 2B  value 2B  max_entries 8  memlock \d+B"),
    check("map update", "bpftool map update name stats_map key 0xc1 0xc2 value 0xa1 0xa2"),
    check("map lookup", "bpftool map lookup name stats_map key 0xc1 0xc2", "^key: c1 c2  value: a1 a2$"),
    check("map lookup", "bpftool map lookup name stats_map key 1 2", "Not found", status=254),
    check("map dump", "bpftool map dump name stats_map", "^key: c1 c2  value: a1 a2$", "^Found 1 element$"),
    check("map dump", f"bpftool map dump pinned {P}/maps/sizes", r'"key": 64', r'"value": 3'),
    check("map getnext", "bpftool map getnext name stats_map", r"^c1 c2 *$|^next key: c1 c2|c1 c2"),
    check("map delete", "bpftool map delete name stats_map key 0xc1 0xc2 && bpftool map dump name stats_map", "^Found 0 elements$"),
    check("map pin", f"bpftool map pin name stats_map {P}/again && bpftool -f map show pinned {P}/again", f"pinned {P}/again"),
    check("map freeze", "bpftool map freeze name stats_map && bpftool map update name stats_map key 1 2 value 3 4", "Operation not permitted", status=255),
    check("map enqueue, map peek, map dequeue", f"bpftool map create {P}/q type queue key 0 value 4 entries 4 name q &&"
          "for i in 1 2; do bpftool map enqueue name q value $i 0 0 0; done; bpftool map peek name q; bpftool map dequeue name q; bpftool map dequeue name q",
          "^value: 01 00 00 00$", "^value: 02 00 00 00$"),
    check("map push, map pop", f"bpftool map create {P}/s type stack key 0 value 4 entries 4 name s &&"
          "for i in 1 2; do bpftool map push name s value $i 0 0 0; done; bpftool map pop name s", "^value: 02 00 00 00$"),
    check("map event_pipe", f"(timeout -s INT 2 bpftool map event_pipe pinned {P}/maps/events & sleep 0.7;"
          f"bpftool prog run pinned {P}/all/count_sizes data_in packet >/dev/null; wait)", r"^== @\d+\.\d+ CPU: \d+ index: \d+ =+$", r"^40 00 00 00$"),
    check("map create", f"bpftool map create {P}/o type hash_of_maps key 4 value 4 entries 4 name o inner_map name stats_map && bpftool map show name o",
          "hash_of_maps  name o"),
    check("rm of pins", f"rm {P}/stats_map {P}/again {P}/q {P}/s {P}/o; bpftool map list | grep -c -e stats_map -e 'name [qso] '", "^0$", status=1),
    # links, perf
    check("link show, link list", f"./attach bpftool.bpf.o tp:say -- sh -c 'bpftool link show; bpftool link list' | grep -v counts:", r"^\d+: perf_event  prog \d+"),
    check("link pin", f"./attach bpftool.bpf.o tp:say -- sh -c 'bpftool link pin id $(bpftool link show | cut -d: -f1 | head -n 1) {P}/l'; ls {P}", "^l$"),
    check("link detach", f"bpftool link detach pinned {P}/l; bpftool link show pinned {P}/l; rm {P}/l"),
    check("perf show, perf list", "./attach bpftool.bpf.o tp:say -- sh -c 'bpftool perf show; bpftool perf list' | grep -v counts:",
          r"^pid \d+  fd \d+: prog_id \d+  tracepoint  sys_enter_getpriority"),
    # networks and cgroups
    check("net attach", f"bpftool prog load bpftool.bpf.o {P}/x type xdp && bpftool net attach xdpgeneric pinned {P}/x dev eth0", options=("--net",), state="works in an instance with a network of its own (`--net`)"),
    check("net show, net list", "bpftool net show; bpftool net list dev eth0", r"^eth0\(\d+\) generic id \d+", options=("--net",)),
    check("net detach", "bpftool net detach xdpgeneric dev eth0 && bpftool net show | grep -c generic", "^0$", status=1, options=("--net",),
          state="works in an instance with a network of its own (`--net`)"),
    check("cgroup attach", f"mkdir /sys/fs/cgroup/shown && bpftool cgroup attach /sys/fs/cgroup/shown device pinned {P}/all/devices multi"),
    check("cgroup show, cgroup list", "bpftool cgroup show /sys/fs/cgroup/shown; bpftool cgroup list /sys/fs/cgroup/shown effective",
          r"^\d+ +(cgroup_)?device +multi +devices", r"^\d+ +(cgroup_)?device +devices"),
    check("cgroup tree", "bpftool cgroup tree /sys/fs/cgroup", "^/sys/fs/cgroup/shown$", r"^ *\d+ +(cgroup_)?device +multi +devices"),
    check("cgroup detach", f"bpftool cgroup detach /sys/fs/cgroup/shown device pinned {P}/all/devices; bpftool cgroup show /sys/fs/cgroup/shown; rmdir /sys/fs/cgroup/shown"),
    # types
    check("btf show, btf list", "bpftool btf show; bpftool btf list", r"^\d+: name \[vmlinux\]  size \d+B", r"^\d+: name <anon>  size \d+B  prog_ids"),
    check("btf dump", "bpftool btf dump file /sys/kernel/btf/vmlinux format c >vmlinux.h && grep -c . vmlinux.h &&"
          "cp task_iter.bpf.c compiled.bpf.c && clang -target bpf -D__TARGET_ARCH_x86 -g -O2 -I. -c compiled.bpf.c && "
          f"bpftool prog load compiled.bpf.o {P}/compiled && bpftool prog show pinned {P}/compiled", r"^\d{4,}$", "tracing  name each_task"),
    check("btf dump", f"bpftool btf dump map pinned {P}/maps/sizes; bpftool btf dump prog pinned {P}/one format raw", r"^\[\d+\] INT '(unsigned int|__u32|unsigned long long)'",
          r"^\[\d+\] FUNC 'count_sizes'"),
    # generated code
    check("gen skeleton", "bpftool gen skeleton bpftool.bpf.o name bt >bt.skel.h && echo '#include \"bt.skel.h\"' >u.c && cc -fsyntax-only -Wall u.c && grep struct bt.skel.h",
          "^struct bt {$"),
    check("gen subskeleton", "bpftool gen subskeleton bpftool.bpf.o name bt >bt.sub.h; grep struct bt.sub.h", "^struct bt {$"),
    check("gen object", f"bpftool gen object both.bpf.o bpftool.bpf.o compiled.bpf.o && bpftool prog loadall both.bpf.o {P}/both && ls {P}/both", "^each_task$", "^count_sizes$"),
    check("gen min_core_btf", "bpftool gen min_core_btf /sys/kernel/btf/vmlinux min.btf compiled.bpf.o && bpftool btf dump file min.btf", r"STRUCT 'task_struct' size="),
    # iterators
    check("iter pin", f"bpftool iter pin task_iter.bpf.o {P}/tasks && cat {P}/tasks; rm {P}/tasks", "^COMM +TGID", r"^cat +\d+ +\d+ +\d+ process"),
    # operations of the kernel
    check("struct_ops register", f"bpftool struct_ops register bpftool_tcp.bpf.o", "Registered tcp_congestion_ops bt_tcp id"),
    check("struct_ops show, struct_ops list", "bpftool struct_ops show; bpftool struct_ops list", r"^\d+: bt_tcp +tcp_congestion_ops"),
    check("struct_ops dump", "bpftool struct_ops dump name bt_tcp", '"bpf_struct_ops_tcp_congestion_ops"', '"name": "bt_tcp"'),
    check("struct_ops unregister", "bpftool struct_ops unregister name bt_tcp", "Unregistered tcp_congestion_ops bt_tcp"),
    # features
    check("feature probe", "bpftool feature probe kernel", "^eBPF program_type xdp is available", "^eBPF map_type ringbuf is available",
          "^eBPF helpers supported for program type kprobe:"),
    check("feature probe", "bpftool feature probe macros prefix HAVE_IT_", "^#define HAVE_IT_HAVE_XDP_PROG_TYPE"),
    check("feature list_builtins", "bpftool feature list_builtins prog_types", "^xdp$"),
    check("batch", f"printf 'prog show pinned {P}/one\\nmap create {P}/b type array key 4 value 4 entries 1 name batched\\nmap dump name batched\\n' >batch;"
          f"bpftool batch file batch; rm {P}/b", "xdp  name count_sizes", "^Found 1 element$", "^processed 3 commands"),
]
# the objects of the list above whose subcommands bpftool itself has to name
OBJECTS = ["prog", "map", "link", "perf", "net", "cgroup", "btf", "gen", "iter", "struct_ops", "feature"]


def document():
    """docs/bpftool.md."""
    text = """# bpftool in an instance

<!-- Written by tools/gen-docs.py from tests/tools/bpftool.py: do not edit. -->

Debian 12's bpftool 7.1 (libbpf 1.1), unmodified, under `skep exec --root`, as an ordinary user; each line in a process
of its own. `tests/script/bpftool` runs the commands, also under a filter that gives bpf(2) EPERM as a default
container's does (`OUTER=1`), and fails when bpftool's own help names a subcommand that is not here.

| subcommand | state | shown by |
|---|---|---|
"""
    rows = {}
    for c in CHECKS:
        for name in c.names:
            if name != "rm of pins":
                rows.setdefault(name, []).append(c)
    for name, checks in rows.items():
        state = "; ".join(dict.fromkeys(c.state for c in checks))
        c = checks[0]
        shell = c.shell.replace("|", "\\|")
        text += f"| `{name}` | {state} | `{'skep exec --net … ' if c.options else ''}{shell if len(shell) < 120 else shell[:117] + '…'}` |\n"
    return text + """
What the processes do with what bpftool makes is done with ordinary tools: `ls`, `rm`, `mkdir`, `mv`, `ln -s` and `cd` in
/sys/fs/bpf (tests/script/exec).
"""
