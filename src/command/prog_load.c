/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_PROG_LOAD (Linux: bpf_prog_load() in kernel/bpf/syscall.c): the checks in
 * Linux's order, then verifier, code generation, id and descriptor; and
 * BPF_PROG_BIND_MAP.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "command/command.h"
#include "command/keys.h"
#include "command/link.h"
#include "command/map.h"
#include "exec/exec.h"
#include "hook/hook.h"
#include "isa/tag.h"
#include "jit/jit.h"
#include "object/caller.h"
#include "object/map_insn_array.h"
#include "object/security.h"
#include "object/token.h"
#include "object/vocabulary.h"
#include "verifier/verifier.h"

#define KEYRING_PLATFORM 2    /* the last of the kernel's own, from 0 */
#define SIGNATURE_MAX	 8192 /* Linux: KMALLOC_MAX_CACHE_SIZE */

#define MAX_INSNS_UNPRIVILEGED 4096
#define MAX_INSNS	       1000000
#define MAX_LICENSE	       128
#define BTF_MAX_TYPE	       0x000fffff

static bool license_is_gpl(const char *license)
{
	static const char *const gpl[] = {
		"GPL",		"GPL v2",	"GPL and additional rights",
		"Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL",
	};

	for (size_t i = 0; i < ARRAY_SIZE(gpl); i++)
		if (!strcmp(license, gpl[i]))
			return true;
	return false;
}

/* Flags of PROG_LOAD that the profile's kernel knows. */
static u32 known_flags(kver profile)
{
	static const struct {
		kver since;
		u32 flag;
	} rows[] = {
		{ KVER(4, 12), BPF_F_STRICT_ALIGNMENT },  { KVER(5, 0), BPF_F_ANY_ALIGNMENT },
		{ KVER(5, 3), BPF_F_TEST_RND_HI32 },	  { KVER(5, 4), BPF_F_TEST_STATE_FREQ },
		{ KVER(5, 10), BPF_F_SLEEPABLE },	  { KVER(5, 18), BPF_F_XDP_HAS_FRAGS },
		{ KVER(6, 3), BPF_F_XDP_DEV_BOUND_ONLY }, { KVER(6, 8), BPF_F_TEST_REG_INVARIANTS },
		{ KVER(6, 9), BPF_F_TOKEN_FD },
	};
	u32 flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (visible(profile, rows[i].since))
			flags |= rows[i].flag;
	return flags;
}

static bool needs_net_admin(u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_LWT_IN:
	case BPF_PROG_TYPE_LWT_OUT:
	case BPF_PROG_TYPE_LWT_XMIT:
	case BPF_PROG_TYPE_LWT_SEG6LOCAL:
	case BPF_PROG_TYPE_SK_SKB:
	case BPF_PROG_TYPE_SK_MSG:
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
	case BPF_PROG_TYPE_CGROUP_DEVICE:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
	case BPF_PROG_TYPE_SOCK_OPS:
	case BPF_PROG_TYPE_EXT:
	case BPF_PROG_TYPE_NETFILTER:
		return true;
	default:
		return false;
	}
}

static bool needs_perfmon(u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
	case BPF_PROG_TYPE_STRUCT_OPS:
	case BPF_PROG_TYPE_EXT:
		return true;
	default:
		return false;
	}
}

bool prog_type_visible(const struct profile *profile, u32 type)
{
	const struct vocabulary_row *row = vocabulary_by_value(VOCABULARY_PROG, type);

	return row && row_visible(profile, (struct kernel_row){ ROW_PROG, type, 0, row->since });
}

/* A type that was brought to an older kernel came with the attach types that it began with. */
static bool attach_visible(const struct profile *profile, u32 prog_type, kver since)
{
	const struct vocabulary_row *row = vocabulary_by_value(VOCABULARY_PROG, prog_type);

	return visible(profile->release, since) ||
	       (row && since <= row->since && prog_type_visible(profile, prog_type));
}

