/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_OBJ_GET_INFO_BY_FD of programs (Linux: bpf_prog_get_info_by_fd() and
 * bpf_insn_prepare_dump()). For each array the caller gives room for so many
 * elements and is told how many there are.
 *
 * DIFF(dump-helper-id): a dumped helper call keeps the helper's number; Linux shows
 * the distance of the kernel function from __bpf_call_base.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "command/command.h"
#include "isa/tag.h"
#include "object/map_insn_array.h"
#include "object/fixup.h"

static u32 known_size(kver profile)
{
	if (!visible(profile, KVER(5, 1)))
		return offsetof(struct bpf_prog_info, run_time_ns);
	if (!visible(profile, KVER(5, 12)))
		return offsetof(struct bpf_prog_info, recursion_misses);
	if (!visible(profile, KVER(5, 16)))
		return offsetof(struct bpf_prog_info, verified_insns);
	if (!visible(profile, KVER(6, 0)))
		return offsetof(struct bpf_prog_info, attach_btf_obj_id);
	return offsetofend(struct bpf_prog_info, attach_btf_id);
}

/* Copies min(@n, @room) elements of @size bytes to @uaddr. */
static int put_array(const struct call *c, u64 uaddr, const void *from, u32 n, u32 room, u32 size)
{
	n = min(n, room);
	return n ? user_write(c->sys, uaddr, from, (size_t)n * size) : 0;
}

/* A map, or a place in a map's values, for the 64 bits of a ld_imm64. */
static const struct map_object *map_of_imm(const struct prog_object *p, u64 imm, u32 *off, u8 *src)
{
	for (u32 i = 0; i < p->nr_used_maps; i++) {
		const struct map_object *m = p->used_maps[i];
		u64 start = 0;

		if (imm == (u64)m->map) {
			*off = 0;
			*src = BPF_PSEUDO_MAP_FD;
			return m;
		}
		if (m->ops->direct_value_addr && !m->ops->direct_value_addr(m->map, &start, 0) &&
		    imm >= start && imm - start < map_mem_size(m->map)) {
			*off = (u32)(imm - start);
			*src = BPF_PSEUDO_MAP_VALUE;
			return m;
		}
	}
	return NULL;
}

/* The instructions as they may be shown: no addresses, no internal opcodes. */
static struct bpf_insn *dump_insns(const struct prog_object *p)
{
	u32 n = p->prog->len;
	/* The verifier wrote both forms; what has none of its own is derived. */
	struct bpf_insn *insns =
		mem_dup(p->xlated ? p->xlated : p->prog->insns, n * sizeof(*insns));

	if (p->xlated)
		return insns;

	for (u32 i = 0; insns && i < n; i++) {
		struct bpf_insn *insn = &insns[i];
		const struct map_object *m;
		u8 class = BPF_CLASS(insn->code), src;
		u32 off;

		if (insn->code == (BPF_JMP | BPF_TAIL_CALL)) {
			insn->code = BPF_JMP | BPF_CALL;
			insn->imm = BPF_FUNC_tail_call;
		} else if (insn->code == (BPF_JMP | BPF_CALL)) {
			if (insn->src_reg != BPF_PSEUDO_CALL)
				insn->off = 0; /* index into our table of functions */
		} else if (class == BPF_LDX && BPF_MODE(insn->code) == BPF_PROBE_MEM) {
			insn->code = BPF_LDX | BPF_SIZE(insn->code) | BPF_MEM;
			insn->imm = 0;
		} else if (class == BPF_LDX && BPF_MODE(insn->code) == BPF_PROBE_MEMSX) {
			insn->code = BPF_LDX | BPF_SIZE(insn->code) | BPF_MEMSX;
		} else if (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && i + 1 < n) {
			u64 imm = (u64)insn[1].imm << 32 | (u32)insn->imm;

			m = map_of_imm(p, imm, &off, &src);
			if (m) {
				insn->src_reg = src;
				insn->imm = (s32)m->obj.id;
				insn[1].imm = (s32)off;
			}
			i++;
		}
	}
	return insns;
}

