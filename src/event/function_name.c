/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths of calls on names: making, removing, renaming, asking (Linux: fs/namei.c, fs/stat.c,
 * fs/open.c).
 *
 * DIFF(functions-failing): what a call that fails has passed before it failed is fired as far as
 * its error tells; a look-up that failed, and an inode that refused, look alike.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "event/function.h"

/* Which arguments name the object: directory descriptor (-1: none) and string. */
struct name_args {
	s8 dfd, name;
};

static struct name_args first_name(u64 nr)
{
	switch (nr) {
	case SYS_unlinkat:
	case SYS_mkdirat:
	case SYS_mknodat:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_linkat:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_faccessat:
	case SYS_readlinkat:
	case 439: /* faccessat2 */
		return (struct name_args){ 0, 1 };
	case SYS_symlinkat:
		return (struct name_args){ 1, 2 };
	case SYS_symlink:
		return (struct name_args){ -1, 1 };
	}
	return (struct name_args){ -1, 0 };
}

/* rename and link have two. */
static struct name_args second_name(u64 nr)
{
	if (nr == SYS_rename || nr == SYS_link)
		return (struct name_args){ -1, 1 };
	return (struct name_args){ 2, 3 };
}

static int dfd_of(struct call_model *m, struct name_args a)
{
	return a.dfd < 0 ? AT_FDCWD : (int)m->t->call.args[(int)a.dfd];
}

static u64 name_of(struct call_model *m, struct name_args a)
{
	static u64 (*const names[])(struct call_model *) = { name0, name1, name2, name3 };

	return names[(int)a.name](m);
}

static u64 dfd(struct call_model *m)
{
	return (u64)(s64)dfd_of(m, first_name(m->t->call.nr));
}

static u64 the_name(struct call_model *m)
{
	return name_of(m, first_name(m->t->call.nr));
}

static u64 the_string(struct call_model *m)
{
	return m->t->call.args[(int)first_name(m->t->call.nr).name];
}

static u64 dfd2(struct call_model *m)
{
	return (u64)(s64)dfd_of(m, second_name(m->t->call.nr));
}

static u64 name_2(struct call_model *m)
{
	return name_of(m, second_name(m->t->call.nr));
}

/* ---- the object, its directory ---- */

static void find(struct call_model *m, struct name_args a, enum memo dentry, enum memo dir,
		 enum memo parent)
{
	find_name(m, dfd_of(m, a), m->t->call.args[(int)a.name], dentry, dir, parent);
}

static u64 found(struct call_model *m, enum memo which)
{
	u64 v;

	if (!memo_get(m, MEMO_DENTRY, &v))
		find(m, first_name(m->t->call.nr), MEMO_DENTRY, MEMO_DIR, MEMO_PARENT);
	memo_get(m, which, &v);
	return v;
}

static u64 found2(struct call_model *m, enum memo which)
{
	u64 v;

	if (!memo_get(m, MEMO_TARGET, &v))
		find(m, second_name(m->t->call.nr), MEMO_TARGET, MEMO_TARGET_DIR,
		     MEMO_TARGET_PARENT);
	memo_get(m, which, &v);
	return v;
}

static u64 dentry(struct call_model *m)
{
	return found(m, MEMO_DENTRY);
}

static u64 dir(struct call_model *m)
{
	return found(m, MEMO_DIR);
}

static u64 parent(struct call_model *m)
{
	return found(m, MEMO_PARENT);
}

static u64 dentry2(struct call_model *m)
{
	return found2(m, MEMO_TARGET);
}

static u64 dir2(struct call_model *m)
{
	return found2(m, MEMO_TARGET_DIR);
}

static u64 parent2(struct call_model *m)
{
	return found2(m, MEMO_TARGET_PARENT);
}

static u64 delegated(struct call_model *m)
{
	u64 none = 0;

	return model_bytes(m, MEMO_INFO, &none, sizeof(none));
}

/* ---- removing ---- */

static bool removes_dir(struct call_model *m)
{
	return m->t->call.nr == SYS_rmdir || arg2(m) & AT_REMOVEDIR;
}

