/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A kernel as `bpftool feature probe` recorded it. */
#ifndef SKEP_COMMAND_RECORDING_H
#define SKEP_COMMAND_RECORDING_H

#include "base/version.h"

/*
 * Reads @path: the output of `bpftool feature probe`, plain or JSON. 0 and *@out (the caller
 * frees it) and *@release: what the recording names (a "kernel" in its system configuration,
 * or the output of uname -r in front of it), else the release that it fits best; when
 * *@release is set already, that one stays. -ENOENT …: the file cannot be read; -EINVAL: it is no
 * recording; -ENOMEM. @notes gets what is wrong, or lines about what was inferred and what is
 * not believed.
 */
int recording_read(const char *path, struct probes **out, kver *release, char *notes,
		   size_t notes_size);

#endif
