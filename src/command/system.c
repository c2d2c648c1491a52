/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A system's beginning and end (Linux: boot). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "command/command.h"
#include "command/pin.h"
#include "command/recording.h"
#include "command/struct_ops.h"
#include "command/task_work.h"
#include "hook/cgroup.h"
#include "hook/hook.h"
#include "hook/lwt.h"
#include "hook/netns.h"
#include "object/caller.h"
#include "object/async.h"
#include "object/cgroup_tree.h"
#include "object/pins.h"
#include "object/platform.h"
#include "object/psock.h"
#include "object/watch.h"
#include "skep/skep.h"
#include "world/world.h"

/* Possible CPUs, as libbpf_num_possible_cpus() counts them: "0-3,7" has 8. */
static u32 possible_cpus(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	u32 n = 0, from, to;
	char list[256];

	if (f && fgets(list, sizeof(list), f)) {
		for (char *p = list, *save, *item; (item = strtok_r(p, ",\n", &save)); p = NULL) {
			int got = sscanf(item, "%u-%u", &from, &to);

			if (got >= 1)
				n = max(n, (got == 2 ? to : from) + 1);
		}
	}
	if (f)
		fclose(f);
	if (!n) {
		long cpus = sysconf(_SC_NPROCESSORS_CONF);

		n = cpus > 0 ? (u32)cpus : 1;
	}
	return min(n, (u32)BPF_MAX_SLOTS);
}

/* Option @member of @opts when the caller's structure has it, else the environment's. */
#define OPTION(opts, member, env)                                                                  \
	((opts) && (opts)->sz >= offsetofend(struct skep_system_opts, member) && (opts)->member ?  \
		 (opts)->member :                                                                  \
		 getenv(env))

/* "6.12", "FILE" or "6.12:FILE". */
static int set_kernel(struct skep_system *sys, const char *kernel, char *notes, size_t size)
{
	const char *colon = strchr(kernel, ':');
	kver release = 0;
	char prefix[16];
	int err;

	sys->profile_set = true;
	if (!kver_parse(kernel, &sys->profile) && !colon)
		return 0;
	if (colon && (size_t)(colon - kernel) < sizeof(prefix)) {
		memcpy(prefix, kernel, (size_t)(colon - kernel));
		prefix[colon - kernel] = 0;
		if (!kver_parse(prefix, &release))
			kernel = colon + 1;
	}
	err = recording_read(kernel, &sys->probes, &release, notes, size);
	if (!err)
		sys->profile = release;
	return err;
}

static int configure(struct skep_system *sys, const struct skep_system_opts *opts)
{
	const char *kernel = OPTION(opts, kernel, "SKEP_KERNEL");
	const char *caps = OPTION(opts, caps, "SKEP_CAPS");
	const char *jit = OPTION(opts, jit, "SKEP_JIT");
	const char *btf = OPTION(opts, btf, "SKEP_BTF");
	const char *verdict = OPTION(opts, verdict, "SKEP_VERDICT");
	const char *test_run = OPTION(opts, test_run, "SKEP_TEST_RUN");
	const char *unpriv =
		OPTION(opts, unprivileged_bpf_disabled, "SKEP_UNPRIVILEGED_BPF_DISABLED");
	const char *perf = OPTION(opts, perf, "SKEP_PERF");

	sys->perf = perf && *perf && strcmp(perf, "0");
	sys->profile = KVER_NEWEST;
	if (kernel && *kernel) {
		bool wants_notes = opts &&
				   opts->sz >= offsetofend(struct skep_system_opts, notes_size) &&
				   opts->notes && opts->notes_size;
		int err = set_kernel(sys, kernel, wants_notes ? opts->notes : NULL,
				     wants_notes ? opts->notes_size : 0);

		if (err)
			return err;
	}
	sys->kernel.release = sys->profile;
	sys->kernel.probes = sys->probes;
	if (caps && *caps) {
		if (!strcmp(caps, "real"))
			sys->caps_mode = CAPS_REAL;
		else if (strcmp(caps, "full"))
			return -EINVAL;
	}
	if (verdict && *verdict) {
		if (strcmp(verdict, "0") && strcmp(verdict, "1"))
			return -EINVAL;
		sys->verdict = *verdict == '1';
	}
	if (test_run && *test_run) {
		if (strcmp(test_run, "all") && strcmp(test_run, "linux"))
			return -EINVAL;
		sys->test_run_all = *test_run == 'a';
	}
	sys->unpriv_disabled = -1;
	if (unpriv && *unpriv) {
		if (*unpriv < '0' || *unpriv > '2' || unpriv[1])
			return -EINVAL;
		sys->unpriv_disabled = (s8)(*unpriv - '0');
	}
#ifdef SKEP_DEBUG
	sys->jit_mode = JIT_COMPARE;
#endif
	if (jit && *jit) {
		sys->jit_mode = JIT_ON;
		if (!strcmp(jit, "off"))
			sys->jit_mode = JIT_OFF;
		else if (!strcmp(jit, "compare"))
			sys->jit_mode = JIT_COMPARE;
		else if (!strcmp(jit, "count"))
			sys->jit_mode = JIT_OFF, sys->count_insns = true;
		else if (strcmp(jit, "on"))
			return -EINVAL;
	}
	if (btf && *btf) {
		sys->btf_path = mem_strdup(btf);
		if (!sys->btf_path)
			return -ENOMEM;
	}
	return 0;
}

