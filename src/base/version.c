/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/version.h"

#include <errno.h>
#include <stdlib.h>

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
