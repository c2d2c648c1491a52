/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* BTF as text for the public interface. */
#include "btf/btf.h"
#include "skep/skep.h"

int skep_btf_dump(const void *data, unsigned int size, bool json,
		  int (*emit)(void *arg, const char *text, size_t len), void *arg)
{
	struct btf_parse_opts opts = { .trusted = true };
	struct btf *btf;
	int err = btf_parse(data, size, &opts, &btf, NULL);

	if (err)
		return err;
	err = json ? btf_dump_json(btf, 0, 0, emit, arg) : btf_dump_raw(btf, 0, 0, emit, arg);
	btf_free(btf);
	return err;
}
