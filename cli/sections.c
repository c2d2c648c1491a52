/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Names of sections that are younger than the libbpf that skep was linked with: rows of
 * tables/sections.def that it does not know are made known to it. Those that need more of libbpf
 * than a type and a function or tracepoint (user space probes, many functions) remain unknown.
 */
#include "sections.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* Numbers that an older <linux/bpf.h> lacks. */
#define BPF_PROG_TYPE_NETFILTER	    32
#define BPF_LSM_CGROUP		    43
#define BPF_NETFILTER		    45
#define BPF_TCX_INGRESS		    46
#define BPF_TCX_EGRESS		    47
#define BPF_TRACE_UPROBE_MULTI	    48
#define BPF_CGROUP_UNIX_CONNECT	    49
#define BPF_CGROUP_UNIX_SENDMSG	    50
#define BPF_CGROUP_UNIX_RECVMSG	    51
#define BPF_CGROUP_UNIX_GETPEERNAME 52
#define BPF_CGROUP_UNIX_GETSOCKNAME 53
#define BPF_NETKIT_PRIMARY	    54
#define BPF_NETKIT_PEER		    55
#define BPF_TRACE_KPROBE_SESSION    56
#define BPF_TRACE_UPROBE_SESSION    57
#define BPF_TRACE_FSESSION	    58
#define BPF_TRACE_FENTRY_MULTI	    59
#define BPF_TRACE_FEXIT_MULTI	    60
#define BPF_TRACE_FSESSION_MULTI    61

static const struct section {
	const char *name;
	int prog, attach;
	const char *flags;
} sections[] = {
#define SECTION(name, prog, attach, flags, state, note) { name, prog, attach, flags },
#include "tables/sections.def"
#undef SECTION
};

static int make_sleepable(struct bpf_program *prog, long cookie)
{
	(void)cookie;
	return bpf_program__set_flags(prog, bpf_program__flags(prog) | BPF_F_SLEEPABLE);
}

/* What stands behind the '/', and is to be sleepable where the section says so. */
static const char *target_of(const struct bpf_program *prog)
{
	const char *name = strchr(bpf_program__section_name(prog), '/');

	return name ? name + 1 : "";
}

static bool is_sleepable(const char *section)
{
	const char *end = strchr(section, '/');
	size_t n = end ? (size_t)(end - section) : strlen(section);

	return n > 2 && !strncmp(section + n - 2, ".s", 2);
}

/* The kernel function, or tracepoint. */
static int find_target(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	int id;

	if (is_sleepable(bpf_program__section_name(prog)))
		opts->prog_flags |= BPF_F_SLEEPABLE;
	if (!cookie || opts->attach_btf_id || opts->attach_prog_fd)
		return 0;
	id = libbpf_find_vmlinux_btf_id(target_of(prog), (enum bpf_attach_type)cookie);
	if (id < 0)
		return id;
	opts->attach_btf_id = (__u32)id;
	return 0;
}

static int attach_to_target(const struct bpf_program *prog, long cookie, struct bpf_link **link)
{
	const char *target = target_of(prog), *name = strchr(target, '/');
	char category[64];

	if (cookie) {
		*link = bpf_program__attach_trace(prog);
	} else if (!name) {
		*link = bpf_program__attach_raw_tracepoint(prog, target);
	} else {
		snprintf(category, sizeof(category), "%.*s", (int)(name - target), target);
		*link = bpf_program__attach_tracepoint(prog, category, name + 1);
	}
	return *link ? 0 : -errno;
}

/* Those that libbpf would find a target for, if it knew them. */
static bool has_target(const struct section *s, long *attach)
{
	*attach = s->attach == BPF_TRACE_FSESSION ? BPF_TRACE_FENTRY :
		  s->attach == BPF_TRACE_RAW_TP	  ? BPF_TRACE_RAW_TP :
						    0;
	return s->attach == BPF_TRACE_FSESSION || !strcmp(s->name, "tp_btf.s+") ||
	       !strcmp(s->name, "tp.s+") || !strcmp(s->name, "tracepoint.s+") ||
	       !strcmp(s->name, "raw_tp.s+") || !strcmp(s->name, "raw_tracepoint.s+");
}

/* Whether libbpf knows it: asked with something behind it where that is how it is used. */
static bool is_known(const struct section *s)
{
	enum bpf_attach_type attach;
	enum bpf_prog_type prog;
	char name[64];
	size_t n = strlen(s->name);

	snprintf(name, sizeof(name), "%.*s%s", (int)(n - (s->name[n - 1] == '+')), s->name,
		 s->name[n - 1] == '+' ? "/x" : "");
	return !libbpf_prog_type_by_name(name, &prog, &attach) && (int)prog == s->prog &&
	       (int)attach == s->attach;
}

void sections_register(void)
{
	static bool done;
	libbpf_print_fn_t print;

	if (done)
		return;
	done = true;
	print = libbpf_set_print(NULL);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct section *s = &sections[i];
		LIBBPF_OPTS(libbpf_prog_handler_opts, opts);
		long attach;

		if (has_target(s, &attach)) {
			opts.cookie = attach;
			opts.prog_prepare_load_fn = find_target;
			opts.prog_attach_fn = attach_to_target;
			libbpf_register_prog_handler(s->name, (enum bpf_prog_type)s->prog,
						     (enum bpf_attach_type)s->attach, &opts);
			continue;
		}
		if (strstr(s->flags, "ATTACH_BTF") || strstr(s->flags, "attach_") || is_known(s))
			continue;
		if (strstr(s->flags, "SEC_SLEEPABLE"))
			opts.prog_setup_fn = make_sleepable;
		libbpf_register_prog_handler(s->name, (enum bpf_prog_type)s->prog,
					     (enum bpf_attach_type)s->attach, &opts);
	}
	libbpf_set_print(print);
}
