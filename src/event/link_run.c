/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs on a live link's frames. */
#include "event/link_run.h"

void link_inbound(struct links *l, struct port *p, struct leg_frame *frames, u32 n)
{
	for (u32 i = 0; i < n; i++)
		leg_put(&p->inner, frames[i].data, frames[i].len, true);
}

void link_outbound(struct links *l, struct port *p, struct leg_frame *frames, u32 n)
{
	for (u32 i = 0; i < n; i++)
		leg_put(&p->outer, frames[i].data, frames[i].len, true);
}
