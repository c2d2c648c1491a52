/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf(2): one handler per command, one file per noun (Linux: kernel/bpf/syscall.c).
 * bpf.c checks size and tail of the attribute and calls the handler.
 */
#ifndef SKEP_COMMAND_COMMAND_H
#define SKEP_COMMAND_COMMAND_H

#include "base/uapi.h"
#include "object/link.h"
#include "object/system.h"

#define PAGE_BYTES 4096

/* Ids of BTF that are there from the beginning, though made when first needed. */
enum { BTF_ID_VMLINUX = 1, BTF_ID_FUNCTIONS, BTF_ID_FIRST };

/* What the caller may do by the token @fd, if that allows @cmd: BPF_CAP_*. *err: 0 or -errno. */
struct call;
u32 caps_by_token(struct call *c, int fd, u32 cmd, int *err);

/* One call of bpf(2). */
struct call {
	struct skep_system *sys;
	union bpf_attr *attr;	       /* our copy; zero behind .size */
	u64 uattr;		       /* the caller's attribute */
	u32 size;		       /* bytes of it that are known to the profile */
	struct bpf_common_attr common; /* what stands behind it, since 7.2 */
	u64 ucommon;		       /* the caller's; 0: there is none */
	u32 common_size;
};

/* bpf(2) with its fourth and fifth argument, which BPF_COMMON_ATTRS in @cmd says are there. */
int bpf_with_common(struct skep_system *sys, int cmd, union bpf_attr *uattr, unsigned int size,
		    struct bpf_common_attr *ucommon, unsigned int common_size);
/* The same for a program: its task does not return to user space behind it. */
int bpf_nested(struct skep_system *sys, int cmd, union bpf_attr *uattr, unsigned int size);
/* A line about @err for the caller's common log, if there is one: @err, -ENOSPC or -EFAULT. */
int common_log(struct call *c, int err, const char *text);
/* The length of a command's own log, told in the common structure, too. 0 or -EFAULT. */
int common_log_true_size(const struct call *c, u32 true_size);

/* Writes field @off of the caller's attribute, when the caller's has room for it. */
int attr_put(const struct call *c, u32 off, const void *value, u32 size);
#define ATTR_PUT(c, member, value)                                                                 \
	({                                                                                         \
		__typeof__(((union bpf_attr *)0)->member) _put = (value);                          \
		attr_put((c), offsetof(union bpf_attr, member), &_put, sizeof(_put));              \
	})

int command_map_create(struct call *c);
int command_map_lookup_elem(struct call *c);
int command_map_update_elem(struct call *c);
int command_map_delete_elem(struct call *c);
int command_map_get_next_key(struct call *c);
int command_map_lookup_and_delete_elem(struct call *c);
int command_map_lookup_batch(struct call *c);
int command_map_lookup_and_delete_batch(struct call *c);
int command_map_update_batch(struct call *c);
int command_map_delete_batch(struct call *c);
int command_map_freeze(struct call *c);
int command_prog_load(struct call *c);
int command_prog_test_run(struct call *c);
int command_prog_attach(struct call *c);
int command_prog_detach(struct call *c);
int command_prog_query(struct call *c);
int command_prog_bind_map(struct call *c);
int command_prog_stream_read(struct call *c);
int command_prog_assoc_struct_ops(struct call *c);
int command_btf_load(struct call *c);
int command_iter_create(struct call *c);
int command_obj_pin(struct call *c);
int command_obj_get(struct call *c);
int command_token_create(struct call *c);
int command_raw_tracepoint_open(struct call *c);
int command_link_create(struct call *c);
int command_link_update(struct call *c);
int command_link_detach(struct call *c);
int command_obj_get_info_by_fd(struct call *c);
int command_prog_get_next_id(struct call *c);
int command_map_get_next_id(struct call *c);
int command_btf_get_next_id(struct call *c);
int command_link_get_next_id(struct call *c);
int command_prog_get_fd_by_id(struct call *c);
int command_map_get_fd_by_id(struct call *c);
int command_btf_get_fd_by_id(struct call *c);
int command_link_get_fd_by_id(struct call *c);
int command_enable_stats(struct call *c);
int command_task_fd_query(struct call *c);

/* Writes who called whom to the program's stream @id: bpf_stream_print_stack(). 0 or -ENOENT. */
int stream_stack(struct skep_system *sys, struct bpf_run *run, u32 id);
/* What helpers ask of the system; kernel_call.c. */
u64 kernel_call(struct skep_system *sys, struct bpf_run *run, enum kernel_call op, const u64 *args);

/* The security hook that an LSM program was loaded for: "file_open"; NULL with *err where none is asked. */
const char *lsm_hook_of(struct skep_system *sys, const struct prog_object *p, int *err);
/* Keeps why something could not be attached (tables/diag/attach.def); returns -errno of the row. */
int attach_refuse(struct skep_system *sys, enum diag_id id, ...);
/* A kernel function or tracepoint that nothing can be attached to: -ENOENT. */
int refuse_function(struct skep_system *sys, const char *name);
int refuse_tracepoint(struct skep_system *sys, const char *name);

/* OBJ_GET_INFO_BY_FD of one kind: @info of @len bytes at @uinfo. */
int info_put(const struct call *c, u64 uinfo, const void *info, u32 len);
int info_map(const struct call *c, struct map_object *m, u64 uinfo, u32 len);
int info_prog(const struct call *c, struct prog_object *p, u64 uinfo, u32 len);
int info_btf(const struct call *c, struct object_btf *b, u64 uinfo, u32 len);
struct token_object;
int info_token(const struct call *c, const struct token_object *t, u64 uinfo, u32 len);
int info_link(const struct call *c, struct link_object *l, u64 uinfo, u32 len);

/*
 * Linux's rule for structures that grow: bytes behind the @known ones must be 0 in
 * the caller's. 0, -E2BIG or -EFAULT.
 */
int check_tail_zero(struct skep_system *sys, u64 addr, u32 known, u32 actual);
/* Copies an object name: [A-Za-z0-9_.]*, NUL-terminated within @size. Length or -EINVAL. */
int object_name_copy(char *dst, const char *src, u32 size);
bool prog_type_visible(const struct profile *profile, u32 type);
/*
 * What poll() would say of the ring that @fd stands for; -EBADF: it is no ring. @wake (NULL: not wanted): the
 * system's eventfd that gets an edge when that may have changed, or -errno.
 */
int ring_events(struct skep_system *sys, int fd, int *wake);
/* A descriptor of a map with a check of its mode. */
struct map_object *map_get_access(struct skep_system *sys, int fd, bool read, bool write, int *err);
#endif
