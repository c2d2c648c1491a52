/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep_bpf(): the entry of every command (Linux: __sys_bpf()). Which commands exist
 * and where their attribute ends depends on the profile: the rows below.
 */
#include <errno.h>
#include <string.h>

#include "command/command.h"
#include "command/task_work.h"
#include "object/caller.h"
#include "skep/skep.h"
#include "verifier/verifier.h"

/* The command's part of the attribute ends at byte @end since release @since (0: its first). */
struct attr_end {
	kver since;
	u16 end;
};

struct command_row {
	const char *name;
	int (*run)(struct call *c); /* NULL: not in skep yet */
	int refusal; /* when .run is NULL: what Linux says of an unsupported feature */
	struct attr_end ends[8];
};

#define K KVER
static const struct command_row commands[] = {
	[BPF_MAP_CREATE] = { "MAP_CREATE",
			     command_map_create,
			     0,
			     { { 0, 16 },
			       { K(4, 6), 20 },
			       { K(4, 12), 24 },
			       { K(4, 15), 44 },
			       { K(4, 19), 60 },
			       { K(5, 16), 72 },
			       { K(6, 9), 80 },
			       { K(6, 18), 92 } } },
	[BPF_MAP_LOOKUP_ELEM] = { "MAP_LOOKUP_ELEM",
				  command_map_lookup_elem,
				  0,
				  { { 0, 24 }, { K(5, 1), 32 } } },
	[BPF_MAP_UPDATE_ELEM] = { "MAP_UPDATE_ELEM", command_map_update_elem, 0, { { 0, 32 } } },
	[BPF_MAP_DELETE_ELEM] = { "MAP_DELETE_ELEM", command_map_delete_elem, 0, { { 0, 16 } } },
	[BPF_MAP_GET_NEXT_KEY] = { "MAP_GET_NEXT_KEY", command_map_get_next_key, 0, { { 0, 24 } } },
	[BPF_PROG_LOAD] = { "PROG_LOAD",
			    command_prog_load,
			    0,
			    { { 0, 48 },
			      { K(4, 17), 72 },
			      { K(5, 0), 108 },
			      { K(5, 5), 116 },
			      { K(5, 17), 140 },
			      { K(6, 4), 144 },
			      { K(6, 9), 152 },
			      { K(6, 18), 168 } } },
	[BPF_OBJ_PIN] = { "OBJ_PIN", command_obj_pin, 0, { { 0, 16 }, { K(6, 5), 20 } } },
	[BPF_OBJ_GET] = { "OBJ_GET", command_obj_get, 0, { { 0, 16 }, { K(6, 5), 20 } } },
	[BPF_PROG_ATTACH] = { "PROG_ATTACH",
			      command_prog_attach,
			      0,
			      { { 0, 16 }, { K(5, 6), 20 }, { K(6, 6), 32 } } },
	[BPF_PROG_DETACH] = { "PROG_DETACH",
			      command_prog_detach,
			      0,
			      { { 0, 12 }, { K(6, 6), 32 } } },
	[BPF_PROG_TEST_RUN] = { "PROG_TEST_RUN",
				command_prog_test_run,
				0,
				{ { 0, 40 },
				  { K(5, 2), 64 },
				  { K(5, 10), 72 },
				  { K(5, 18), 76 } } },
	[BPF_PROG_GET_NEXT_ID] = { "PROG_GET_NEXT_ID", command_prog_get_next_id, 0, { { 0, 8 } } },
	[BPF_MAP_GET_NEXT_ID] = { "MAP_GET_NEXT_ID", command_map_get_next_id, 0, { { 0, 8 } } },
	[BPF_PROG_GET_FD_BY_ID] = { "PROG_GET_FD_BY_ID",
				    command_prog_get_fd_by_id,
				    0,
				    { { 0, 4 } } },
	[BPF_MAP_GET_FD_BY_ID] = { "MAP_GET_FD_BY_ID",
				   command_map_get_fd_by_id,
				   0,
				   { { 0, 4 }, { K(4, 15), 12 } } },
	[BPF_OBJ_GET_INFO_BY_FD] = { "OBJ_GET_INFO_BY_FD",
				     command_obj_get_info_by_fd,
				     0,
				     { { 0, 16 } } },
	[BPF_PROG_QUERY] = { "PROG_QUERY",
			     command_prog_query,
			     0,
			     { { 0, 28 }, { K(6, 0), 40 }, { K(6, 6), 64 } } },
	[BPF_RAW_TRACEPOINT_OPEN] = { "RAW_TRACEPOINT_OPEN",
				      command_raw_tracepoint_open,
				      0,
				      { { 0, 12 }, { K(6, 10), 24 } } },
	[BPF_BTF_LOAD] = { "BTF_LOAD",
			   command_btf_load,
			   0,
			   { { 0, 28 }, { K(6, 4), 32 }, { K(6, 9), 40 } } },
	[BPF_BTF_GET_FD_BY_ID] = { "BTF_GET_FD_BY_ID",
				   command_btf_get_fd_by_id,
				   0,
				   { { 0, 4 }, { K(6, 15), 16 } } },
	[BPF_TASK_FD_QUERY] = { "TASK_FD_QUERY", command_task_fd_query, 0, { { 0, 48 } } },
	[BPF_MAP_LOOKUP_AND_DELETE_ELEM] = { "MAP_LOOKUP_AND_DELETE_ELEM",
					     command_map_lookup_and_delete_elem,
					     0,
					     { { 0, 24 }, { K(5, 14), 32 } } },
	[BPF_MAP_FREEZE] = { "MAP_FREEZE", command_map_freeze, 0, { { 0, 4 } } },
	[BPF_BTF_GET_NEXT_ID] = { "BTF_GET_NEXT_ID", command_btf_get_next_id, 0, { { 0, 8 } } },
	[BPF_MAP_LOOKUP_BATCH] = { "MAP_LOOKUP_BATCH", command_map_lookup_batch, 0, { { 0, 56 } } },
	[BPF_MAP_LOOKUP_AND_DELETE_BATCH] = { "MAP_LOOKUP_AND_DELETE_BATCH",
					      command_map_lookup_and_delete_batch,
					      0,
					      { { 0, 56 } } },
	[BPF_MAP_UPDATE_BATCH] = { "MAP_UPDATE_BATCH", command_map_update_batch, 0, { { 0, 56 } } },
	[BPF_MAP_DELETE_BATCH] = { "MAP_DELETE_BATCH", command_map_delete_batch, 0, { { 0, 56 } } },
	[BPF_LINK_CREATE] = { "LINK_CREATE",
			      command_link_create,
			      0,
			      { { 0, 16 },
				{ K(5, 9), 28 },
				{ K(5, 18), 48 },
				{ K(6, 6), 60 },
				{ K(7, 2), 64 } } },
	[BPF_LINK_UPDATE] = { "LINK_UPDATE", command_link_update, 0, { { 0, 16 } } },
	[BPF_LINK_GET_FD_BY_ID] = { "LINK_GET_FD_BY_ID",
				    command_link_get_fd_by_id,
				    0,
				    { { 0, 4 } } },
	[BPF_LINK_GET_NEXT_ID] = { "LINK_GET_NEXT_ID", command_link_get_next_id, 0, { { 0, 8 } } },
	[BPF_ENABLE_STATS] = { "ENABLE_STATS", command_enable_stats, 0, { { 0, 4 } } },
	[BPF_ITER_CREATE] = { "ITER_CREATE", command_iter_create, 0, { { 0, 8 } } },
	[BPF_LINK_DETACH] = { "LINK_DETACH", command_link_detach, 0, { { 0, 4 } } },
	[BPF_PROG_BIND_MAP] = { "PROG_BIND_MAP", command_prog_bind_map, 0, { { 0, 12 } } },
	[BPF_TOKEN_CREATE] = { "TOKEN_CREATE", command_token_create, 0, { { 0, 8 } } },
	[BPF_PROG_STREAM_READ_BY_FD] = { "PROG_STREAM_READ_BY_FD",
					 command_prog_stream_read,
					 0,
					 { { 0, 20 } } },
	[BPF_PROG_ASSOC_STRUCT_OPS] = { "PROG_ASSOC_STRUCT_OPS",
					command_prog_assoc_struct_ops,
					0,
					{ { 0, 12 } } },
};
#undef K

