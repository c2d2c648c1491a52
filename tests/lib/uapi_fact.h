/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef SKEP_TESTS_UAPI_FACT_H
#define SKEP_TESTS_UAPI_FACT_H

/* A structure's size, a field's offset and size, or a constant's value. */
struct uapi_fact {
	const char *name;
	unsigned long long value, size;
};

#define SIZE(type)	   { #type, sizeof(type), 0 },
#define FIELD(type, field) { #type "." #field, offsetof(type, field), sizeof(((type *)0)->field) },
#define VALUE(name)	   { #name, (unsigned long long)(name), 0 },

extern const struct uapi_fact uapi_host[];

#endif