/* What may be attached to what; types and combinations as Linux refuses them. */
static int check_attach(const union bpf_attr *attr, const struct object_btf *attach_btf,
			const struct prog_object *dst, const struct bpf_prog_type_ops *ops,
			const struct profile *profile)
{
	const struct vocabulary_row *row;
	u32 type = attr->prog_type;

	if (attr->attach_btf_id) {
		if (attr->attach_btf_id > BTF_MAX_TYPE || (!attach_btf && !dst))
			return -EINVAL;
		if (type != BPF_PROG_TYPE_TRACING && type != BPF_PROG_TYPE_LSM &&
		    type != BPF_PROG_TYPE_STRUCT_OPS && type != BPF_PROG_TYPE_EXT)
			return -EINVAL;
	}
	if (attach_btf && (!attr->attach_btf_id || dst))
		return -EINVAL;
	if (dst && type != BPF_PROG_TYPE_TRACING && type != BPF_PROG_TYPE_EXT)
		return -EINVAL;
	if (!ops || !ops->check_attach)
		return 0;
	row = vocabulary_by_value(VOCABULARY_ATTACH, attr->expected_attach_type);
	if (attr->expected_attach_type && (!row || !attach_visible(profile, type, row->since)))
		return -EINVAL;
	return ops->check_attach(attr->expected_attach_type);
}

static bool is_multi(const struct call *c)
{
	return attach_type_is_tracing_multi(c->attr->expected_attach_type) &&
	       visible(c->sys->profile, KVER(7, 2)) && c->attr->prog_type == BPF_PROG_TYPE_TRACING;
}

/* attach_prog_fd is a program or a BTF object. */
static int find_target(struct call *c, struct prog_object **dst, struct object_btf **btf)
{
	const union bpf_attr *attr = c->attr;
	int err;

	if (attr->attach_prog_fd) {
		*dst = prog_get_fd(c->sys, (int)attr->attach_prog_fd, &err);
		if (*dst)
			return 0;
		*btf = btf_get_fd(c->sys, (int)attr->attach_btf_obj_fd, &err);
		if (!*btf)
			return -EINVAL;
		if (!(*btf)->kernel) {
			object_put(&(*btf)->obj);
			*btf = NULL;
			return -ENOTSUPP;
		}
	} else if (attr->attach_btf_id || is_multi(c)) {
		*btf = system_vmlinux(c->sys);
		if (!*btf)
			return -EINVAL;
		object_get(&(*btf)->obj);
	}
	return 0;
}

/* Instructions and license, at once where both are as they mostly are. */
static int read_text(struct call *c, void *insns, size_t bytes, char license[MAX_LICENSE])
{
	const union bpf_attr *attr = c->attr;
	size_t n = min_t(size_t, MAX_LICENSE - 1, 4096 - (attr->license & 4095));

	if (!caller_read_two(insns, attr->insns, bytes, license, attr->license, n) &&
	    (n == MAX_LICENSE - 1 || memchr(license, 0, n)))
		return 0;
	if (user_read(c->sys, insns, attr->insns, bytes))
		return -EFAULT;
	return user_read_str(c->sys, license, attr->license, MAX_LICENSE - 1) == -EFAULT ? -EFAULT :
											   0;
}

/*
 * A program for one device (Linux: bpf_prog_dev_bound_init()). That it runs in the device's hardware
 * can only be asked for: no driver here takes programs over.
 */
static int bind_to_device(struct call *c, struct prog_object *p)
{
	const union bpf_attr *attr = c->attr;
	u32 known = visible(c->sys->profile, KVER(6, 3)) ?
			    BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_XDP_HAS_FRAGS :
			    0;
	bool only = attr->prog_flags & BPF_F_XDP_DEV_BOUND_ONLY;
	int err;

	if (attr->prog_type != BPF_PROG_TYPE_SCHED_CLS && attr->prog_type != BPF_PROG_TYPE_XDP)
		return -EINVAL;
	if (attr->prog_flags & ~known)
		return -EINVAL;
	if (only ? attr->prog_type == BPF_PROG_TYPE_SCHED_CLS :
		   attr->prog_flags & BPF_F_XDP_HAS_FRAGS)
		return -EINVAL;
	relock_take(&c->sys->lock);
	err = netdev_check(c, attr->prog_ifindex, -EINVAL);
	if (!err && hook_find_netdev(c->sys, HOOK_XDP, attr->prog_ifindex)->no_driver)
		err = -EOPNOTSUPP;
	if (!err && !only)
		err = -EINVAL;
	if (!err) {
		p->dev_bound = true;
		p->bound_ifindex = attr->prog_ifindex;
	}
	relock_give(&c->sys->lock);
	return err;
}