uint64_t skep_counted_insns(const struct skep_system *sys)
{
	return sys->count_insns ? sys->counted_insns : 0;
}

struct skep_system *skep_system_new(const struct skep_system_opts *opts)
{
	struct skep_system *sys = mem_zalloc(sizeof(*sys));
	int err;

	if (!sys) {
		errno = ENOMEM;
		return NULL;
	}
	world_attach(sys);
	sys->inotify_fd = -1;
	sys->userns = caller_userns();
	sys->platform = platform_process();
	sys->kernel_call = kernel_call;
	sys->pin_text = &pin_texts;
	sys->tables[OBJECT_BTF].next_id = BTF_ID_FIRST;
	err = configure(sys, opts);
	if (!err)
		err = arena_new(&sys->arena, possible_cpus());
	if (!err)
		sys->arena->profile = sys->profile;
	if (!err)
		err = objects_start(sys);
	if (!err)
		err = hooks_start(sys);
	if (err) {
		skep_system_free(sys);
		errno = -err;
		return NULL;
	}
	if (sys->arena->code_fd < 0 && sys->jit_mode != JIT_OFF) {
		sys->jit_mode = JIT_OFF;
		sys->jit_forbidden = true;
	}
	platform_register(sys->arena, sys);
	return sys;
}

/* Ends every object, those that refer to others first; nothing runs any more. */
static void end_objects(struct skep_system *sys)
{
	static const enum object_kind order[] = { OBJECT_LINK,	OBJECT_PROG,	  OBJECT_MAP,
						  OBJECT_PERF,	OBJECT_STATS,	  OBJECT_BTF,
						  OBJECT_TOKEN, OBJECT_FS_CONTEXT };

	object_put((struct object *)sys->functions);
	object_put((struct object *)sys->vmlinux);
	sys->functions = sys->vmlinux = NULL;
	for (size_t k = 0; k < ARRAY_SIZE(order); k++)
		for (;;) {
			struct object *o = NULL;

			/* Whoever has a descriptor keeps a file of which nothing is known any more. */
			for (size_t i = 0; i < sys->by_inode.cap && !o; i++) {
				struct idmap_slot *s = &sys->by_inode.slots[i];

				if (s->key && ((struct object *)s->value)->kind == order[k] &&
				    ((struct object *)s->value)->held)
					o = s->value;
			}
			if (!o)
				break;
			object_end_hold(o);
		}
	for (u32 i = 0; sys->retired && i < 1000; i++) {
		arena_reclaim(sys->arena, &sys->retired);
		if (sys->retired)
			sys->platform->yield();
	}
}

void skep_system_free(struct skep_system *sys)
{
	struct waker *w;

	if (!sys)
		return;
	if (sys->supervisor)
		sys->supervisor_stop(sys);
	async_stop(sys);
	world_stop(sys);
	if (sys->arena) {
		relock_take(&sys->lock);
		pins_stop(sys);
		cgroups_stop(sys);
		cgroup_tree_stop(sys);
		struct_ops_stop(sys);
		psocks_stop(sys);
		end_objects(sys);
		async_drain(sys);
		netns_stop(sys);
		lwt_stop(sys);
		hooks_stop(sys);
		arena_reclaim(sys->arena, &sys->retired);
		relock_give(&sys->lock);
		platform_register(sys->arena, NULL);
	}
	if (sys->unpriv_file)
		close(sys->unpriv_file);
	objects_stop(sys);
	watches_stop(sys);
	while ((w = sys->wakers)) {
		sys->wakers = w->next;
		if (w->fd >= 0)
			close(w->fd);
		mem_free(w);
	}
	task_works_end(sys);
	async_end(sys);
	arena_destroy(sys->arena);
	mem_free(sys->btf_path);
	mem_free(sys->probes);
	mem_free(sys->explanation);
	mem_free(sys->work);
	mem_free(sys);
}
