/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What pins.c (walking the tree) and pins_fs.c (the calls) share. */
#ifndef SKEP_OBJECT_PINS_TREE_H
#define SKEP_OBJECT_PINS_TREE_H

#include <limits.h>
#include <time.h>

#include "object/pins.h"

enum pin_kind { PIN_DIR, PIN_OBJECT, PIN_SYMLINK, PIN_MAPS_DEBUG, PIN_PROGS_DEBUG };

/* What names refer to; hard links are several names of one. */
struct pin_inode {
	enum pin_kind kind;
	u32 mode; /* with S_IFMT */
	u32 uid, gid, nlink;
	u64 ino;
	struct timespec mtime, ctime;
	struct object *object; /* PIN_OBJECT */
	char *target;	       /* PIN_SYMLINK */
};

struct pin_node {
	struct pin_node *parent; /* of a root: itself */
	struct pin_node *next;	 /* in the parent's list */
	struct pin_node *first;	 /* PIN_DIR: entries, the newest first */
	struct pin_inode *inode;
	char name[NAME_MAX + 1];
};

struct pin_mount {
	struct pin_mount *next; /* the newest first: it hides older ones of the same path */
	struct pin_node *root;
	char *shadow;	  /* path of the real folder that stands for the root; NULL: not yet */
	u32 shadow_maker; /* generation of the process that made it, and removes it */
	u64 userns;	  /* in which it was made; 0: the first */
	struct delegation delegate;
	char *path; /* absolute, without "." and ".." */
};

struct pins {
	struct pin_mount *mounts;
	u64 last_ino;
};

/* The tree of @sys, made at first use; NULL: out of memory. sys->lock is held. */
struct pins *pins_of(struct skep_system *sys);

/* Where a path ends. */
struct pin_place {
	struct pin_node *dir;  /* the folder of the last name; of a root: itself */
	struct pin_node *node; /* NULL: no such name */
	char name[NAME_MAX + 1];
	enum { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT } last;
	bool slash; /* the path ends in one */
	const struct pin_mount *mount;
};

/*
 * Looks @path up. 0 also when the last name does not exist but could (->node NULL); else what
 * path_lookupat() says: -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG, -EPERM (a dot in a name).
 */
int pin_walk(struct skep_system *sys, const struct pin_who *who, const char *path, bool follow,
	     struct pin_place *at);
/* The same for what must exist. */
int pin_find(struct skep_system *sys, const struct pin_who *who, const char *path, bool follow,
	     struct pin_place *at);
/* @want: or-ed R_OK, W_OK, X_OK. 0 or -EACCES. */
int pin_permission(const struct pin_who *who, const struct pin_inode *inode, int want);
/* Whether the name may be put into at->dir: 0, -EEXIST, -ENOENT, -EACCES. */
int pin_may_create(const struct pin_who *who, const struct pin_place *at, bool folder);

/* A new inode without names, or NULL. */
struct pin_inode *pin_inode_new(struct pins *pins, const struct pin_who *who,
				const struct pin_node *dir, enum pin_kind kind, u32 mode);
/* A name of @inode in @dir (NULL: a root). NULL: out of memory, and @inode without names is freed. */
struct pin_node *pin_node_new(struct pins *pins, struct pin_node *dir, const char *name,
			      struct pin_inode *inode);
/* Takes the name away; frees what has no other. */
void pin_node_remove(struct pins *pins, struct pin_node *node);
void pin_node_unlist(struct pin_node *node);
void pin_node_list(struct pin_node *dir, struct pin_node *node);
void pin_touch(struct pin_inode *inode);

/* ---- pins_shadow.c: real folders with the tree's names ---- */

/* A descriptor of the folder that stands for @dir, or -errno. */
int pin_shadow_open(struct pins *pins, const struct pin_node *dir);
/* @node has got its name, or is about to lose it (and has no entries): where there are shadows. */
void pin_shadow_add(struct pins *pins, const struct pin_node *node);
void pin_shadow_del(struct pins *pins, const struct pin_node *node);
/* The folder of @m for which the one that has @st stands, or NULL. */
const struct pin_node *pin_shadow_find(const struct pin_mount *m, const struct stat *st);
/* Path of @node, an entry of @m, below @start. False: too long. */
bool pin_path(const struct pin_mount *m, const struct pin_node *node, const char *start, char *buf,
	      size_t size);

#endif
