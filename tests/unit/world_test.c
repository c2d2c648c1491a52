/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * World objects against what /proc and stat(2) say of a stopped child of ours, by every kernel
 * BTF at hand: the host's, and the built-in one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "btf/builtin.h"
#include "object/object.h"
#include "object/system.h"
#include "skep/skep.h"
#include "world/internal.h"

#define FD_FILE	  50
#define FD_DUP	  51
#define FD_TCP	  52
#define FD_UDP	  53
#define FD_PIPE	  54
#define FD_PEER	  55
#define FD_OTHER  56
#define FILE_NAME "a-file"
#define LONG_NAME "a-file-whose-name-is-too-long-to-be-kept-within-a-dentry"

struct fixture {
	struct skep_system *sys;
	struct task *t;
	pid_t pid, grandchild;
	char dir[64];
	int listener;
	u16 port; /* of it, host order */
};

static char btf_path[256]; /* "": the host's or the built-in one */

/* ---- reading as programs do ---- */

static u32 place(struct fixture *f, const char *type, const char *path, u32 *size)
{
	struct btf *btf = system_vmlinux(f->sys)->btf;
	s32 id = btf_find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	struct world_place at;

	if (id <= 0 || layout_find(btf, (u32)id, path, &at)) {
		print_message("# no %s.%s\n", type, path);
		return ~0U;
	}
	*size = at.size;
	return at.off;
}

static int peek_err(struct fixture *f, u64 object, const char *type, const char *path, u64 *v)
{
	u32 size, off = place(f, type, path, &size);

	*v = 0;
	if (off == ~0U)
		return -ENOENT;
	return f->sys->read_world(f->sys, NULL, v, object + off, min_t(u32, size, 8));
}

static u64 peek(struct fixture *f, u64 object, const char *type, const char *path)
{
	u64 v;

	assert_int_equal(peek_err(f, object, type, path, &v), 0);
	return v;
}

static void peek_str(struct fixture *f, u64 addr, char *out, u32 size)
{
	assert_true(f->sys->read_world_str(f->sys, NULL, out, addr, size) > 0);
}

/* The text of a line of /proc/PID/status. */
static const char *status(pid_t pid, const char *key)
{
	static char text[8192];
	char path[64];
	const char *s;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	text[n] = 0;
	s = proc_key(text, key);
	assert_non_null(s);
	return s;
}

/* ---- the child ---- */

static void child_main(struct fixture *f)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(f->port) };
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd, p[2], one = 1;
	pid_t parent;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "world-child");
	if (chdir(f->dir))
		_exit(1);
	fd = open(FILE_NAME, O_RDWR | O_CREAT | O_APPEND, 0640);
	if (fd < 0 || write(fd, "hello", 5) != 5 || dup2(fd, FD_FILE) < 0 || dup2(fd, FD_DUP) < 0)
		_exit(2);
	fd = open(FILE_NAME, O_RDONLY);
	dup2(fd, FD_OTHER);
	fd = open(LONG_NAME, O_RDWR | O_CREAT, 0600);
	to.sin_addr.s_addr = from.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) || dup2(fd, FD_TCP) < 0)
		_exit(3);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) || dup2(fd, FD_UDP) < 0)
		_exit(4);
	if (pipe(p) || dup2(p[0], FD_PIPE) < 0)
		_exit(5);
	parent = getpid();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0); /* the parent was gone before it was asked for */
	}
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	for (;;)
		pause();
}