static const kver command_since[ARRAY_SIZE(commands)] = {
#define COMMAND(value, name, since, ...) [value] = since,
#include "tables/commands.def"
#undef COMMAND
};

static u32 end_for(const struct command_row *row, kver profile)
{
	u32 end = 0;

	for (size_t i = 0; i < ARRAY_SIZE(row->ends); i++)
		if (row->ends[i].end &&
		    (!row->ends[i].since || visible(profile, row->ends[i].since)))
			end = row->ends[i].end;
	return end;
}

/* sizeof(union bpf_attr) of the profile's kernel: its longest member, 8-byte aligned. */
static u32 attr_size_of(struct skep_system *sys)
{
	kver profile = sys->profile;
	u32 size = READ_ONCE(sys->attr_size);

	if (likely(size))
		return size;
	size = 48;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (visible(profile, command_since[i]))
			size = max(size, end_for(&commands[i], profile));
	WRITE_ONCE(sys->attr_size, round_up(size, 8));
	return round_up(size, 8);
}

int check_tail_zero(struct skep_system *sys, u64 addr, u32 known, u32 actual)
{
	u8 tail[PAGE_BYTES];

	if (actual > PAGE_BYTES)
		return -E2BIG;
	if (actual <= known)
		return 0;
	if (user_read(sys, tail, addr + known, actual - known))
		return -EFAULT;
	for (u32 i = 0; i < actual - known; i++)
		if (tail[i])
			return -E2BIG;
	return 0;
}

