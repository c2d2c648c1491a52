/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tokens, as a container's manager and its payload use them: a child in a user namespace of its own
 * opens a BPF file system, its parent sets what is delegated and hands the mount back, and the child
 * tells what it may do with a token and what without. Prints each answer; who runs it compares.
 */
#ifndef _GNU_SOURCE /* also built with skep's own flags */
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOKEN_CREATE 36
#define TOKEN_FD     (1U << 16)

/* The attributes as they have been since 6.9: the headers may be older. */
struct map_attr {
	__u32 type, key, value, entries, flags, inner, node;
	char name[16];
	__u32 ifindex, btf_fd, btf_key, btf_value, vmlinux_value;
	__u64 extra;
	__s32 btf_obj_fd, token_fd;
} __attribute__((aligned(8)));
struct prog_attr {
	__u32 type, insn_cnt;
	__u64 insns, license;
	__u32 log_level, log_size;
	__u64 log_buf;
	__u32 kern_version, flags;
	char name[16];
	__u32 ifindex, attach_type, btf_fd, func_size;
	__u64 func_info;
	__u32 func_cnt, line_size;
	__u64 line_info;
	__u32 line_cnt, attach_btf_id, attach_fd, core_cnt;
	__u64 fd_array, core;
	__u32 core_size, log_true_size;
	__s32 token_fd;
} __attribute__((aligned(8)));
struct btf_attr {
	__u64 btf, log;
	__u32 size, log_size, log_level, log_true_size, flags;
	__s32 token_fd;
} __attribute__((aligned(8)));
struct token_attr {
	__u32 flags, fd;
};
struct token_info {
	__u64 cmds, maps, progs, attachs;
};
struct info_attr {
	__u32 fd, len;
	__u64 info;
};
struct id_attr {
	__u32 id, next, flags;
	__s32 token_fd;
};

static const char *who;
static int asked; /* by "denied": what security modules refuse */

static int say(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s: %s\n", who, what, strerrorname_np(errno));
	else
		printf("%s: %s: ok\n", who, what);
	fflush(stdout);
	return (int)result;
}

static long bpf(int cmd, void *attr, unsigned size)
{
	return syscall(SYS_bpf, cmd, attr, size);
}

static int token_create(int fd, unsigned flags)
{
	struct token_attr a = { flags, (unsigned)fd };

	return (int)bpf(TOKEN_CREATE, &a, sizeof(a));
}

static void map(const char *what, unsigned type, unsigned key, unsigned value, int token, int use)
{
	struct map_attr a = { .type = type, .key = key, .value = value, .entries = 4 };

	if (use) {
		a.flags = TOKEN_FD;
		a.token_fd = token;
	}
	close(say(what, bpf(BPF_MAP_CREATE, &a, sizeof(a))));
}

static int prog_load(unsigned type, unsigned attach, int token, int use, int leak)
{
	/* r0 = 0 or r10, which only who may see pointers may give back; exit */
	struct bpf_insn insns[] = {
		{ .code = leak ? 0xbf : 0xb7, .src_reg = leak ? 10 : 0 },
		{ .code = 0x95 },
	};
	struct prog_attr a = { .type = type,
			       .insn_cnt = 2,
			       .insns = (unsigned long)insns,
			       .license = (unsigned long)"GPL",
			       .attach_type = attach };

	if (use) {
		a.flags = TOKEN_FD;
		a.token_fd = token;
	}
	return (int)bpf(BPF_PROG_LOAD, &a, sizeof(a));
}

static void prog(const char *what, unsigned type, unsigned attach, int token, int use, int leak)
{
	close(say(what, prog_load(type, attach, token, use, leak)));
}

static void btf(const char *what, int token, int use)
{
	static const struct {
		__u16 magic;
		__u8 version, flags;
		__u32 hdr_len, type_off, type_len, str_off, str_len, type[4];
		char strings[8];
	} data = { 0xeb9f, 1, 0, 24, 0, 16, 16, 8, { 1, 1U << 24, 4, 32 | 1U << 24 }, "\0int" };
	struct btf_attr a = { .btf = (unsigned long)&data, .size = sizeof(data) };

	if (use) {
		a.flags = TOKEN_FD;
		a.token_fd = token;
	}
	close(say(what, bpf(BPF_BTF_LOAD, &a, sizeof(a))));
}

