/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The context of flow dissectors, as rows of flow_dissector.c place it. */
#ifndef SKEP_PROG_FLOW_DISSECTOR_H
#define SKEP_PROG_FLOW_DISSECTOR_H

#include "base/types.h"

struct flow_dissector_ctx {
	u64 data, data_end, flow_keys; /* pointers; struct bpf_flow_keys */
};

#endif