static int setup(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .caps = "full" };
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct fixture *f = calloc(1, sizeof(*f));
	struct mm *mm;
	socklen_t size = sizeof(at);
	int st;

	opts.btf = *btf_path ? btf_path : NULL;
	f->sys = skep_system_new(&opts);
	assert_non_null(f->sys);
	strcpy(f->dir, "/tmp/skep-world-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->listener = socket(AF_INET, SOCK_STREAM, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(f->listener, 5), 0);
	getsockname(f->listener, (struct sockaddr *)&at, &size);
	f->port = ntohs(at.sin_port);
	f->pid = fork();
	if (!f->pid)
		child_main(f);
	assert_int_equal(waitpid(f->pid, &st, 0), f->pid);
	assert_true(WIFSTOPPED(st));
	assert_int_equal(tasks_start(f->sys), 0);
	mm = mm_new(f->pid);
	f->t = task_add(f->sys, f->pid, NULL, mm);
	mm_put(mm);
	assert_non_null(f->t);
	f->t->ppid = getpid();
	assert_int_equal(world_start(f->sys), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[256];
	int st;

	kill(f->pid, SIGKILL);
	waitpid(f->pid, &st, 0);
	if (f->t) {
		world_task_gone(f->t);
		task_del(f->t);
	}
	world_stop(f->sys);
	tasks_stop(f->sys);
	close(f->listener);
	snprintf(path, sizeof(path), "%s/" FILE_NAME, f->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/" LONG_NAME, f->dir);
	unlink(path);
	rmdir(f->dir);
	skep_system_free(f->sys);
	free(f);
	return 0;
}

/* Each row is a field of this kernel: a typing error would leave it unmodelled. */
static void test_rows(void **state)
{
	static const struct {
		const char *type, *paths;
	} rows[] = {
#define WORLD_TYPE(name, base)
#define WORLD_FIELD(type, name, paths, fresh, filler) { #type, paths },
#include "tables/world.def"
#undef WORLD_TYPE
#undef WORLD_FIELD
	};
	struct fixture *f = *state;
	u32 size, missing = 0;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		missing += place(f, rows[i].type, rows[i].paths, &size) == ~0U;
	assert_int_equal(missing, 0);
}

/* ---- tasks ---- */

static void test_task(void **state)
{
	struct fixture *f = *state;
	u64 t = world_task(f->t), up;
	char comm[16];

	assert_true(t);
	assert_int_equal(world_task(f->t), t);
	assert_int_equal(peek(f, t, "task_struct", "pid"), f->pid);
	assert_int_equal(peek(f, t, "task_struct", "tgid"), f->pid);
	assert_int_equal(peek(f, t, "task_struct", "group_leader"), t);
	peek_str(f, t + place(f, "task_struct", "comm", &(u32){ 0 }), comm, sizeof(comm));
	assert_string_equal(comm, "world-child");
	up = peek(f, t, "task_struct", "real_parent");
	assert_int_equal(peek(f, up, "task_struct", "tgid"), getpid());
	assert_int_equal(peek(f, up, "task_struct", "pid"), getpid());
	up = peek(f, up, "task_struct", "real_parent");
	assert_int_equal(peek(f, up, "task_struct", "pid"), getppid());
	assert_int_equal(peek(f, t, "task_struct", "start_time"), f->t->start_ns);
	assert_int_equal(peek(f, t, "task_struct", "exit_code"), 0);
	assert_int_equal(peek(f, t, "task_struct", "__state|state"), 0);
	assert_int_equal(peek(f, t, "task_struct", "static_prio"),
			 120 + getpriority(PRIO_PROCESS, (id_t)f->pid));
	assert_int_equal(peek(f, t, "task_struct", "nvcsw"),
			 atol(status(f->pid, "voluntary_ctxt_switches")));
	assert_int_equal((int)peek(f, t, "task_struct", "exit_signal"), SIGCHLD);
	f->t->exiting = true;
	f->t->exit_code = 3 << 8;
	assert_int_equal(peek(f, t, "task_struct", "exit_code"), 3 << 8);
}

static void test_children(void **state)
{
	struct fixture *f = *state;
	u64 t = world_task(f->t), node, child;
	u32 size, head = place(f, "task_struct", "children", &size);
	u32 sibling = place(f, "task_struct", "sibling", &size);

	node = peek(f, t, "task_struct", "children.next");
	if (node == t + head)
		skip(); /* a kernel without /proc/PID/task/TID/children */
	child = node - sibling;
	assert_int_equal(
		peek(f, peek(f, child, "task_struct", "real_parent"), "task_struct", "pid"),
		f->pid);
	/* the only one: the list is closed */
	assert_int_equal(peek(f, child, "task_struct", "sibling.next"), t + head);
	assert_int_equal(peek(f, child, "task_struct", "sibling.prev"), t + head);
}

static void test_cred(void **state)
{
	struct fixture *f = *state;
	u64 cred = peek(f, world_task(f->t), "task_struct", "cred");

	assert_int_equal(peek(f, cred, "cred", "uid"), getuid());
	assert_int_equal(peek(f, cred, "cred", "uid.val"), getuid());
	assert_int_equal(peek(f, cred, "cred", "egid"), getegid());
	assert_int_equal(peek(f, cred, "cred", "cap_effective"),
			 strtoull(status(f->pid, "CapEff"), NULL, 16));
	assert_int_equal(peek(f, peek(f, cred, "cred", "user_ns"), "user_namespace", "ns.inum"), ({
				 struct stat st;
				 assert_int_equal(stat("/proc/self/ns/user", &st), 0);
				 st.st_ino;
			 }));
}

static void test_mm_and_signal(void **state)
{
	struct fixture *f = *state;
	u64 t = world_task(f->t), mm = peek(f, t, "task_struct", "mm"), sig, pid;
	struct rlimit lim;

	assert_true(mm);
	assert_int_equal(peek(f, mm, "mm_struct", "total_vm"),
			 strtoul(status(f->pid, "VmSize"), NULL, 10) / 4);
	assert_true(peek(f, mm, "mm_struct", "arg_start") < peek(f, mm, "mm_struct", "arg_end"));
	assert_int_equal(peek(f, mm, "mm_struct", "owner"), t);
	sig = peek(f, t, "task_struct", "signal");
	assert_int_equal(peek(f, sig, "signal_struct", "nr_threads"), 1);
	getrlimit(RLIMIT_NOFILE, &lim);
	assert_int_equal(peek(f, sig, "signal_struct", "rlim[7].rlim_cur"), lim.rlim_cur);
	assert_int_equal(peek(f, sig, "signal_struct", "rlim[7].rlim_max"), lim.rlim_max);
	pid = peek(f, t, "task_struct", "thread_pid");
	assert_int_equal(peek(f, pid, "pid", "numbers[0].nr"), f->pid);
	assert_int_equal(peek(f, sig, "signal_struct", "pids[1]"), pid);
	assert_int_equal(peek(f, peek(f, sig, "signal_struct", "pids[2]"), "pid", "numbers[0].nr"),
			 getpgrp());
}

static void test_namespaces(void **state)
{
	static const char *const kinds[][3] = { { "uts", "uts_ns", "uts_namespace" },
						{ "ipc", "ipc_ns", "ipc_namespace" },
						{ "mnt", "mnt_ns", "mnt_namespace" },
						{ "net", "net_ns", "net" },
						{ "cgroup", "cgroup_ns", "cgroup_namespace" } };
	struct fixture *f = *state;
	u64 proxy = peek(f, world_task(f->t), "task_struct", "nsproxy"), ns;
	char path[64], name[65], host[65];
	struct stat st;

	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i][0]);
		assert_int_equal(stat(path, &st), 0);
		ns = peek(f, proxy, "nsproxy", kinds[i][1]);
		assert_int_equal(peek(f, ns, kinds[i][2], "ns.inum"), st.st_ino);
	}
	ns = peek(f, proxy, "nsproxy", "uts_ns");
	peek_str(f, ns + place(f, "uts_namespace", "name.nodename", &(u32){ 0 }), name,
		 sizeof(name));
	gethostname(host, sizeof(host));
	assert_string_equal(name, host);
}