static bool removes_file(struct call_model *m)
{
	return m->t->call.nr == SYS_unlink || !(arg2(m) & AT_REMOVEDIR);
}

static bool unlinked(struct call_model *m)
{
	return call_succeeded(m) && removes_file(m);
}

static bool rmdired(struct call_model *m)
{
	return call_succeeded(m) && removes_dir(m);
}

#define UNLINK_STEPS(test, done)                                                                   \
	STEP(do_unlinkat, 1, STEP_ENTRY, test, call_ret, { dfd, the_name }),                       \
		STEP(security_path_unlink, 2, STEP_KEPT, done, NULL, { parent, dentry }),          \
		STEP(vfs_unlink_before_6_3, 2, STEP_KEPT, done, NULL,                              \
		     { idmap, dir, dentry, delegated }),                                           \
		STEP(vfs_unlink, 2, STEP_KEPT, done, NULL, { idmap, dir, dentry, delegated }),     \
		STEP(security_inode_unlink, 3, STEP_KEPT, done, NULL, { dir, dentry })

#define RMDIR_STEPS(test, done)                                                                    \
	STEP(do_rmdir, 1, STEP_ENTRY, test, call_ret, { dfd, the_name }),                          \
		STEP(security_path_rmdir, 2, STEP_KEPT, done, NULL, { parent, dentry }),           \
		STEP(vfs_rmdir_before_6_3, 2, STEP_KEPT, done, NULL, { idmap, dir, dentry }),      \
		STEP(vfs_rmdir, 2, STEP_KEPT, done, NULL, { idmap, dir, dentry }),                 \
		STEP(security_inode_rmdir, 3, STEP_KEPT, done, NULL, { dir, dentry })

static const struct step unlink_steps[] = { UNLINK_STEPS(NULL, call_succeeded) };
static const struct step rmdir_steps[] = { RMDIR_STEPS(NULL, call_succeeded) };
static const struct step unlinkat_steps[] = { UNLINK_STEPS(removes_file, unlinked),
					      RMDIR_STEPS(removes_dir, rmdired) };

/* ---- making ---- */

static u64 make_mode(struct call_model *m)
{
	return (u16)m->t->call.args[first_name(m->t->call.nr).name + 1];
}

static u64 make_perm(struct call_model *m)
{
	return make_mode(m) & 01777;
}

static u64 made_dentry(struct call_model *m)
{
	return visible(m->t->sys->profile, KVER(6, 15)) ? dentry(m) : 0;
}

static u64 device(struct call_model *m)
{
	return (u32)m->t->call.args[first_name(m->t->call.nr).name + 2];
}

/* new_decode_dev() */
static u64 node_device(struct call_model *m)
{
	u32 dev = (u32)device(m), type = (u32)make_mode(m) & S_IFMT;

	if (type != S_IFCHR && type != S_IFBLK)
		return 0;
	return (dev & 0xfff00) >> 8 << 20 | ((dev & 0xff) | (dev >> 12 & 0xfff00));
}

static u64 regular_mode(struct call_model *m)
{
	return (make_mode(m) & 07777) | S_IFREG;
}

static bool made_regular(struct call_model *m)
{
	u32 type = (u32)make_mode(m) & S_IFMT;

	return call_succeeded(m) && (!type || type == S_IFREG);
}

static bool made_special(struct call_model *m)
{
	return call_succeeded(m) && !made_regular(m);
}

static const struct step mknod_steps[] = {
	STEP(do_mknodat, 1, STEP_ENTRY, NULL, call_ret, { dfd, the_name, make_mode, device }),
	STEP(security_path_mknod, 2, STEP_KEPT, call_succeeded, NULL,
	     { parent, dentry, make_mode, device }),
	STEP(vfs_create_before_6_3, 2, STEP_KEPT, made_regular, NULL,
	     { idmap, dir, dentry, make_mode, value_one }),
	STEP(vfs_create, 2, STEP_KEPT, made_regular, NULL,
	     { idmap, dir, dentry, make_mode, value_one }),
	STEP(security_inode_create, 3, STEP_KEPT, made_regular, NULL,
	     { dir, dentry, regular_mode }),
	STEP(vfs_mknod_before_6_3, 2, STEP_KEPT, made_special, NULL,
	     { idmap, dir, dentry, make_mode, node_device }),
	STEP(vfs_mknod, 2, STEP_KEPT, made_special, NULL,
	     { idmap, dir, dentry, make_mode, node_device }),
	STEP(security_inode_mknod, 3, STEP_KEPT, made_special, NULL,
	     { dir, dentry, make_mode, node_device }),
};