/* What replaces a function of a program for one device is for it, too. */
static int inherit_device(struct prog_object *p, const struct prog_object *target)
{
	p->dev_bound = true;
	p->bound_ifindex = READ_ONCE(target->bound_ifindex);
	return p->bound_ifindex ? 0 : -EINVAL;
}

/* Those of a caller's thread and process, and what it alone has, cannot be asked for from outside. */
static bool find_key(struct bpf_run *run, s32 id, struct key_found *k)
{
	if ((u32)id <= KEYRING_PLATFORM)
		return key_find_system((u32)id, k);
	if (id < 0 && caller_current() &&
	    (id < KEY_SPEC_USER_SESSION_KEYRING || id > KEY_SPEC_SESSION_KEYRING))
		return false;
	return key_find_user(run, id, 0, k);
}

/* Who has signed the instructions, as they came (Linux: bpf_prog_verify_signature()). */
static int check_signature(struct call *c, const struct bpf_insn *insns)
{
	const union bpf_attr *attr = c->attr;
	struct bpf_run run = { .arena = c->sys->arena, .platform = c->sys->platform };
	struct key_found key;
	void *copy;
	int err;

	if (attr->signature_size > SIGNATURE_MAX)
		return -EINVAL;
	if (!find_key(&run, attr->keyring_id, &key))
		return -EINVAL;
	copy = mem_alloc(attr->signature_size + 1);
	if (!copy || user_read(c->sys, copy, attr->signature, attr->signature_size))
		err = -ENOMEM;
	else
		err = key_verify(&run, insns, attr->insn_cnt * (u32)sizeof(*insns), copy,
				 attr->signature_size, &key);
	mem_free(copy);
	return err;
}

static int read_program(struct call *c, struct prog_object *p)
{
	const union bpf_attr *attr = c->attr;
	size_t bytes = (size_t)attr->insn_cnt * sizeof(struct bpf_insn);
	char license[MAX_LICENSE] = "";
	int err;

	p->orig_insns = mem_alloc(bytes);
	if (!p->orig_insns)
		return -ENOMEM;
	p->orig_len = attr->insn_cnt;
	if (read_text(c, p->orig_insns, bytes, license))
		return -EFAULT;
	license[sizeof(license) - 1] = 0;
	p->prog->gpl_compatible = license_is_gpl(license);
	if (attr->signature) {
		err = check_signature(c, p->orig_insns);
		if (err)
			return err;
	}
	err = attr->prog_ifindex ? bind_to_device(c, p) : 0;
	if (!err && attr->prog_type == BPF_PROG_TYPE_EXT && p->dst_prog && p->dst_prog->dev_bound)
		err = inherit_device(p, p->dst_prog);
	if (err)
		return err;
	err = object_name_copy(p->prog->name, attr->prog_name, sizeof(attr->prog_name));
	return err < 0 ? err : 0;
}

static void remember(struct skep_system *sys, struct diag *d, const struct prog_object *p)
{
	memcpy(d->prog, p->prog->name, sizeof(d->prog));
	relock_take(&sys->lock);
	sys->last = *d;
	relock_give(&sys->lock);
}

/* Maps whose elements run as one with the programs that use them (Linux: map_type_contains_progs()). */
static bool holds_programs(const struct skep_system *sys, u32 map_type)
{
	return map_type == BPF_MAP_TYPE_PROG_ARRAY ||
	       ((map_type == BPF_MAP_TYPE_DEVMAP || map_type == BPF_MAP_TYPE_CPUMAP) &&
		visible(sys->profile, KVER(5, 18)));
}

/* Native places of the instructions that the map names, from the beginning of their function's code. */
static void fill_insn_array(const struct prog_object *p, const struct bpf_map *map)
{
	struct bpf_insn_array *a = insn_array(map);
	const struct bpf_prog *prog = p->prog;

	for (u32 i = 0; a && p->native_at && prog->subprog_code && i < map->max_entries; i++) {
		u32 at = a->values[i].xlated_off, s = 0;

		if (at >= prog->len) /* INSN_DELETED */
			continue;
		while (s + 1 < prog->nr_subprogs && prog->subprog_start[s + 1] <= at)
			s++;
		a->values[i].jitted_off =
			(u32)((u64)prog->code + p->native_at[at] - prog->subprog_code[s]);
	}
}