int attr_put(const struct call *c, u32 off, const void *value, u32 size)
{
	return user_write(c->sys, c->uattr + off, value, size);
}

int object_name_copy(char *dst, const char *src, u32 size)
{
	u32 n = 0;

	memset(dst, 0, size);
	for (; n < size && src[n]; n++) {
		char ch = src[n];

		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
		      (ch >= '0' && ch <= '9') || ch == '_' || ch == '.'))
			return -EINVAL;
		dst[n] = ch;
	}
	if (n == size) /* no NUL */
		return -EINVAL;
	return (int)n;
}

/* ---- the log that a structure behind the attribute asks for (7.2) ---- */

#define COMMON_SIZE offsetofend(struct bpf_common_attr, log_true_size)

static bool log_set(u64 buf, u32 size, u32 level)
{
	return buf && size && level;
}

/* Where a command has a log of its own: whose is used. -EINVAL: both are set, and differ. */
static int merge_log(struct call *c, u64 *buf, u32 *size, u32 *level)
{
	const struct bpf_common_attr *common = &c->common;

	if (!c->ucommon || !log_set(common->log_buf, common->log_size, common->log_level))
		return 0;
	if (log_set(*buf, *size, *level))
		return *buf == common->log_buf && *size == common->log_size &&
				       *level == common->log_level ?
			       0 :
			       -EINVAL;
	*buf = common->log_buf;
	*size = common->log_size;
	*level = common->log_level;
	return 0;
}

static int merge_logs(struct call *c, int cmd)
{
	union bpf_attr *attr = c->attr;

	if (cmd == BPF_PROG_LOAD)
		return merge_log(c, (u64 *)&attr->log_buf, &attr->log_size, &attr->log_level);
	if (cmd == BPF_BTF_LOAD)
		return merge_log(c, (u64 *)&attr->btf_log_buf, &attr->btf_log_size,
				 &attr->btf_log_level);
	return 0;
}