static const struct step mkdir_steps[] = {
	STEP(do_mkdirat, 1, STEP_ENTRY, NULL, call_ret, { dfd, the_name, make_mode }),
	STEP(security_path_mkdir, 2, STEP_KEPT, call_succeeded, NULL,
	     { parent, dentry, make_mode }),
	STEP(vfs_mkdir_before_6_3, 2, STEP_KEPT, call_succeeded, NULL,
	     { idmap, dir, dentry, make_mode }),
	STEP(vfs_mkdir_before_6_15, 2, STEP_KEPT, call_succeeded, NULL,
	     { idmap, dir, dentry, make_mode }),
	STEP(vfs_mkdir, 2, STEP_KEPT, call_succeeded, made_dentry,
	     { idmap, dir, dentry, make_mode }),
	STEP(security_inode_mkdir, 3, STEP_KEPT, call_succeeded, NULL, { dir, dentry, make_perm }),
};

static u64 old_name(struct call_model *m)
{
	return world_field(m->t->sys, name0(m), "iname");
}

static const struct step symlink_steps[] = {
	STEP(do_symlinkat, 1, STEP_ENTRY, NULL, call_ret, { name0, dfd, the_name }),
	STEP(security_path_symlink, 2, STEP_KEPT, call_succeeded, NULL,
	     { parent, dentry, old_name }),
	STEP(vfs_symlink_before_6_3, 2, STEP_KEPT, call_succeeded, NULL,
	     { idmap, dir, dentry, old_name }),
	STEP(vfs_symlink, 2, STEP_KEPT, call_succeeded, NULL, { idmap, dir, dentry, old_name }),
	STEP(security_inode_symlink, 3, STEP_KEPT, call_succeeded, NULL, { dir, dentry, old_name }),
};

static u64 link_flags(struct call_model *m)
{
	return m->t->call.nr == SYS_linkat ? int4(m) : 0;
}

static const struct step link_steps[] = {
	STEP(do_linkat, 1, STEP_ENTRY, NULL, call_ret, { dfd, the_name, dfd2, name_2, link_flags }),
	STEP(security_path_link, 2, STEP_KEPT, call_succeeded, NULL, { dentry, parent2, dentry2 }),
	STEP(vfs_link_before_6_3, 2, STEP_KEPT, call_succeeded, NULL,
	     { dentry, idmap, dir2, dentry2, delegated }),
	STEP(vfs_link, 2, STEP_KEPT, call_succeeded, NULL,
	     { dentry, idmap, dir2, dentry2, delegated }),
	STEP(security_inode_link, 3, STEP_KEPT, call_succeeded, NULL, { dentry, dir2, dentry2 }),
};

/* ---- renaming ---- */

static u64 rename_flags(struct call_model *m)
{
	return m->t->call.nr == SYS_renameat2 ? (u32)arg4(m) : 0;
}

static u64 renamedata(struct call_model *m)
{
	struct skep_system *sys = m->t->sys;
	u64 at;

	if (memo_get(m, MEMO_RENAME, &at))
		return at;
	at = model_temp(m, MEMO_RENAME, "struct renamedata");
	world_set(sys, at, "old_dir", dir(m));
	world_set(sys, at, "old_parent", dir(m));
	world_set(sys, at, "old_dentry", dentry(m));
	world_set(sys, at, "new_dir", dir2(m));
	world_set(sys, at, "new_dentry", dentry2(m));
	world_set(sys, at, "flags", rename_flags(m));
	return at;
}

/* An exchange asks the hooks for both ways. */
static bool renamed(struct call_model *m)
{
	return call_succeeded(m) && !(rename_flags(m) & 2);
}

