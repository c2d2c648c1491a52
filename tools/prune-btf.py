#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Keeps of a kernel's BTF what tests of world objects and kernel functions need: the structs that tables/world.def
# names (those given as arguments, those of temporary objects) with all their members, and what they embed; the functions of
# tables/functions.def with their prototypes. Structs that only functions point to have no members;
# pointers of members to anything else become void *.
#   tools/prune-btf.py VMLINUX_BTF OUT [STRUCT...]
import glob
import re
import struct
import sys

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT = range(1, 12)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)
MODIFIERS = (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG)

raw = open(sys.argv[1], "rb").read()
hdr_len, type_off, type_len, str_off, str_len = struct.unpack_from("<IIIII", raw, 4)
types, strings = raw[hdr_len + type_off:][:type_len], raw[hdr_len + str_off:][:str_len]


def text(off):
    return strings[off:strings.index(b"\0", off)]


class Type:
    def __init__(self, at):
        self.name, self.info, self.size = struct.unpack_from("<III", types, at)
        self.kind, n = self.info >> 24 & 31, self.info & 0xffff
        words = {INT: 1, ARRAY: 3, STRUCT: 3 * n, UNION: 3 * n, ENUM: 2 * n, FUNC_PROTO: 2 * n, VAR: 1,
                 DATASEC: 3 * n, DECL_TAG: 1, ENUM64: 3 * n}.get(self.kind, 0)
        self.rest = list(struct.unpack_from("<%dI" % words, types, at + 12))
        self.end = at + 12 + 4 * words


all_types, at = [None], 0
while at < type_len:
    all_types.append(Type(at))
    at = all_types[-1].end

wanted = set(re.findall(r"^WORLD_TYPE\((\w+),", open("tables/world.def").read(), re.M)) | set(sys.argv[3:])
for source in glob.glob("src/event/*.c"):  # temporary objects
    for call in re.findall(r"\b(?:model|world)_temp\(([^;]*?)\);", open(source).read()):
        wanted |= set(re.findall(r'"struct (\w+)"', call))
roots = [i for i, t in enumerate(all_types) if t and t.kind == STRUCT and text(t.name).decode() in wanted]
kept = set()


def strip(i):
    while i and all_types[i].kind in MODIFIERS:
        i = all_types[i].size
    return i


def keep(i):
    """Type i and all that its size depends on; pointers are looked at when everything is known."""
    if not i or i in kept:
        return
    t = all_types[i]
    kept.add(i)
    if t.kind in MODIFIERS:
        keep(t.size)
    elif t.kind == ARRAY:
        keep(t.rest[0])
        keep(t.rest[1])
    elif t.kind in (STRUCT, UNION):
        for m in t.rest[1::3]:
            keep(m)


for i in roots:
    keep(i)
grown = True
while grown:  # pointers (through modifiers) to what is kept stay pointers to it
    grown = False
    for i in list(kept):
        t = all_types[i]
        if t.kind != PTR or t.size in kept or strip(t.size) not in kept:
            continue
        j = t.size
        while j not in kept:
            kept.add(j)
            j = all_types[j].size
        grown = True

functions = set(re.findall(r"^FUNCTION\(\w+, (\w+),", open("tables/functions.def").read(), re.M))
declared = set()


def keep_type(i):
    """A type that a function takes or gives, through pointers."""
    if not i or i in kept:
        return
    t = all_types[i]
    if t.kind in (STRUCT, UNION) and t.name:
        kept.add(i)
        declared.add(i)
    elif t.kind == PTR or t.kind in MODIFIERS:
        kept.add(i)
        keep_type(t.size)
    elif t.kind == FUNC_PROTO:
        kept.add(i)
        keep_type(t.size)
        for p in t.rest[1::2]:
            keep_type(p)
    else:
        keep(i)


def strip_kept(i):
    """A struct that is passed by value is needed whole: kuid_t."""
    j = strip(i)
    if j and all_types[j].kind in (STRUCT, UNION):
        keep(j)
    keep_type(i)


for i, t in enumerate(all_types):
    if t and t.kind == FUNC and text(t.name).decode() in functions:
        kept.add(i)
        kept.add(t.size)
        strip_kept(all_types[t.size].size)
        for p in all_types[t.size].rest[1::2]:
            strip_kept(p)

number = {0: 0}
for n, i in enumerate(sorted(kept), 1):
    number[i] = n
pool, offsets = bytearray(b"\0"), {b"": 0}


def put(name):
    if name not in offsets:
        offsets[name] = len(pool)
        pool.extend(name + b"\0")
    return offsets[name]


out = bytearray()
for i in sorted(kept):
    t = all_types[i]
    size, rest = t.size, list(t.rest)
    if i in declared:
        out += struct.pack("<III", put(text(t.name)), t.kind << 24, t.size)  # no members
        continue
    if t.kind == PTR or t.kind in MODIFIERS or t.kind == FUNC:
        size = number.get(size, 0)
    elif t.kind == ARRAY:
        rest[0], rest[1] = number[rest[0]], number[rest[1]]
    elif t.kind in (STRUCT, UNION):
        for k in range(0, len(rest), 3):
            rest[k], rest[k + 1] = put(text(rest[k])), number[rest[k + 1]]
    elif t.kind == FUNC_PROTO:
        size = number[size]
        for k in range(0, len(rest), 2):
            rest[k], rest[k + 1] = put(text(rest[k])), number[rest[k + 1]]
    elif t.kind in (ENUM, ENUM64):
        step = 2 if t.kind == ENUM else 3
        for k in range(0, len(rest), step):
            rest[k] = put(text(rest[k]))
    elif t.kind not in (INT, FWD, FLOAT):
        sys.exit("kind %d?" % t.kind)
    out += struct.pack("<III", put(text(t.name)), t.info, size) + struct.pack("<%dI" % len(rest), *rest)
with open(sys.argv[2], "wb") as f:
    f.write(struct.pack("<HBBIIIII", 0xeb9f, 1, 0, 24, 0, len(out), len(out), len(pool)) + out + pool)