static void btf_by_id(const char *what, int token, int use)
{
	struct id_attr a = { .id = 1, .flags = use ? TOKEN_FD : 0, .token_fd = use ? token : 0 };

	close(say(what, bpf(BPF_BTF_GET_FD_BY_ID, &a, sizeof(a))));
}

static __u32 set_caps(__u32 low, __u32 high, __u32 *old_high)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];
	__u32 before;

	syscall(SYS_capget, &h, d);
	before = d[0].effective;
	*old_high = d[1].effective;
	d[0].effective = low & d[0].permitted;
	d[1].effective = high & d[1].permitted;
	syscall(SYS_capset, &h, d);
	return before;
}

static void pass(int sock, int fd)
{
	char byte = 0, room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(sock, &m, 0);
}

static int get(int sock)
{
	char byte, room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
	};
	int fd = -1;

	if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

static long set(int fs, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0);
}

static void show_fdinfo(int fd)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "allowed_", 8))
			printf("%s: %s", who, line);
	if (f)
		fclose(f);
}

static void use(int root)
{
	struct token_info info = { 0 };
	struct info_attr ia = { .len = sizeof(info), .info = (unsigned long)&info };
	__u32 low, high, ignore;
	int t;

	say("token, flags", token_create(root, 1));
	t = say("token", token_create(root, 0));
	show_fdinfo(t);
	ia.fd = (unsigned)t;
	if (!say("info", bpf(BPF_OBJ_GET_INFO_BY_FD, &ia, sizeof(ia))))
		printf("%s: %llx %llx %llx %llx, %u\n", who, info.cmds, info.maps, info.progs,
		       info.attachs, ia.len);
	map("stack without token", BPF_MAP_TYPE_STACK, 0, 8, 0, 0);
	map("stack by token", BPF_MAP_TYPE_STACK, 0, 8, t, 1);
	map("hash by token", BPF_MAP_TYPE_HASH, 4, 8, t, 1);
	map("queue, not delegated", BPF_MAP_TYPE_QUEUE, 0, 8, t, 1);
	map("stack by no descriptor", BPF_MAP_TYPE_STACK, 0, 8, 999, 1);
	map("stack by a folder", BPF_MAP_TYPE_STACK, 0, 8, root, 1);
	map("bad sizes by no descriptor", BPF_MAP_TYPE_STACK, 4, 8, 999, 1);
	prog("xdp without token", BPF_PROG_TYPE_XDP, BPF_XDP, 0, 0, 0);
	prog("xdp by token", BPF_PROG_TYPE_XDP, BPF_XDP, t, 1, 0);
	prog("leak by token", BPF_PROG_TYPE_XDP, BPF_XDP, t, 1, 1);
	prog("xdp, attach type not delegated", BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP, t, 1, 0);
	prog("kprobe, not delegated", BPF_PROG_TYPE_KPROBE, 0, t, 1, 0);
	prog("xdp by no descriptor", BPF_PROG_TYPE_XDP, BPF_XDP, 999, 1, 0);
	prog("xdp by a folder", BPF_PROG_TYPE_XDP, BPF_XDP, root, 1, 0);
	btf("btf without token", 0, 0);
	btf("btf by token", t, 1);
	btf("btf by no descriptor", 999, 1);
	btf_by_id("btf id without token", 0, 0);
	btf_by_id("btf id by token", t, 1);
	/* The token and the capability in the namespace: one alone is not enough. */
	low = set_caps(~(1U << CAP_SYS_ADMIN | 1U << CAP_NET_ADMIN), 0, &high);
	map("stack by token, no capability", BPF_MAP_TYPE_STACK, 0, 8, t, 1);
	prog("xdp by token, no capability", BPF_PROG_TYPE_XDP, BPF_XDP, t, 1, 0);
	btf("btf by token, no capability", t, 1);
	say("token, no capability", token_create(root, 0));
	set_caps(~(1U << CAP_SYS_ADMIN | 1U << CAP_NET_ADMIN), high, &ignore);
	map("stack by token, CAP_BPF", BPF_MAP_TYPE_STACK, 0, 8, t, 1);
	prog("xdp by token, no CAP_NET_ADMIN", BPF_PROG_TYPE_XDP, BPF_XDP, t, 1, 0);
	btf_by_id("btf id by token, no CAP_SYS_ADMIN", t, 1);
	set_caps(low, high, &ignore);
	close(root);
	map("stack by token, root closed", BPF_MAP_TYPE_STACK, 0, 8, t, 1);
	close(t);
}

