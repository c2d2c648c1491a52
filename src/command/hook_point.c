/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Hook points for the public interface. */
#include <stddef.h>
#include <string.h>

#include "command/command.h"
#include "hook/points.h"
#include "skep/skep.h"

int skep_hook_point_get(struct skep_system *sys, unsigned int index, struct skep_hook_point *out)
{
	struct hook_point_text t;
	int err = hook_point_text(sys, index, &t);

	if (err)
		return err;
	out->kind = t.kind;
	out->name = t.name;
	out->what = t.what;
	out->when = t.when;
	out->returns = !strcmp(t.kind, "function");
	if (out->sz >= offsetof(struct skep_hook_point, result) + sizeof(out->result))
		out->result = t.ret;
	return 0;
}