/* Verifies and compiles; what the type's program arrays hold must fit, too. */
static int check_and_compile(struct call *c, struct prog_object *p)
{
	struct skep_system *sys = c->sys;
	struct diag diag = { .id = DIAG_NONE, .insn = -1 };
	int err;

	err = bpf_check(sys, p, c->attr, c->size, &diag);
	if (offsetofend(union bpf_attr, log_true_size) <= c->size &&
	    visible(sys->profile, KVER(6, 4)) && ATTR_PUT(c, log_true_size, p->log_true_size))
		err = -EFAULT;
	if (common_log_true_size(c, p->log_true_size))
		err = -EFAULT;
	if (err) {
		remember(sys, &diag, p);
		return err;
	}
	if (sys->jit_mode != JIT_OFF) {
		err = jit_compile(sys, p);
		if (err)
			return err;
	}
	if (sys->jit_mode != JIT_ON) {
		err = interp_prepare(sys->arena, p->prog);
		if (err)
			return err;
		p->ops_size = interp_ops_size(p->prog);
		if (sys->count_insns)
			interp_count(p->prog, p->prog->ops);
	}
	for (u32 i = 0; i < p->nr_used_maps; i++) {
		const struct map_object *m = p->used_maps[i];

		fill_insn_array(p, m->map);
		if (m->map->map_type == BPF_MAP_TYPE_CGROUP_STORAGE)
			p->storage_ids[0] = m->obj.id;
		else if (m->map->map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE)
			p->storage_ids[1] = m->obj.id;
	}
	for (u32 i = 0; i < p->nr_used_maps; i++)
		if (holds_programs(sys, p->used_maps[i]->map->map_type) &&
		    (p->kprobe_override || !prog_map_fits(p->used_maps[i], p)))
			return -EINVAL;
	return 0;
}

static bool has_large_programs(const struct skep_system *sys)
{
	return row_visible(&sys->kernel, (struct kernel_row){ .kind = ROW_MISC,
							      .id = ROW_LARGE_PROGRAMS,
							      .since = KVER(5, 2) });
}

/* What a program of its type and size takes. 0, -EPERM or -E2BIG. */
static int may_load(const struct call *c, u32 caps)
{
	const union bpf_attr *attr = c->attr;
	u32 type = attr->prog_type;

	if (caps & BPF_UNPRIV_DISABLED)
		return -EPERM;
	if (!attr->insn_cnt || attr->insn_cnt > (caps & BPF_CAP_BPF && has_large_programs(c->sys) ?
							 MAX_INSNS :
							 MAX_INSNS_UNPRIVILEGED))
		return -E2BIG;
	if (type != BPF_PROG_TYPE_SOCKET_FILTER && type != BPF_PROG_TYPE_CGROUP_SKB &&
	    !(caps & BPF_CAP_BPF))
		return -EPERM;
	if ((needs_net_admin(type) && !(caps & BPF_CAP_NET_ADMIN)) ||
	    (needs_perfmon(type) && !(caps & BPF_CAP_PERFMON)))
		return -EPERM;
	return 0;
}