/* ---- files ---- */

static void name_of(struct fixture *f, u64 dentry, char *out, u32 size)
{
	peek_str(f, peek(f, dentry, "dentry", "d_name.name"), out, size);
	assert_int_equal(peek(f, dentry, "dentry", "d_name.len"), strlen(out));
}

static const char *f_path(const char *member)
{
	static char text[64];

	snprintf(text, sizeof(text), "f_path.%s|__f_path.%s", member, member);
	return text;
}

static void test_file(void **state)
{
	struct fixture *f = *state;
	u64 file = world_file(f->t, FD_FILE), dentry, inode, sb;
	char path[128], name[256];
	struct statfs fs;
	struct stat st;

	assert_true(file);
	assert_int_equal(world_file(f->t, FD_FILE), file);
	assert_int_equal(world_file(f->t, FD_DUP), file); /* one description */
	assert_true(world_file(f->t, FD_OTHER));
	assert_true(world_file(f->t, FD_OTHER) != file);
	assert_int_equal(world_file(f->t, 999), 0);

	snprintf(path, sizeof(path), "%s/" FILE_NAME, f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(peek(f, file, "file", "f_pos"), 5);
	assert_int_equal(peek(f, file, "file", "f_flags") & (O_ACCMODE | O_APPEND),
			 O_RDWR | O_APPEND);
	assert_int_equal(peek(f, file, "file", "f_mode") & 3, 3);
	inode = peek(f, file, "file", "f_inode");
	assert_int_equal(peek(f, inode, "inode", "i_ino"), st.st_ino);
	assert_int_equal(peek(f, inode, "inode", "i_mode"), st.st_mode);
	assert_int_equal(peek(f, inode, "inode", "i_size"), 5);
	assert_int_equal(peek(f, inode, "inode", "i_nlink"), 1);
	assert_int_equal(peek(f, inode, "inode", "i_uid"), getuid());
	dentry = peek(f, file, "file", f_path("dentry"));
	assert_int_equal(peek(f, dentry, "dentry", "d_inode"), inode);
	name_of(f, dentry, name, sizeof(name));
	assert_string_equal(name, FILE_NAME);
	sb = peek(f, inode, "inode", "i_sb");
	assert_int_equal(peek(f, dentry, "dentry", "d_sb"), sb);
	assert_int_equal(peek(f, sb, "super_block", "s_dev"),
			 major(st.st_dev) << 20 | minor(st.st_dev));
	statfs(path, &fs);
	assert_int_equal(peek(f, sb, "super_block", "s_magic"), fs.f_type);

	/* up to the root */
	dentry = peek(f, dentry, "dentry", "d_parent");
	name_of(f, dentry, name, sizeof(name));
	assert_string_equal(name, f->dir + 5);
	for (u32 i = 0; i < 8 && peek(f, dentry, "dentry", "d_parent") != dentry; i++)
		dentry = peek(f, dentry, "dentry", "d_parent");
	assert_int_equal(peek(f, dentry, "dentry", "d_parent"), dentry);
	name_of(f, dentry, name, sizeof(name));
	assert_string_equal(name, "/");

	/* the inode's fields are those of now */
	assert_int_equal(truncate(path, 3), 0);
	assert_int_equal(peek(f, inode, "inode", "i_size"), 3);
	unlink(path);
	assert_int_equal(peek(f, inode, "inode", "i_nlink"), 0);
}

/* Whether what this process takes for "/" is mounted: not so after chroot(). */
static bool root_is_mounted(void)
{
	FILE *m = fopen("/proc/self/mountinfo", "re");
	char line[4096], at[4096];
	bool found = false;

	while (m && !found && fgets(line, sizeof(line), m))
		found = sscanf(line, "%*s %*s %*s %*s %4095s", at) == 1 && !strcmp(at, "/");
	if (m)
		fclose(m);
	return found;
}

static void test_paths(void **state)
{
	struct fixture *f = *state;
	char name[256], exe[256];
	u64 path, d, dir, mm;
	struct stat st;

	if (!root_is_mounted()) {
		print_message("# in a chroot(2)\n");
		skip();
	}
	d = world_dentry(f->t, AT_FDCWD, LONG_NAME, true);
	assert_true(d);
	name_of(f, d, name, sizeof(name));
	assert_string_equal(name, LONG_NAME);
	assert_int_equal(world_dentry(f->t, AT_FDCWD, "nothing", true), 0);
	assert_int_equal(world_dentry(f->t, FD_FILE, "x", true), 0);
	path = world_path(f->t, AT_FDCWD, "/", true);
	assert_int_equal(stat("/", &st), 0);
	d = peek(f, path, "path", "dentry");
	assert_int_equal(peek(f, peek(f, d, "dentry", "d_inode"), "inode", "i_ino"), st.st_ino);
	assert_true(peek(f, path, "path", "mnt"));
	assert_int_equal(peek(f, peek(f, path, "path", "mnt"), "vfsmount", "mnt_root"), d);

	/* the task's own /proc/self */
	d = world_dentry(f->t, AT_FDCWD, "/proc/self/comm", true);
	name_of(f, peek(f, d, "dentry", "d_parent"), name, sizeof(name));
	assert_int_equal(atoi(name), f->pid);

	d = world_dentry_new(f->t, AT_FDCWD, "new-one", &dir);
	name_of(f, d, name, sizeof(name));
	assert_string_equal(name, "new-one");
	assert_int_equal(peek(f, d, "dentry", "d_inode"), 0);
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(peek(f, dir, "inode", "i_ino"), st.st_ino);

	mm = peek(f, world_task(f->t), "task_struct", "mm");
	d = peek(f, peek(f, mm, "mm_struct", "exe_file"), "file", f_path("dentry"));
	name_of(f, d, name, sizeof(name));
	exe[readlink("/proc/self/exe", exe, sizeof(exe) - 1)] = 0;
	assert_string_equal(name, strrchr(exe, '/') + 1);

	d = peek(f, peek(f, world_task(f->t), "task_struct", "fs"), "fs_struct", "pwd.dentry");
	name_of(f, d, name, sizeof(name));
	assert_string_equal(name, f->dir + 5);
}

static void test_pipe(void **state)
{
	struct fixture *f = *state;
	u64 file = world_file(f->t, FD_PIPE), sb, type;
	char name[64];

	sb = peek(f, peek(f, file, "file", "f_inode"), "inode", "i_sb");
	type = peek(f, sb, "super_block", "s_type");
	peek_str(f, peek(f, type, "file_system_type", "name"), name, sizeof(name));
	assert_string_equal(name, "pipefs");
	assert_int_equal(peek(f, sb, "super_block", "s_magic"), 0x50495045);
}

static void test_fdtable(void **state)
{
	struct fixture *f = *state;
	u64 files = peek(f, world_task(f->t), "task_struct", "files"), fdt, fds, file = 0;

	fdt = peek(f, files, "files_struct", "fdt");
	assert_true(peek(f, fdt, "fdtable", "max_fds") > FD_OTHER);
	fds = peek(f, fdt, "fdtable", "fd");
	f->sys->read_world(f->sys, NULL, &file, fds + 8 * FD_FILE, 8);
	assert_int_equal(file, world_file(f->t, FD_FILE));
	f->sys->read_world(f->sys, NULL, &file, fds + 8 * 49, 8);
	assert_int_equal(file, 0);
}

/* ---- sockets ---- */

static void test_sockets(void **state)
{
	struct fixture *f = *state;
	u64 tcp = world_sock(f->t, FD_TCP), udp = world_sock(f->t, FD_UDP), socket;

	assert_true(tcp);
	assert_int_equal(world_sock(f->t, FD_FILE), 0);
	assert_int_equal(peek(f, tcp, "sock", "__sk_common.skc_family"), AF_INET);
	assert_int_equal(peek(f, tcp, "sock", "sk_type"), SOCK_STREAM);
	assert_int_equal(peek(f, tcp, "sock", "sk_protocol"), IPPROTO_TCP);
	assert_int_equal(peek(f, tcp, "sock", "__sk_common.skc_state"), 1);
	assert_int_equal(ntohs((u16)peek(f, tcp, "sock", "__sk_common.skc_dport")), f->port);
	assert_int_equal(ntohl((u32)peek(f, tcp, "sock", "__sk_common.skc_daddr")),
			 INADDR_LOOPBACK);
	assert_int_equal(peek(f, tcp, "sock", "__sk_common.skc_num"),
			 ntohs((u16)peek(f, tcp, "inet_sock", "inet_sport")));
	assert_true(peek(f, tcp, "tcp_sock", "snd_cwnd"));
	assert_true(peek(f, tcp, "sock", "__sk_common.skc_net.net"));
	socket = world_socket(f->t, FD_TCP);
	assert_int_equal(peek(f, socket, "socket", "sk"), tcp);
	assert_int_equal(peek(f, tcp, "sock", "sk_socket"), socket);
	assert_int_equal(peek(f, socket, "socket", "type"), SOCK_STREAM);
	assert_int_equal(peek(f, socket, "socket", "state"), 3);
	assert_int_equal(peek(f, socket, "socket", "file"), world_file(f->t, FD_TCP));
	assert_int_equal(peek(f, world_file(f->t, FD_TCP), "file", "private_data"), socket);
	assert_int_equal(peek(f, udp, "sock", "__sk_common.skc_state"), 7);
	assert_true(peek(f, udp, "sock", "__sk_common.skc_num"));
	assert_int_equal(peek(f, udp, "sock", "__sk_common.skc_dport"), 0);
}

/* ---- temporary objects, registers ---- */

static void test_temporary(void **state)
{
	struct fixture *f = *state;
	u64 path = world_temp(f->t, "path"), file = world_temp(f->t, "struct file"), v, other;
	char text[16];

	world_set(f->sys, path, "dentry", 0x1234);
	world_set(f->sys, path, "no_such_field", 1);
	assert_int_equal(peek(f, path, "path", "dentry"), 0x1234);
	assert_int_equal(peek_err(f, path, "path", "mnt", &v), -EFAULT);
	assert_int_equal(peek_err(f, file, "file", "f_flags", &v), -EFAULT);
	world_set(f->sys, file, "f_flags", O_WRONLY);
	assert_int_equal(peek(f, file, "file", "f_flags"), O_WRONLY);
	other = world_temp_bytes(f->t, "abc", 4);
	peek_str(f, other, text, sizeof(text));
	assert_string_equal(text, "abc");
	peek_str(f, other, text, 3);
	assert_string_equal(text, "ab");
	/* a file that gets its descriptor keeps its address */
	world_file_adopt(f->t, FD_OTHER, file);
	assert_int_equal(world_file(f->t, FD_OTHER), file);
	world_call_end(f->t);
	assert_int_equal(world_file(f->t, FD_OTHER), file);
	assert_true(world_temp(f->t, "path") != path); /* reused late */
	world_call_end(f->t);
}

static void test_registers(void **state)
{
	struct fixture *f = *state;
	u64 regs = world_user_regs(f->t);
	struct user_regs_struct r;

	assert_int_equal(ptrace(PTRACE_GETREGS, f->pid, 0, &r), 0);
	if (place(f, "pt_regs", "ip", &(u32){ 0 }) == ~0U)
		skip();
	assert_int_equal(peek(f, regs, "pt_regs", "ip"), r.rip);
	assert_int_equal(peek(f, regs, "pt_regs", "sp"), r.rsp);
	assert_int_equal(peek(f, regs, "pt_regs", "di"), r.rdi);
	assert_int_equal(peek(f, regs, "pt_regs", "orig_ax"), r.orig_rax);
}

/* ---- what is not modelled ---- */

static void take_line(void *arg, const char *line)
{
	strcat(arg, line);
	strcat(arg, "\n");
}

static void test_unmodelled(void **state)
{
	struct fixture *f = *state;
	u64 t = world_task(f->t), v = 1;
	char report[4096] = "", buf[16];
	u32 size, off;

	assert_int_equal(peek_err(f, t, "task_struct", "stack", &v), -EFAULT);
	assert_int_equal(peek_err(f, t, "task_struct", "stack", &v), -EFAULT);
	assert_int_equal(peek_err(f, t, "task_struct", "sched_info.last_arrival", &v), -EFAULT);
	/* a wider read has what there is */
	off = place(f, "task_struct", "pid", &size);
	assert_int_equal(f->sys->read_world(f->sys, NULL, buf, t + off, 8), 0);
	assert_int_equal(*(int *)buf, f->pid);
	world_report(f->sys, take_line, report);
	assert_non_null(strstr(report, "task_struct.stack (not modelled): read 2 times by skep\n"));
	assert_non_null(strstr(report, "task_struct.sched_info.last_arrival (not modelled): read 1 "
				       "time by skep\n"));
	assert_null(strstr(report, "pid"));
	/* nothing there at all */
	assert_int_equal(f->sys->read_world(f->sys, NULL, buf,
					    (u64)(uintptr_t)f->sys->arena + ARENA_HEAP - 8, 8),
			 -EFAULT);
	assert_int_equal(f->sys->read_world(f->sys, NULL, buf,
					    (u64)(uintptr_t)f->sys->arena + ARENA_WORLD, 8),
			 -EFAULT);
}

static void test_gone(void **state)
{
	struct fixture *f = *state;
	u64 t = world_task(f->t), cred = peek(f, t, "task_struct", "cred"), v;
	int st;

	assert_int_equal(peek(f, cred, "cred", "uid"), getuid());
	kill(f->pid, SIGKILL);
	assert_int_equal(waitpid(f->pid, &st, 0), f->pid);
	/* what was known stays, what was not cannot be learned */
	assert_int_equal(peek(f, t, "task_struct", "pid"), f->pid);
	assert_int_equal(peek_err(f, t, "task_struct", "utime", &v), -EFAULT);
	world_task_gone(f->t);
	assert_int_equal(f->t->kernel_task, 0);
	task_del(f->t);
	f->t = NULL;
}

/* What nobody's run reads between two runs is not what the second one sees. */
static void test_outside_runs(void **state)
{
	struct fixture *f = *state;
	struct bpf_run run = { .arena = f->sys->arena, .platform = f->sys->platform };
	u64 t = world_task(f->t), v = 0;
	u32 size, off = place(f, "task_struct", "static_prio", &size);
	int nice = getpriority(PRIO_PROCESS, (id_t)f->pid);

	assert_int_equal(f->sys->read_world(f->sys, &run, &v, t + off, size), 0);
	assert_int_equal(v, 120 + nice);
	assert_int_equal(peek(f, t, "task_struct", "static_prio"), 120 + nice);
	assert_int_equal(setpriority(PRIO_PROCESS, (id_t)f->pid, nice + 3), 0);
	f->sys->arena->slots[0].runs++; /* the next run on that slot */
	assert_int_equal(f->sys->read_world(f->sys, &run, &v, t + off, size), 0);
	assert_int_equal(v, 123 + nice);
	assert_int_equal(setpriority(PRIO_PROCESS, (id_t)f->pid, nice + 5), 0);
	assert_int_equal(peek(f, t, "task_struct", "static_prio"), 125 + nice);
	assert_int_equal(setpriority(PRIO_PROCESS, (id_t)f->pid, nice + 7), 0);
	assert_int_equal(peek(f, t, "task_struct", "static_prio"), 127 + nice);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_rows),	       T(test_task),	   T(test_children), T(test_cred),
		T(test_mm_and_signal), T(test_namespaces), T(test_file),     T(test_paths),
		T(test_pipe),	       T(test_fdtable),	   T(test_sockets),  T(test_temporary),
		T(test_registers),     T(test_unmodelled), T(test_gone),     T(test_outside_runs),
	};
	char builtin[] = "/tmp/skep-builtin-XXXXXX";
	int fd = mkstemp(builtin), failed = 0;

	if (write(fd, skep_builtin_btf, skep_builtin_btf_size) != skep_builtin_btf_size)
		return 1;
	close(fd);
	/* 6.1 and 6.12: tools/prune-btf.py of Debian's kernels */
	const char *const btf[] = { "", "tests/data/world-6.1.btf", "tests/data/world-6.12.btf",
				    builtin };

	for (u32 i = 0; i < ARRAY_SIZE(btf); i++) {
		print_message("# %s\n", *btf[i] ? btf[i] : "the host's");
		strcpy(btf_path, btf[i]);
		failed += cmocka_run_group_tests(tests, NULL, NULL);
	}
	unlink(builtin);
	return failed;
}
