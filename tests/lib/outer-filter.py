# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""outer-filter.py COMMAND…: runs it under a filter like a default container's: EPERM for bpf, perf_event_open,
unshare, setns, mount and pidfd_getfd (x86-64)."""
import ctypes
import os
import struct
import sys

DENIED = [321, 298, 272, 308, 165, 438]
code = [(0x20, 0, 0, 0)]  # the number
code += [(0x15, len(DENIED) - i, 0, nr) for i, nr in enumerate(DENIED)]
code += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050001)]
insns = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in code))


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("insns", ctypes.c_void_p)]


program = Program(len(code), ctypes.addressof(insns))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
    sys.exit("no filter: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