/* Security modules refuse by the caller's name (tests/bpf/token_lsm.bpf.c). */
static void denied(int root)
{
	static const char *const names[] = { "allow",	  "deny-token", "deny-bpf",
					     "deny-net",  "deny-cmd",	"deny-create",
					     "deny-load", "deny-map",	"deny-prog" };
	int t = say("token", token_create(root, 0));

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		prctl(PR_SET_NAME, names[i]);
		who = names[i];
		close(say("token", token_create(root, 0)));
		map("stack by token", BPF_MAP_TYPE_STACK, 0, 8, t, 1);
		map("hash by token", BPF_MAP_TYPE_HASH, 4, 8, t, 1);
		prog("xdp by token", BPF_PROG_TYPE_XDP, BPF_XDP, t, 1, 0);
		btf("btf by token", t, 1);
		btf_by_id("btf id by token", t, 1);
	}
}

static int child(int sock)
{
	const char *const none[] = { "delegate_cmds", "delegate_maps", "delegate_progs",
				     "delegate_attachs" };
	int fs, plain, mnt, root;

	if (unshare(CLONE_NEWUSER))
		return 1;
	write_to("/proc/self/setgroups", "deny");
	write_to("/proc/self/uid_map", "0 0 1");
	write_to("/proc/self/gid_map", "0 0 1");
	if (unshare(CLONE_NEWNS))
		return 1;
	fs = say("fsopen", syscall(SYS_fsopen, "bpf", 0));
	for (int i = 0; i < 4; i++)
		say(none[i], set(fs, none[i], "any"));
	say("nothing", set(fs, "delegate_cmds", "0"));
	pass(sock, fs);
	mnt = get(sock);
	if (mnt < 0)
		return 1;
	root = say("open", openat(mnt, ".", O_RDONLY));
	if (asked) {
		denied(root);
		return 0;
	}
	plain = say("pick", syscall(SYS_fspick, mnt, "", FSPICK_EMPTY_PATH));
	say("more for a picked one", set(plain, "delegate_cmds", "any"));
	close(plain);
	mkdirat(root, "below", 0755);
	plain = openat(root, "below", O_RDONLY);
	say("token by a folder below", token_create(plain, 0));
	close(plain);
	say("token by /", token_create(open("/", O_RDONLY), 0));
	say("token by nothing", token_create(999, 0));
	use(root);

	fs = say("fsopen", syscall(SYS_fsopen, "bpf", 0));
	say("create", syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	plain = say("fsmount", syscall(SYS_fsmount, fs, 0, 0));
	say("token of a mount without delegation", token_create(openat(plain, ".", O_RDONLY), 0));
	return 0;
}

static void options(void)
{
	static const char *const cases[][2] = {
		{ "delegate_cmds", "any" },
		{ "delegate_cmds", "ANY" },
		{ "delegate_cmds", "0x5" },
		{ "delegate_cmds", "Map_Create" },
		{ "delegate_cmds", "BPF_MAP_CREATE" },
		{ "delegate_cmds", "" },
		{ "delegate_cmds", "map_create:prog_load" },
		{ "delegate_cmds", "map_create:" },
		{ "delegate_cmds", "prog_run" },
		{ "delegate_cmds", "prog_load:0x1" },
		{ "delegate_cmds", "0x1:prog_load" },
		{ "delegate_cmds", "0x10000000000000000" },
		{ "delegate_cmds", "-1" },
		{ "delegate_cmds", "+5" },
		{ "delegate_cmds", "08" },
		{ "delegate_cmds", "5 " },
		{ "delegate_maps", "hash:array" },
		{ "delegate_maps", "xdp" },
		{ "delegate_progs", "xdp:kprobe" },
		{ "delegate_progs", "hash" },
		{ "delegate_attachs", "trace_fentry:perf_event" },
		{ "delegate_attachs", "cgroup_inet_ingress" },
		{ "mode", "9" },
		{ "uid", "x" },
		{ "no_such_option", "1" },
	};
	char line[4096], *at;
	int fs, mnt;
	FILE *f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		printf("%s=%s ", cases[i][0], cases[i][1]);
		fs = (int)syscall(SYS_fsopen, "bpf", 0);
		if (!say("set", set(fs, cases[i][0], cases[i][1]))) {
			syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
			mnt = (int)syscall(SYS_fsmount, fs, 0, 0);
			say("move", syscall(SYS_move_mount, mnt, "", AT_FDCWD, "/mnt",
					    MOVE_MOUNT_F_EMPTY_PATH));
			f = fopen("/proc/self/mounts", "r");
			while (f && fgets(line, sizeof(line), f))
				if (strstr(line, " /mnt bpf ") && (at = strstr(line, ",delegate")))
					fputs(at, stdout);
			if (f)
				fclose(f);
			close(fs);
			fs = -1;
			close(mnt);
			say("umount", umount2("/mnt", 0));
		}
		close(fs);
	}
}