static const struct step rename_steps[] = {
	STEP(do_renameat2, 1, STEP_ENTRY, NULL, call_ret,
	     { dfd, the_name, dfd2, name_2, rename_flags }),
	STEP(security_path_rename, 2, STEP_KEPT, renamed, NULL,
	     { parent, dentry, parent2, dentry2, rename_flags }),
	STEP(vfs_rename, 2, STEP_KEPT, call_succeeded, NULL, { renamedata }),
	STEP(security_inode_rename, 3, STEP_KEPT, renamed, NULL,
	     { dir, dentry, dir2, dentry2, rename_flags }),
};

/* ---- asking and changing ---- */

static u64 kstat(struct call_model *m)
{
	return model_temp(m, MEMO_STAT, "struct kstat");
}

/* Flags as vfs_fstatat() is given them. */
static u64 stat_flags(struct call_model *m)
{
	switch (m->t->call.nr) {
	case SYS_lstat:
		return AT_SYMLINK_NOFOLLOW;
	case SYS_newfstatat:
		return int3(m);
	}
	return 0;
}

static u64 statx_flags(struct call_model *m)
{
	return m->t->call.nr == SYS_statx ? int2(m) : stat_flags(m) | AT_NO_AUTOMOUNT;
}

static u64 statx_mask(struct call_model *m)
{
	return m->t->call.nr == SYS_statx ? (u32)arg3(m) : STATX_BASIC_STATS;
}

static bool empty_name(struct call_model *m)
{
	char c = 1;
	u64 at = the_string(m);

	return !at || (!task_read(m->t, &c, at, 1) && !c);
}

/* Since 6.11 the descriptor alone is looked at. */
static bool by_descriptor(struct call_model *m)
{
	u64 flags = m->t->call.nr == SYS_statx ?
			    statx_flags(m) & ~(u64)(AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE) :
			    stat_flags(m);

	return visible(m->t->sys->profile, KVER(6, 11)) && flags == AT_EMPTY_PATH &&
	       (int)dfd(m) >= 0 && empty_name(m);
}

static bool by_name(struct call_model *m)
{
	return !by_descriptor(m);
}

static bool fstat_inside(struct call_model *m)
{
	return by_descriptor(m) && m->t->call.nr != SYS_statx;
}

static u64 stat_path(struct call_model *m)
{
	char path[4096];
	bool follow = !(statx_flags(m) & AT_SYMLINK_NOFOLLOW);
	u64 at;

	if (memo_get(m, MEMO_PATH, &at))
		return at;
	if (m->t->call.nr == SYS_fstat || empty_name(m)) {
		int fd = m->t->call.nr == SYS_fstat ? (int)arg0(m) : (int)dfd(m);

		at = fd == AT_FDCWD ? world_path(m->t, fd, ".", true) :
				      world_field(m->t->sys, world_file(m->t, fd), "f_path");
	} else if (task_read_str(m->t, path, the_string(m), sizeof(path)) > 1) {
		at = world_path(m->t, (int)dfd(m), path, follow);
	}
	return memo_set(m, MEMO_PATH, at);
}

static u64 query_flags(struct call_model *m)
{
	if (m->t->call.nr == SYS_fstat || fstat_inside(m))
		return 0;
	return statx_flags(m);
}

#define GETATTR_STEPS(depth)                                                                       \
	STEP(vfs_getattr, depth, STEP_EXIT, call_succeeded, NULL,                                  \
	     { stat_path, kstat, statx_mask, query_flags }),                                       \
		STEP(security_inode_getattr, depth + 1, STEP_EXIT, call_succeeded, NULL,           \
		     { stat_path })

static const struct step stat_steps[] = {
	STEP(vfs_fstatat, 1, STEP_ENTRY, NULL, call_ret, { dfd, the_string, kstat, stat_flags }),
	STEP(vfs_statx, 2, STEP_ENTRY, NULL, call_ret,
	     { dfd, the_name, statx_flags, kstat, statx_mask }),
	GETATTR_STEPS(3),
};

