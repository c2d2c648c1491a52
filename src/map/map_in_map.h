/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inner maps: what may be one, and which fit the template of an outer map. */
#ifndef SKEP_MAP_MAP_IN_MAP_H
#define SKEP_MAP_MAP_IN_MAP_H

#include "object/map.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

/* Whether @inner can be a template: 0, -EBADF when there is none, -EINVAL, -ENOTSUPP. */
int bpf_map_meta_check(const struct bpf_map *inner);
/* Whether @inner fits the template that @outer was made with. */
bool bpf_map_meta_equal(const struct bpf_map *outer, const struct bpf_map *inner);

#endif