int common_log_true_size(const struct call *c, u32 true_size)
{
	if (c->common_size < COMMON_SIZE)
		return 0;
	return user_write(c->sys, c->ucommon + offsetof(struct bpf_common_attr, log_true_size),
			  &true_size, sizeof(true_size));
}

int common_log(struct call *c, int err, const char *text)
{
	const struct bpf_common_attr *log = &c->common;
	u32 len = (u32)strlen(text) + 1, n = min(len, log->log_size);
	int told;

	if (!c->ucommon || !log_set(log->log_buf, log->log_size, log->log_level))
		return err;
	/* As the verifier's: the end of what is too long, unless its beginning is asked for. */
	if (!(log->log_level & BPF_LOG_FIXED) && n < len)
		text += len - n;
	if (user_write(c->sys, log->log_buf, text, n - 1) ||
	    user_write(c->sys, log->log_buf + n - 1, "", 1))
		return -EFAULT;
	told = common_log_true_size(c, len);
	return told ? told : n < len ? -ENOSPC : err;
}

int skep_bpf(struct skep_system *sys, int cmd, union bpf_attr *uattr, unsigned int size)
{
	return bpf_with_common(sys, cmd, uattr, size, NULL, 0);
}

static int bpf(struct skep_system *sys, int cmd, union bpf_attr *uattr, unsigned int size,
	       struct bpf_common_attr *ucommon, unsigned int common_size)
{
	union {
		union bpf_attr attr;
		u8 bytes[256];
	} copy = { .bytes = { 0 } };
	struct call c = { .sys = sys, .attr = &copy.attr, .uattr = (u64)uattr, .size = size };
	const struct command_row *row;
	u32 known = attr_size_of(sys), end;
	int err;

	/* What closed descriptors leave is nothing to commands on elements, and they are many. */
	if (cmd != BPF_MAP_LOOKUP_ELEM && cmd != BPF_MAP_UPDATE_ELEM &&
	    cmd != BPF_MAP_DELETE_ELEM && cmd != BPF_MAP_GET_NEXT_KEY &&
	    cmd != BPF_MAP_LOOKUP_AND_DELETE_ELEM)
		objects_drain(sys, false);
	err = check_tail_zero(sys, c.uattr, known, size);
	if (err)
		return err;
	c.size = min(size, known);
	if (user_read(sys, &copy, c.uattr, c.size))
		return -EFAULT;
	if (cmd & BPF_COMMON_ATTRS && visible(sys->profile, KVER(7, 2))) {
		cmd &= ~BPF_COMMON_ATTRS;
		c.ucommon = (u64)ucommon;
		c.common_size = min_t(u32, common_size, COMMON_SIZE);
		err = check_tail_zero(sys, c.ucommon, COMMON_SIZE, common_size);
		if (err)
			return err;
		if (user_read(sys, &c.common, c.ucommon, c.common_size))
			return -EFAULT;
	}
	if (cmd < 0 || cmd >= (int)ARRAY_SIZE(commands) || !commands[cmd].name)
		return -EINVAL;
	row = &commands[cmd];
	if (!visible(sys->profile, command_since[cmd]))
		return -EINVAL;
	/* Linux's CHECK_ATTR: what belongs to other commands must be 0. */
	end = end_for(row, sys->profile);
	for (u32 i = end; i < c.size; i++)
		if (copy.bytes[i])
			return -EINVAL;
	err = merge_logs(&c, cmd);
	if (err)
		return err;
	if (!row->run)
		return -row->refusal;
	return row->run(&c);
}

int bpf_nested(struct skep_system *sys, int cmd, union bpf_attr *uattr, unsigned int size)
{
	return bpf(sys, cmd, uattr, size, NULL, 0);
}

int bpf_with_common(struct skep_system *sys, int cmd, union bpf_attr *uattr, unsigned int size,
		    struct bpf_common_attr *ucommon, unsigned int common_size)
{
	int ret = bpf(sys, cmd, uattr, size, ucommon, common_size);

	if (task_work_any(sys))
		task_work_run(sys, (u32)caller_pid_tgid(), NULL);
	return ret;
}
