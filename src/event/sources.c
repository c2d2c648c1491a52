/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The sources of process events, in the order of entry events. One line here for
 * each: its declaration is beside its name.
 */
#include "event/process.h"

extern const struct process_source cgroup_sock_source;	/* cgroup_sock.c */
extern const struct process_source cgroup_opt_source;	/* cgroup_opt.c */
extern const struct process_source cgroup_file_source;	/* cgroup_file.c */
extern const struct process_source cgroup_source;	/* cgroup.c */
extern const struct process_source syscall_source;	/* syscall.c */
extern const struct process_source function_source;	/* function.c */
extern const struct process_source lsm_source;		/* lsm.c */
extern const struct process_source lsm_address_source;	/* lsm.c */
extern const struct process_source tcp_source;		/* tcp.c */
extern const struct process_source reuseport_source;	/* reuseport_call.c */
extern const struct process_source sockmap_source;	/* sockmap.c */
extern const struct process_source sock_storage_source; /* sock_storage.c */
extern const struct process_source sched_source;	/* sched.c */
extern const struct process_source signal_source;	/* signal.c */
extern const struct process_source task_work_source;	/* task_work.c */

const struct process_source *const process_sources[] = {
	&cgroup_source,	      &syscall_source,	  &lsm_source,
	&function_source,     &tcp_source,	  &signal_source,
	&sched_source,	      &uprobe_source,	  &perf_source,
	&cgroup_sock_source,  &cgroup_opt_source, &cgroup_file_source,
	&lsm_address_source,  &reuseport_source,  &sockmap_source,
	&sock_storage_source, &task_work_source,  NULL,
};
