/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The sources of process events, in the order of entry events. One line here for
 * each: its declaration is beside its name.
 */
#include "event/process.h"

const struct process_source *const process_sources[] = {
	&uprobe_source,
	NULL,
};
