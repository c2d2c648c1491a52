/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the files of the preload library share. */
#ifndef SKEP_FRONT_PRELOAD_H
#define SKEP_FRONT_PRELOAD_H

#include <errno.h>

#include "front/front.h"

extern __thread bool preload_inside; /* skep's own calls of libc go straight through */
const struct front_real *preload_libc(void);

/* The body of an interposer: @front_call, or for skep itself @real_call of r. */
#define CALL(type, front_call, real_call)                                                          \
	do {                                                                                       \
		const struct front_real *r = preload_libc();                                       \
		type _result;                                                                      \
		int _err;                                                                          \
		if (preload_inside)                                                                \
			return r->real_call;                                                       \
		preload_inside = true;                                                             \
		_result = front_call;                                                              \
		_err = errno;                                                                      \
		preload_inside = false;                                                            \
		errno = _err;                                                                      \
		return _result;                                                                    \
	} while (0)

#endif
