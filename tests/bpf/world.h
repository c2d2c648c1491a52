/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What world.bpf.c is asked and answers. */
#ifndef TESTS_BPF_WORLD_H
#define TESTS_BPF_WORLD_H

#define WORLD_FILES 4
#define WORLD_SOCKS 4

struct world_ask {
	int fd[WORLD_FILES], sock[WORLD_SOCKS]; /* -1: none */
	int mounts, signal;
	unsigned long long ns_dev, ns_ino;
};

/* The value to be shown by bpf_snprintf_btf(), and its text. */
#define WORLD_BYTES 1024
#define WORLD_TEXT  16384

struct world_show {
	unsigned char bytes[WORLD_BYTES];
	unsigned int type_id, size; /* .size: of the buffer */
	unsigned long long flags;
	long long ret;
	char text[WORLD_TEXT];
};

struct world_file {
	unsigned long long ino, pos, size, magic, blocksize, blocks;
	unsigned int flags, mode, i_mode, uid, nlink, rdev, blkbits, dev, blocksize_bits;
	unsigned int same_inode, same_sb, name_len;
	unsigned int mnt_id, mnt_flags, parent_mnt_id;
	char name[64], dir[64], fs[16], sb_id[32], devname[64], mountpoint[64];
};

struct world_sock {
	unsigned int state, type, same_file, same_socket, family, sk_type, protocol, sk_state;
	unsigned int dport, num, bound, reuse, reuseport, v6only, net, rcvbuf, sndbuf, rcvlowat;
	unsigned int mark, priority, uid, daddr, saddr, inet_saddr, inet_sport;
	unsigned int cwnd, mss, segs_out;
	unsigned long long bytes_sent, bytes_acked;
	unsigned char daddr6[16], saddr6[16];
};

struct world_answer {
	unsigned int pid, tgid, parent_pid, parent_tgid, grandparent, leader, flags;
	unsigned int prio, static_prio, normal_prio, policy, rt_priority;
	unsigned int exit_code, exit_signal, sessionid, loginuid, nr_cpus_allowed;
	unsigned int uid, euid, gid, user_ns, uts_ns, ipc_ns, mnt_ns, pid_ns, net_ns, cgroup_ns;
	unsigned int nr_threads, oom_score_adj, pid_nr, pgrp_nr, session_nr, cgroup_level;
	int under[6]; /* cgroups */
	unsigned int umask, same_task, max_fds, ns_err, ns_pid, ns_tgid, ns_wrong, signal_err;
	unsigned long long start_time, start_boottime, nofile, stack_limit, cgroup_id;
	unsigned long long helper_cgroup_id, helper_root_id, root_ino;
	unsigned long long start_code, end_code, start_data, end_data, start_brk, start_stack;
	unsigned long long arg_start, arg_end, env_start, env_end, exe_ino;
	char comm[16], parent_comm[16], cgroup_name[64], exe_name[64], cwd[64];
	struct world_file file[WORLD_FILES];
	struct world_sock sock[WORLD_SOCKS];
};

#endif
