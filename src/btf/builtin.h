/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The BTF of builtin_types.c, made at build time by tools/embed-btf.py. */
#ifndef SKEP_BTF_BUILTIN_H
#define SKEP_BTF_BUILTIN_H

extern const unsigned char skep_builtin_btf[];
extern const unsigned int skep_builtin_btf_size;

#endif