/* Who holds every capability everywhere needs nobody. */
static int alone(void)
{
	int fs, t;

	who = "alone";
	map("hash", BPF_MAP_TYPE_HASH, 4, 8, 0,
	    0); /* from now on there is a system, with a first namespace */
	if (unshare(CLONE_NEWUSER))
		return 1;
	if (say("mount",
		mount("bpf", "/mnt", "bpf", 0, "delegate_cmds=any,delegate_maps=stack:hash")))
		return 1;
	t = say("token", token_create(open("/mnt", O_RDONLY), 0));
	map("stack by token", BPF_MAP_TYPE_STACK, 0, 8, t, 1);
	fs = (int)syscall(SYS_fsopen, "bpf", 0);
	set(fs, "delegate_progs", "xdp");
	syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	fs = (int)syscall(SYS_fsmount, fs, 0, 0);
	close(say("token by fsmount", token_create(openat(fs, ".", O_RDONLY), 0)));
	return 0;
}

int main(int argc, char **argv)
{
	int socks[2], fs, mnt, status;
	pid_t pid;

	asked = argc > 1 && !strcmp(argv[1], "denied");
	if (argc > 1 && !asked)
		return alone();
	who = "parent";
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 77;
	if (!asked)
		options();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, socks))
		return 1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(socks[0]);
		who = "child";
		status = child(socks[1]);
		fflush(stdout);
		_exit(status);
	}
	close(socks[1]);
	fs = get(socks[0]);
	say("fsmount too early", syscall(SYS_fsmount, fs, 0, 0));
	say("cmds", set(fs, "delegate_cmds", "map_create:prog_load:btf_load:btf_get_fd_by_id"));
	say("maps", set(fs, "delegate_maps", "stack:hash"));
	say("progs", set(fs, "delegate_progs", "xdp"));
	say("attachs", set(fs, "delegate_attachs", "xdp"));
	say("create", syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	say("create again", syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	mnt = say("fsmount", syscall(SYS_fsmount, fs, 0, 0));
	say("fsmount again", syscall(SYS_fsmount, fs, 0, 0));
	say("token from outside", token_create(openat(mnt, ".", O_RDONLY), 0));
	pass(socks[0], mnt);
	close(socks[0]);
	waitpid(pid, &status, 0);
	printf("child: %d\n", WEXITSTATUS(status));
	if (asked)
		return 0;
	who = "first namespace";
	if (!say("mount", mount("bpf", "/mnt", "bpf", 0, "delegate_cmds=any"))) {
		say("token", token_create(open("/mnt", O_RDONLY), 0));
		umount2("/mnt", MNT_DETACH);
	}
	return 0;
}
