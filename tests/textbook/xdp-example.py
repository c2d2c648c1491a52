#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# BCC on an interface: attaches a program, prints what it counts, and removes it when interrupted. The texts
# load "xdp-example", their file's name; BCC asks for a function's, which in C has no hyphen.
import sys
import time

from bcc import BPF

device = sys.argv[1]
b = BPF(src_file="xdp-example.c")
fn = b.load_func("xdp_example", BPF.XDP)
b.attach_xdp(device, fn, 0)
print("attached", flush=True)
seen = 0
try:
    while True:
        time.sleep(0.05)
        n = b["arrived"][0].value
        if n != seen:
            print("arrived", n, flush=True)
        seen = n
except KeyboardInterrupt:
    pass
b.remove_xdp(device)
print("removed", flush=True)