static const struct step newfstatat_steps[] = {
	STEP(vfs_fstatat, 1, STEP_ENTRY, NULL, call_ret, { dfd, the_string, kstat, stat_flags }),
	STEP(vfs_fstat, 2, STEP_ENTRY, fstat_inside, call_ret, { dfd, kstat }),
	STEP(vfs_statx, 2, STEP_ENTRY, by_name, call_ret,
	     { dfd, the_name, statx_flags, kstat, statx_mask }),
	GETATTR_STEPS(3),
};

static const struct step statx_steps[] = {
	STEP(vfs_statx, 1, STEP_ENTRY, by_name, call_ret,
	     { dfd, the_name, statx_flags, kstat, statx_mask }),
	GETATTR_STEPS(2),
};

static const struct step fstat_steps[] = {
	STEP(vfs_fstat, 1, STEP_ENTRY, NULL, call_ret, { int0, kstat }),
	GETATTR_STEPS(2),
};

static u64 access_mode(struct call_model *m)
{
	return as_int(m->t->call.args[first_name(m->t->call.nr).name + 1]);
}

static u64 access_flags(struct call_model *m)
{
	return m->t->call.nr == 439 ? int3(m) : 0; /* faccessat2 */
}

static const struct step access_steps[] = {
	STEP(do_faccessat_before_6_18, 1, STEP_ENTRY, NULL, call_ret,
	     { dfd, the_string, access_mode, access_flags }),
	STEP(do_faccessat, 1, STEP_ENTRY, NULL, call_ret,
	     { dfd, the_string, access_mode, access_flags }),
};

static u64 link_buffer(struct call_model *m)
{
	return m->t->call.args[first_name(m->t->call.nr).name + 1];
}

static u64 link_size(struct call_model *m)
{
	return as_int(m->t->call.args[first_name(m->t->call.nr).name + 2]);
}

static u64 link_dentry(struct call_model *m)
{
	char path[4096];

	if (task_read_str(m->t, path, the_string(m), sizeof(path)) < 0)
		return 0;
	return world_dentry(m->t, (int)dfd(m), path, false);
}

static bool link_read(struct call_model *m)
{
	return call_succeeded(m) && !empty_name(m);
}

static const struct step readlink_steps[] = {
	STEP(do_readlinkat, 1, STEP_ENTRY, NULL, call_ret,
	     { dfd, the_string, link_buffer, link_size }),
	STEP(security_inode_readlink, 2, STEP_EXIT, link_read, NULL, { link_dentry }),
};

const struct call_path *name_path(u32 nr)
{
	static const struct call_path unlink_path = PATH(unlink_steps),
				      rmdir_path = PATH(rmdir_steps),
				      unlinkat_path = PATH(unlinkat_steps),
				      mkdir_path = PATH(mkdir_steps),
				      mknod_path = PATH(mknod_steps),
				      symlink_path = PATH(symlink_steps),
				      link_path = PATH(link_steps),
				      rename_path = PATH(rename_steps),
				      stat_call_path = PATH(stat_steps),
				      newfstatat_path = PATH(newfstatat_steps),
				      statx_path = PATH(statx_steps),
				      fstat_path = PATH(fstat_steps),
				      access_path = PATH(access_steps),
				      readlink_path = PATH(readlink_steps);

	switch (nr) {
	case SYS_unlink:
		return &unlink_path;
	case SYS_rmdir:
		return &rmdir_path;
	case SYS_unlinkat:
		return &unlinkat_path;
	case SYS_mkdir:
	case SYS_mkdirat:
		return &mkdir_path;
	case SYS_mknod:
	case SYS_mknodat:
		return &mknod_path;
	case SYS_symlink:
	case SYS_symlinkat:
		return &symlink_path;
	case SYS_link:
	case SYS_linkat:
		return &link_path;
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
		return &rename_path;
	case SYS_stat:
	case SYS_lstat:
		return &stat_call_path;
	case SYS_newfstatat:
		return &newfstatat_path;
	case SYS_statx:
		return &statx_path;
	case SYS_fstat:
		return &fstat_path;
	case SYS_access:
	case SYS_faccessat:
	case 439: /* faccessat2 */
		return &access_path;
	case SYS_readlink:
	case SYS_readlinkat:
		return &readlink_path;
	}
	return NULL;
}