/* Where the code of each function begins and how long it is. */
static u32 native_functions(const struct prog_object *p, u64 *addr, u32 *len)
{
	const struct bpf_prog *prog = p->prog;
	u64 end = (u64)prog->code + prog->native_len;
	u32 n = prog->nr_subprogs;

	if (!prog->subprog_code) {
		addr[0] = (u64)prog->code;
		len[0] = 0;
		return 1;
	}
	for (u32 i = 0; i < n; i++) {
		addr[i] = prog->subprog_code[i];
		len[i] = (u32)((i + 1 < n ? prog->subprog_code[i + 1] : end) - addr[i]);
	}
	return n;
}

/*
 * Where the code of instruction @insn begins. That of a function's first is the function's, with
 * what comes before it: clients know functions by the equality.
 */
static u64 native_address(const struct bpf_prog *prog, const u32 *native_at, u32 insn)
{
	for (u32 i = 0; i < prog->nr_subprogs; i++)
		if (prog->subprog_start[i] == insn && prog->subprog_code && prog->subprog_code[i])
			return prog->subprog_code[i];
	return (u64)prog->code + native_at[insn];
}

/*
 * Where the code of each line begins. Where one machine instruction is two of the program's, the
 * second's line begins a byte on: clients rely on addresses that rise.
 */
static int put_native_lines(const struct call *c, const struct prog_object *p,
			    struct bpf_prog_info *info)
{
	u32 n = p->native_at ? p->nr_line_info : 0, room = info->nr_jited_line_info;
	u64 addr, before = 0;
	int err = 0;

	info->nr_jited_line_info = n;
	for (u32 i = 0; i < min(n, room) && !err; i++, before = addr) {
		addr = native_address(p->prog, p->native_at, p->line_info[i].insn_off);
		if (addr == before)
			addr++;
		err = user_write(c->sys, info->jited_line_info + i * sizeof(addr), &addr,
				 sizeof(addr));
	}
	return err;
}

static int put_native(const struct call *c, const struct prog_object *p, struct bpf_prog_info *info)
{
	u32 n = max(p->prog->nr_subprogs, 1U), room, shown;
	u8(*tags)[BPF_TAG_SIZE] = NULL;
	u64 *addr = mem_calloc(n, sizeof(*addr));
	u32 *len = mem_calloc(n, sizeof(*len));
	int err = -ENOMEM;

	if (!addr || !len)
		goto out;
	shown = native_functions(p, addr, len);
	err = -EFAULT;
	room = info->jited_prog_len;
	info->jited_prog_len = p->prog->native_len;
	if (put_array(c, info->jited_prog_insns, p->prog->code, info->jited_prog_len, room, 1))
		goto out;
	room = info->nr_jited_ksyms;
	info->nr_jited_ksyms = shown;
	if (put_array(c, info->jited_ksyms, addr, shown, room, sizeof(*addr)))
		goto out;
	room = info->nr_jited_func_lens;
	info->nr_jited_func_lens = shown;
	if (put_array(c, info->jited_func_lens, len, shown, room, sizeof(*len)))
		goto out;
	room = info->nr_prog_tags;
	info->nr_prog_tags = shown;
	if (room) {
		tags = mem_calloc(shown, sizeof(*tags));
		err = -ENOMEM;
		if (!tags)
			goto out;
		memcpy(tags[0], p->prog->tag, BPF_TAG_SIZE);
		for (u32 i = 1; i < shown; i++)
			prog_tag(tags[i], p->prog->insns + p->prog->subprog_start[i],
				 p->prog->subprog_start[i + 1] - p->prog->subprog_start[i],
				 c->sys->profile);
		err = -EFAULT;
		if (put_array(c, info->prog_tags, tags, shown, room, sizeof(*tags)))
			goto out;
	}
	err = put_native_lines(c, p, info);
out:
	mem_free(tags);
	mem_free(addr);
	mem_free(len);
	return err;
}

