#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Compares what bpftool finds out about a kernel with what it finds out about skep.

  compare.py KERNEL SKEP FEATURES
  compare.py --refused

KERNEL and SKEP: `bpftool feature probe full`, as text or (-j) as JSON (KERNEL may be gzipped, and
name in a line "# EPERM: type ..." what the machine's policy refused, as --refused prints it of the
running kernel); FEATURES: `skep features --json`.

Every line must be equal, but for those that a table explains: rows of tables/*.def that are
absent, and rows of tables/config.def whose option the kernel was built without. Prints a line
for each difference that nothing explains, and a summary."""
import gzip
import json
import re
import sys


def refused_by_policy():
    """Program types that the running kernel has, but refuses to load with EPERM."""
    import ctypes
    import struct
    libc = ctypes.CDLL(None, use_errno=True)
    insns = ctypes.create_string_buffer(struct.pack('<BBhiBBhi', 0xb7, 0, 0, 0, 0x95, 0, 0, 0))
    gpl = ctypes.create_string_buffer(b'GPL')
    names = []
    for name, typ, attach in ('tracing', 26, 24), ('lsm', 29, 27), ('ext', 28, 0):
        attr = bytearray(128)
        struct.pack_into('<IIQQ', attr, 0, typ, 2, ctypes.addressof(insns), ctypes.addressof(gpl))
        struct.pack_into('<I', attr, 68, attach)
        struct.pack_into('<I', attr, 108, 1)
        buf = (ctypes.c_char * len(attr)).from_buffer(attr)
        if libc.syscall(321, 5, buf, len(attr)) < 0 and ctypes.get_errno() == 1:
            names.append(name)
    print('# EPERM: ' + ' '.join(names))


def parse_json(text):
    """The same questions and answers, of bpftool's JSON."""
    report, answers = json.loads(text), {}
    for section, kind, end in (('program_types', 'program_type', '_prog_type'),
                               ('map_types', 'map_type', '_map_type')):
        for key, has in report[section].items():
            answers[(kind, key[len('have_'):-len(end)])] = 'yes' if has else 'no'
    for key, names in report['helpers'].items():
        for name in names:
            answers[('helper', key[:-len('_available_helpers')], name)] = 'yes'
    for key, has in report['misc'].items():
        answers[('misc', key)] = 'yes' if has else 'no'
    return answers, {}, set()


def lines_of(path):
    with (gzip.open(path, 'rt') if path.endswith('.gz') else open(path)) as f:
        return f.read().split('\n')


def parse(path):
    """{question: answer}, the kernel's options, what its policy refuses."""
    if path.endswith('.json'):
        return parse_json(open(path).read())
    answers, options, refused, typ, section = {}, {}, set(), None, ''
    for line in lines_of(path):
        m = re.match(r'# EPERM: (.*)', line)
        if m:
            refused |= set(m.group(1).split())
            continue
        m = re.match(r'(CONFIG_\w+) is (?:set to (\S+)|not set)', line)
        if m:
            options[m.group(1)] = m.group(2)
            continue
        if line.startswith('Scanning '):
            section = line
            typ = None
        if section.startswith('Scanning system configuration'):
            continue  # the machine's, not the kernel's
        m = re.match(r'eBPF (program_type|map_type) (\w+) is (NOT )?available', line)
        if m:
            answers[(m.group(1), m.group(2))] = 'no' if m.group(3) else 'yes'
            continue
        m = re.match(r'eBPF helpers supported for program type (\w+):', line)
        if m:
            typ = m.group(1)
            continue
        m = re.match(r'\t- (bpf_\w+)', line)
        if m and typ:
            answers[('helper', typ, m.group(1))] = 'yes'
            continue
        if typ and line.startswith('\t'):
            answers[('helpers', typ)] = line.strip()
            continue
        if line:
            answers[('line', line)] = 'yes'
    return answers, options, refused


def missing_rows():
    """{row: option that it needs}, of tables/config.def."""
    rows = {}
    for option, name in re.findall(r'^CONFIG\((\w+), *(\w+)\)', open('tables/config.def').read(),
                                   re.M):
        rows.setdefault(name, []).append(option)
    return rows


def missing_variants():
    """Helpers of which some program type's own form is absent."""
    return {'bpf_' + name for name in re.findall(r'^HELPER_VARIANT\(\w+, (\w+), \w+, ABSENT',
                                                 open('tables/helper_variants.def').read(), re.M)}


def main():
    if sys.argv[1:] == ['--refused']:
        return refused_by_policy()
    kernel, options, refused = parse(sys.argv[1])
    skep = parse(sys.argv[2])[0]
    absent = {f['name'] for f in json.load(open(sys.argv[3])) if f['state'] == 'absent'}
    absent |= missing_variants()
    needs = missing_rows()
    unexplained, by_row, by_config, equal = [], 0, 0, 0

    def lacks_option(row):
        return any(o in options and options[o] is None for o in needs.get(row, []))

    def explanation(question):
        kind, name = question[0], question[1]
        if kind in ('line', 'misc'):
            return None
        row = {'map_type': 'BPF_MAP_TYPE_' + name.upper()}.get(kind,
                                                               'BPF_PROG_TYPE_' + name.upper())
        rows = [row, question[2]] if kind == 'helper' else [row]
        if any(r in absent for r in rows):
            return 'row'
        if any(lacks_option(r) for r in rows) or name in refused:
            return 'config'
        return None

    if sys.argv[2].endswith('.json') != sys.argv[1].endswith('.json'):  # words for the rest differ
        for report in kernel, skep:
            for question in [q for q in report if q[0] in ('line', 'misc', 'helpers')]:
                del report[question]
    for question in sorted(set(kernel) | set(skep)):
        a, b = kernel.get(question), skep.get(question)
        if a == b:
            equal += 1
            continue
        why = explanation(question)
        by_row += why == 'row'
        by_config += why == 'config'
        if not why:
            unexplained.append('%s: the kernel %s, skep %s' % (' '.join(question), a or 'no',
                                                              b or 'no'))
    for line in unexplained[:40]:
        print(line)
    print('%d equal, %d of absent rows, %d by configuration, %d unexplained' %
          (equal, by_row, by_config, len(unexplained)))
    sys.exit(bool(unexplained))


if __name__ == '__main__':
    main()