int command_prog_load(struct call *c)
{
	struct skep_system *sys = c->sys;
	union bpf_attr *attr = c->attr;
	const struct bpf_prog_type_ops *ops;
	struct prog_object *p = NULL, *dst = NULL;
	struct object_btf *attach_btf = NULL;
	struct token_object *token = NULL;
	u32 caps, type = attr->prog_type;
	bool judged;
	int err;

	if (attr->prog_flags & ~known_flags(sys->profile))
		return -EINVAL;
	/* Types that once had no attach type get their first one. */
	if (type == BPF_PROG_TYPE_CGROUP_SOCK && !attr->expected_attach_type)
		attr->expected_attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	if (type == BPF_PROG_TYPE_SK_REUSEPORT && !attr->expected_attach_type &&
	    visible(sys->profile, KVER(5, 14)))
		attr->expected_attach_type = BPF_SK_REUSEPORT_SELECT;
	arenas_find(sys);
	if (attr->prog_flags & BPF_F_TOKEN_FD) {
		token = token_get_fd(sys, attr->prog_token_fd, &err);
		if (!token)
			return err;
		if (!token_allows(token, DELEGATE_CMDS, BPF_PROG_LOAD) ||
		    !token_allows(token, DELEGATE_PROGS, type) ||
		    !token_allows(token, DELEGATE_ATTACHS, attr->expected_attach_type)) {
			object_put(&token->obj); /* of no use: as without it */
			token = NULL;
		}
	}
	caps = token_caps(sys, token);
	err = may_load(c, caps);
	if (err)
		goto out;
	err = find_target(c, &dst, &attach_btf);
	if (err)
		goto out;
	ops = prog_type_visible(&sys->kernel, type) ? bpf_prog_type_ops_of(type) : NULL;
	judged = !ops && sys->verdict && prog_type_visible(&sys->kernel, type);
	if (judged)
		ops = bpf_prog_type_judge_of(type);
	if (is_multi(c))
		err = !attach_btf || attr->attach_btf_id ? -EINVAL : 0;
	else
		err = check_attach(attr, attach_btf, dst, ops, &sys->kernel);
	if (err)
		goto out;
	err = -ENOMEM;
	p = prog_object_new(sys);
	if (!p)
		goto out;
	p->token = token;
	token = NULL;
	p->ops = ops;
	p->prog->type = p->prog->ctx_type = type;
	p->prog->expected_attach_type = attr->expected_attach_type;
	p->prog->sleepable = !!(attr->prog_flags & BPF_F_SLEEPABLE);
	p->prog->xdp_has_frags = !!(attr->prog_flags & BPF_F_XDP_HAS_FRAGS);
	p->prog_flags = attr->prog_flags;
	if (judged)
		prog_lacks(p, "program type", vocabulary_by_value(VOCABULARY_PROG, type)->name);
	p->attach_btf = attach_btf;
	p->attach_btf_id = attr->attach_btf_id;
	p->dst_prog = dst;
	p->traces_prog =
		dst && type == BPF_PROG_TYPE_TRACING && dst->prog->type == BPF_PROG_TYPE_TRACING;
	attach_btf = NULL;
	dst = NULL;
	err = read_program(c, p);
	if (err)
		goto out;
	err = -EINVAL;
	if (!ops)
		goto out;
	prog_tag(p->prog->tag, p->orig_insns, p->orig_len, sys->profile);
	err = security_ask(sys, &(struct security_question){ .hook = SECURITY_BPF_PROG_LOAD,
							     .attr = attr,
							     .prog = p,
							     .token = p->token });
	if (err)
		goto out;
	err = check_and_compile(c, p);
	if (err)
		goto out;
	sys->last.id = DIAG_NONE;
	err = object_set_address(&p->obj, p->prog);
	if (!err)
		err = object_publish(&p->obj);
	if (err)
		goto out;
	p->prog->id = p->obj.id;
	err = object_new_fd(&p->obj);
out:
	object_put((struct object *)attach_btf);
	object_put((struct object *)dst);
	object_put((struct object *)token);
	object_put((struct object *)p);
	return err;
}

int command_prog_bind_map(struct call *c)
{
	struct skep_system *sys = c->sys;
	struct map_object *m = NULL, **maps;
	struct prog_object *p;
	int err;

	if (c->attr->prog_bind_map.flags)
		return -EINVAL;
	p = prog_get_fd(sys, (int)c->attr->prog_bind_map.prog_fd, &err);
	if (!p)
		return err;
	m = map_get_fd(sys, (int)c->attr->prog_bind_map.map_fd, &err);
	if (!m)
		goto out;
	relock_take(&sys->lock);
	for (u32 i = 0; i < p->nr_used_maps; i++)
		if (p->used_maps[i] == m)
			goto unlock;
	maps = mem_realloc_array(p->used_maps, p->nr_used_maps + 1, sizeof(struct map_object *));
	err = maps ? 0 : -ENOMEM;
	if (maps) {
		p->used_maps = maps;
		maps[p->nr_used_maps++] = m;
		m = NULL; /* the program's reference now */
	}
unlock:
	relock_give(&sys->lock);
out:
	object_put((struct object *)m);
	object_put(&p->obj);
	return err;
}