static int record_sizes(struct bpf_prog_info *info)
{
	const u32 func = sizeof(struct bpf_func_info), line = sizeof(struct bpf_line_info);

	if ((info->nr_func_info || info->func_info_rec_size) && info->func_info_rec_size != func)
		return -EINVAL;
	if ((info->nr_line_info || info->line_info_rec_size) && info->line_info_rec_size != line)
		return -EINVAL;
	if ((info->nr_jited_line_info || info->jited_line_info_rec_size) &&
	    info->jited_line_info_rec_size != sizeof(u64))
		return -EINVAL;
	info->func_info_rec_size = func;
	info->line_info_rec_size = line;
	info->jited_line_info_rec_size = sizeof(u64);
	return 0;
}

static int put_map_ids(const struct call *c, const struct prog_object *p,
		       struct bpf_prog_info *info)
{
	u32 room = info->nr_map_ids, id;
	int err = 0;

	relock_take(&c->sys->lock);
	info->nr_map_ids = p->nr_used_maps;
	for (u32 i = 0; i < min(room, p->nr_used_maps) && !err; i++) {
		id = p->used_maps[i]->obj.id;
		err = user_write(c->sys, info->map_ids + (u64)i * sizeof(id), &id, sizeof(id));
	}
	relock_give(&c->sys->lock);
	return err;
}

int info_prog(const struct call *c, struct prog_object *p, u64 uinfo, u32 len)
{
	u32 known = known_size(c->sys->profile), room;
	struct bpf_prog_info info = { 0 };
	const struct bpf_prog *prog = p->prog;
	struct bpf_insn *insns;
	int err;

	err = check_tail_zero(c->sys, uinfo, known, len);
	if (err)
		return err;
	len = min_t(u32, len, round_up(known, 8));
	if (user_read(c->sys, &info, uinfo, len))
		return -EFAULT;
	info.type = prog->type;
	info.id = p->obj.id;
	info.load_time = p->obj.load_time;
	info.created_by_uid = p->obj.created_by_uid;
	info.gpl_compatible = prog->gpl_compatible;
	memcpy(info.tag, prog->tag, sizeof(info.tag));
	memcpy(info.name, prog->name, sizeof(info.name));
	err = put_map_ids(c, p, &info);
	if (!err)
		err = record_sizes(&info);
	if (err)
		return err;
	info.run_time_ns = READ_ONCE(prog->run_time_ns);
	info.run_cnt = READ_ONCE(prog->run_cnt);
	info.recursion_misses = READ_ONCE(prog->recursion_misses);
	info.verified_insns = p->verified_insns;
	info.btf_id = p->btf ? p->btf->obj.id : 0;
	info.ifindex = 0;
	info.netns_dev = info.netns_ino = 0;
	if (!(system_caps(c->sys) & BPF_CAP_BPF)) {
		info.jited_prog_len = info.xlated_prog_len = 0;
		info.nr_jited_ksyms = info.nr_jited_func_lens = 0;
		info.nr_func_info = info.nr_line_info = info.nr_jited_line_info = 0;
		return info_put(c, uinfo, &info, len);
	}
	room = info.xlated_prog_len;
	info.xlated_prog_len = prog->len * (u32)sizeof(*insns);
	if (room) {
		insns = dump_insns(p);
		if (!insns)
			return -ENOMEM;
		err = put_array(c, info.xlated_prog_insns, insns, info.xlated_prog_len, room, 1);
		mem_free(insns);
		if (err)
			return err;
	}
	err = put_native(c, p, &info);
	if (err)
		return err;
	info.attach_btf_id = p->attach_btf_id;
	if (p->dst_prog)
		info.attach_btf_obj_id = p->dst_prog->btf ? p->dst_prog->btf->obj.id : 0;
	else
		info.attach_btf_obj_id = p->attach_btf ? p->attach_btf->obj.id : 0;
	room = info.nr_func_info;
	info.nr_func_info = p->nr_func_info;
	err = put_array(c, info.func_info, p->func_info, p->nr_func_info, room,
			info.func_info_rec_size);
	room = info.nr_line_info;
	info.nr_line_info = p->nr_line_info;
	if (!err)
		err = put_array(c, info.line_info, p->line_info, p->nr_line_info, room,
				info.line_info_rec_size);
	return err ? err : info_put(c, uinfo, &info, len);
}
