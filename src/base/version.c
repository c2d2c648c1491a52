/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/version.h"

#include <errno.h>
#include <stdlib.h>

/* The word of @set that tells of @row and the bit in it; NULL: no recording can. */
static const u64 *probed_word(const struct probed_set *set, const struct kernel_row *row, u32 *bit)
{
	*bit = row->id % 64;
	switch (row->kind) {
	case ROW_PROG:
		return row->id < PROBED_PROGS ? &set->progs : NULL;
	case ROW_MAP:
		return row->id < PROBED_MAPS ? &set->maps : NULL;
	case ROW_MISC:
		return row->id < ROW_MISC_MAX ? &set->misc : NULL;
	case ROW_HELPER:
		if (row->prog >= PROBED_PROGS || row->id >= PROBED_HELPERS)
			return NULL;
		return &set->helpers[row->prog][row->id / 64];
	}
	return NULL;
}

bool row_visible(const struct profile *profile, struct kernel_row row)
{
	const u64 *seen;
	u32 bit;

	if (profile->probes) {
		seen = probed_word(&profile->probes->seen, &row, &bit);
		if (seen && *seen >> bit & 1)
			return *probed_word(&profile->probes->has, &row, &bit) >> bit & 1;
	}
	return visible(profile->release, row.since);
}

kver profile_isa(const struct profile *profile)
{
	static const struct {
		enum row_misc row;
		kver since;
	} versions[] = { { ROW_ISA_V2, KVER(4, 14) },
			 { ROW_ISA_V3, KVER(5, 1) },
			 { ROW_ISA_V4, KVER(6, 6) } };
	kver isa = profile->release;

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct kernel_row row = { ROW_MISC, versions[i].row, 0, versions[i].since };

		if (row_visible(profile, row))
			isa = max(isa, versions[i].since);
		else if (isa >= versions[i].since)
			return versions[i].since - 1;
	}
	return isa;
}

int kver_parse(const char *text, kver *out)
{
	char *end;
	unsigned long major, minor;

	if (!text)
		return -EINVAL;
	if (*text == 'v')
		text++;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	major = strtoul(text, &end, 10);
	if (*end != '.' || end[1] < '0' || end[1] > '9')
		return -EINVAL;
	minor = strtoul(end + 1, &end, 10);
	if (*end && *end != '.' && *end != '-')
		return -EINVAL;
	if (major == 0 || major > 255 || minor > 255)
		return -EINVAL;
	*out = KVER(major, minor);
	return 0;
}
