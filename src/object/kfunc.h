/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions that programs call by BTF id (Linux: BTF_KFUNCS_START() sets and
 * their registration). Rows of tables/kfuncs.def; their prototypes come from the
 * kernel's BTF, so a function exists for programs only where that BTF has it.
 *
 * A row that is DONE or PARTIAL names its function by its name: kfunc_<name>, of type
 * bpf_helper_t. The verifier gives some of them more than the program passes: see
 * BPF_KFUNC() in src/helper/helper.h.
 */
#ifndef SKEP_OBJECT_KFUNC_H
#define SKEP_OBJECT_KFUNC_H

#include "object/prog.h"

/* Numbers of the rows, for the rules that speak of one function. */
enum kfunc_id {
	KFUNC_NONE,
#define KFUNC(name, ...) KFUNC_##name,
#include "tables/kfuncs.def"
#undef KFUNC
	KFUNC_MAX,
};

#define KF_ACQUIRE	 BIT(0)
#define KF_RELEASE	 BIT(1)
#define KF_RET_NULL	 BIT(2)
#define KF_KPTR_GET	 BIT(3) /* until 6.3 */
#define KF_TRUSTED_ARGS	 BIT(4)
#define KF_SLEEPABLE	 BIT(5)
#define KF_DESTRUCTIVE	 BIT(6)
#define KF_RCU		 BIT(7)
#define KF_ITER_NEW	 BIT(8)
#define KF_ITER_NEXT	 BIT(9)
#define KF_ITER_DESTROY	 BIT(10)
#define KF_RCU_PROTECTED BIT(11)
#define KF_FASTCALL	 BIT(12)
#define KF_ARENA_RET	 BIT(13)
#define KF_ARENA_ARG1	 BIT(14)
#define KF_ARENA_ARG2	 BIT(15)
#define KF_IMPLICIT_ARGS BIT(16)

struct bpf_kfunc {
	enum kfunc_id id;  /* of an alias: of the function that it stands for */
	enum kfunc_id row; /* its own */
	const char *name;
	kver since;
	u32 flags;	   /* KF_* */
	bpf_helper_t func; /* NULL: skep has no implementation */
};

/* Fills *@out with row @name; false: no row. */
bool bpf_kfunc_find(const char *name, struct bpf_kfunc *out);
/* Whether a program of @prog_type may call it in @profile: by the sets that list it. */
bool bpf_kfunc_allowed(enum kfunc_id row, u32 prog_type, kver profile);

#endif
