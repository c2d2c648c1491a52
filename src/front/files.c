/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Files of /proc and /sys with a system's contents (Linux: kernel/trace/trace_events.c,
 * kernel/kallsyms.c, kernel/bpf/sysfs_btf.c). Each is written when it is opened, into a sealed memfd.
 */
#include "front/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "command/command.h"
#include "front/kheaders.h"
#include "front/receivers.h"
#include "hook/functions.h"
#include "hook/perf.h"
#include "hook/record.h"
#include "object/system.h"

/* What a file holds. */
struct text {
	bool presence; /* only that is asked for */
	char *data;
	size_t len, cap;
	int err;
};

static void add_bytes(struct text *t, const void *data, size_t len)
{
	size_t cap = t->cap ? t->cap : 4096;
	char *grown;

	if (t->err)
		return;
	while (cap - t->len < len)
		cap *= 2;
	if (cap != t->cap) {
		grown = mem_realloc(t->data, cap);
		if (!grown) {
			t->err = -ENOMEM;
			return;
		}
		t->data = grown;
		t->cap = cap;
	}
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	add_bytes(t, line, n < 0 ? 0 : min_t(size_t, (size_t)n, sizeof(line) - 1));
}

/* ---- one file each: 0 or -errno ---- */

static int vmlinux(struct skep_system *sys, struct text *t)
{
	const struct object_btf *b = system_vmlinux(sys);
	const void *data;
	u32 size;

	data = b ? btf_raw_data(b->btf, &size) : NULL;
	if (!data)
		return -ENOENT;
	add_bytes(t, data, size);
	return 0;
}

static int unprivileged_bpf_disabled(struct skep_system *sys, struct text *t)
{
	add(t, "%d\n", system_unpriv_disabled(sys));
	return 0;
}

/* Calls @fn for the names that the profile has, in the order of their addresses. */
static void each_function(struct skep_system *sys, struct text *t,
			  void (*fn)(struct text *t, u64 ip, const char *name))
{
	for (u32 row = 0; row < FUNC_ROWS; row++)
		if (function_at(sys, function_ip(sys, row)) >= 0)
			fn(t, function_ip(sys, row), function_name_of(row));
}

static void add_symbol(struct text *t, u64 ip, const char *name)
{
	add(t, "%016llx T %s\n", (unsigned long long)ip, name);
}

static void add_name(struct text *t, u64 ip, const char *name)
{
	add(t, "%s\n", name);
}

/* Places that locations in records name, in the order of their addresses: behind all functions. */
static void add_places(struct skep_system *sys, struct text *t)
{
	static const char *const names[] = {
#define PLACE(name) #name,
#include "tables/tracepoints.def"
	};
	struct object_btf *b = system_vmlinux(sys);
	s32 ids[ARRAY_SIZE(names)], last = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ids[i] = b && hook_point_row(sys, HOOK_KPROBE, names[i]) < 0 ?
				 btf_find_by_name_kind(b->btf, names[i], BTF_KIND_FUNC) :
				 0;
	for (;;) {
		size_t next = ARRAY_SIZE(names);

		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (ids[i] > last && (next == ARRAY_SIZE(names) || ids[i] < ids[next]))
				next = i;
		if (next == ARRAY_SIZE(names))
			return;
		last = ids[next];
		add_symbol(t, sys->function_address(sys, names[next], (u32)last), names[next]);
	}
}

static int kallsyms(struct skep_system *sys, struct text *t)
{
	each_function(sys, t, add_symbol);
	if (sys->function_address)
		add_places(sys, t);
	return 0;
}

static int available_filter_functions(struct skep_system *sys, struct text *t)
{
	each_function(sys, t, add_name);
	return 0;
}

/* Addresses are hidden, as from all who may not see them. */
static int blacklist(struct skep_system *sys, struct text *t)
{
	const char *name;
	u32 i = 0;

	while ((name = blacklisted_function(sys, &i)))
		add(t, "0x%016x-0x%016x\t%s\n", 0, 0, name);
	return 0;
}

static const struct {
	const char *name;
	kver since;
} event_names[] = {
#define EVENT_NAME(category, event, version) { #category ":" #event, version },
#include "tables/event_names.def"
#undef EVENT_NAME
};

static int available_events(struct skep_system *sys, struct text *t)
{
	for (u32 row = 0; row < TP_ROWS; row++)
		if (hook_point_row(sys, HOOK_TRACEPOINT, tracepoint_name_of(row)) == (int)row)
			add(t, "%s\n", tracepoint_name_of(row));
	/* Those that nothing here fires: clients look for names in the list. */
	for (u32 i = 0; i < ARRAY_SIZE(event_names); i++)
		if (visible(sys->profile, event_names[i].since) &&
		    hook_point_row(sys, HOOK_TRACEPOINT, event_names[i].name) < 0)
			add(t, "%s\n", event_names[i].name);
	return 0;
}

static int nothing(struct skep_system *sys, struct text *t)
{
	return 0;
}

/* Options that clients ask for, as the kernels that we are have them. */
static const char *const options[] = {
	"BPF",
	"BPF_SYSCALL",
	"BPF_JIT",
	"BPF_EVENTS",
	"BPF_KPROBE_OVERRIDE",
	"BPF_LIRC_MODE2",
	"BPF_LSM",
	"CGROUP_BPF",
	"CGROUPS",
	"DEBUG_INFO_BTF",
	"DEBUG_INFO",
	"FTRACE",
	"FTRACE_SYSCALLS",
	"FUNCTION_ERROR_INJECTION",
	"FUNCTION_TRACER",
	"HAVE_EBPF_JIT",
	"IPV6_SEG6_BPF",
	"IP_ROUTE_CLASSID",
	"KALLSYMS",
	"KPROBES",
	"KPROBE_EVENTS",
	"LIRC",
	"LWTUNNEL_BPF",
	"NET",
	"NET_ACT_BPF",
	"NET_CLS_BPF",
	"NET_CLS_ACT",
	"NET_SCH_INGRESS",
	"PERF_EVENTS",
	"SOCK_CGROUP_DATA",
	"STREAM_PARSER",
	"TRACEPOINTS",
	"TRACING",
	"UPROBES",
	"UPROBE_EVENTS",
	"XDP_SOCKETS",
};

#define CONFIG_HZ "250"

/* /boot/config-RELEASE */
static int config(struct skep_system *sys, struct text *t)
{
	/* The second line is what bpftool knows such a file by. */
	add(t,
	    "#\n# Automatically generated file; DO NOT EDIT.\n"
	    "# Linux/x86 %u.%u.0 Kernel Configuration\n#\n",
	    KVER_MAJOR(sys->profile), KVER_MINOR(sys->profile));
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		add(t, "CONFIG_%s=y\n", options[i]);
	add(t, "CONFIG_HZ=" CONFIG_HZ "\n");
	return 0;
}

static int add_piece(void *arg, const void *data, size_t size)
{
	struct text *t = arg;

	add_bytes(t, data, size);
	return t->err;
}

static int kheaders(struct skep_system *sys, struct text *t)
{
	struct text macros = { 0 };
	int err;

	if (t->presence)
		return sys->btf_to_c ? 0 : -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		add(&macros, "#define CONFIG_%s 1\n", options[i]);
	add(&macros,
	    "#define CONFIG_HZ " CONFIG_HZ "\n#define CONFIG_X86_64 1\n#define CONFIG_64BIT 1\n");
	add_bytes(&macros, "", 1);
	err = macros.err ? macros.err : kheaders_write(sys, macros.data, add_piece, t);
	mem_free(macros.data);
	return err;
}

#define NUMBER(x)    NUMBER_(x)
#define NUMBER_(x)   #x "\n"
#define UNPRIVILEGED "/proc/sys/kernel/unprivileged_bpf_disabled"
#define EVENTS	     "/sys/bus/event_source/devices/"

static const struct {
	const char *path;
	int (*write)(struct skep_system *sys, struct text *t);
	const char *contents; /* where .write is NULL; NULL, too: a folder */
} files[] = {
	{ BTF_HOST_PATH, vmlinux },
	{ UNPRIVILEGED, unprivileged_bpf_disabled },
	{ "/proc/kallsyms", kallsyms },
	{ "/sys/kernel/debug/kprobes/blacklist", blacklist },
	{ "/sys/kernel/kheaders.tar.xz", kheaders },
	{ EVENTS "kprobe/type", NULL, NUMBER(PERF_TYPE_KPROBE) },
	{ EVENTS "kprobe/format/retprobe", NULL, "config:0\n" },
	{ EVENTS "uprobe/type", NULL, NUMBER(PERF_TYPE_UPROBE) },
	{ EVENTS "uprobe/format/retprobe", NULL, "config:0\n" },
	{ EVENTS "uprobe/format/ref_ctr_offset", NULL, "config:32-63\n" },
};

/* Below a folder of tracefs, which is all ours. */
static const struct {
	const char *path;
	int (*write)(struct skep_system *sys, struct text *t);
} tracefs_files[] = {
	{ "", NULL },
	{ "/", NULL },
	{ "/events", NULL },
	{ "/available_events", available_events },
	{ "/kprobe_events", nothing }, /* probes are made by perf_event_open() alone */
	{ "/uprobe_events", nothing },
	{ "/available_filter_functions", available_filter_functions },
};

static const char *const tracefs_folders[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

/* What follows the folder of tracefs, or NULL for other paths. */
static const char *in_tracefs(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(tracefs_folders); i++) {
		size_t len = strlen(tracefs_folders[i]);

		if (!strncmp(path, tracefs_folders[i], len) && (!path[len] || path[len] == '/'))
			return path + len;
	}
	return NULL;
}

static const char *beneath(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) ? NULL : path + len;
}

/* What is below "/events" by the names of events; see file_list(). */
static bool is_event_folder(struct skep_system *sys, const char *path)
{
	const char *events = beneath(path, "/events/"), *name, *colon;
	size_t len;

	for (u32 row = 0; events && row < TP_ROWS; row++) {
		name = tracepoint_name_of(row);
		colon = strchr(name, ':');
		if (!colon || hook_point_row(sys, HOOK_TRACEPOINT, name) != (int)row)
			continue;
		len = (size_t)(colon - name);
		if (strncmp(events, name, len))
			continue;
		if (!events[len] || (events[len] == '/' && !strcmp(events + len + 1, colon + 1)))
			return true;
	}
	return false;
}

/* "/events/sched/sched_process_exec/id" and its format; t NULL: whether there is such a file. */
static int event_file(struct skep_system *sys, const char *path, struct text *t)
{
	char category[64], name[64], file[16], full[160], *format;
	int row, n = 0, len;

	if (sscanf(path, "/events/%63[^/]/%63[^/]/%15[^/]%n", category, name, file, &n) != 3 ||
	    path[n])
		return is_event_folder(sys, path) ? -EISDIR : -ENOENT;
	snprintf(full, sizeof(full), "%s:%s", category, name);
	row = hook_point_row(sys, HOOK_TRACEPOINT, full);
	if (row < 0)
		return refuse_tracepoint(sys, name); /* who asks for its id wants to attach to it */
	if (!strcmp(file, "id")) {
		add(t, "%u\n", tracepoint_id((u32)row));
		return 0;
	}
	if (strcmp(file, "format"))
		return -ENOENT;
	len = record_format(sys, (u32)row, NULL, 0);
	format = mem_alloc((size_t)len + 1);
	if (!format)
		return -ENOMEM;
	record_format(sys, (u32)row, format, (size_t)len + 1);
	add_bytes(t, format, (size_t)len);
	mem_free(format);
	return 0;
}

bool file_is_ours(const char *path)
{
	if (!path || *path != '/')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (!strcmp(path, files[i].path))
			return true;
	return in_tracefs(path) || beneath(path, EVENTS "kprobe/") ||
	       beneath(path, EVENTS "uprobe/") || beneath(path, "/boot/config-");
}

bool file_changes(const char *path)
{
	return !strcmp(path, UNPRIVILEGED);
}

/* -EISDIR for folders. */
static int contents(struct skep_system *sys, const char *path, struct text *t)
{
	const char *sub = in_tracefs(path);
	char text[256];
	int n;

	if (receivers_show(sys, path)) {
		n = receivers_text(sys, path, text, sizeof(text));
		add_bytes(t, text, n < 0 ? 0 : (size_t)n);
		return min(n, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (strcmp(path, files[i].path))
			continue;
		if (files[i].write)
			return files[i].write(sys, t);
		add(t, "%s", files[i].contents);
		return 0;
	}
	for (size_t i = 0; sub && i < ARRAY_SIZE(tracefs_files); i++)
		if (!strcmp(sub, tracefs_files[i].path))
			return tracefs_files[i].write ? tracefs_files[i].write(sys, t) : -EISDIR;
	if (beneath(path, "/boot/config-"))
		return config(sys, t);
	return sub ? event_file(sys, sub, t) : -ENOENT;
}

/* Calls @fn for each different name that follows @prefix and ends at @end. */
static void list_events(struct skep_system *sys, const char *prefix, char end,
			void (*fn)(void *arg, const char *name, bool folder), void *arg)
{
	size_t len = strlen(prefix);
	char name[64], last[64] = "";

	for (u32 row = 0; row < TP_ROWS; row++) {
		const char *full = tracepoint_name_of(row);

		if (strncmp(full, prefix, len) ||
		    hook_point_row(sys, HOOK_TRACEPOINT, full) != (int)row)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(strchrnul(full + len, end) - full - len),
			 full + len);
		if (strcmp(name, last)) /* a category's events may stand apart: told twice */
			fn(arg, name, true);
		memcpy(last, name, sizeof(last));
	}
}

int file_list(struct skep_system *sys, const char *path,
	      void (*fn)(void *arg, const char *name, bool folder), void *arg)
{
	const char *sub = in_tracefs(path), *event;
	char prefix[80];

	if (receivers_show(sys, path))
		return receivers_list(sys, path, fn, arg);
	if (!sub)
		return -ENOTDIR;
	if (!*sub || !strcmp(sub, "/")) {
		for (size_t i = 0; i < ARRAY_SIZE(tracefs_files); i++)
			if (strlen(tracefs_files[i].path) > 1)
				fn(arg, tracefs_files[i].path + 1, !tracefs_files[i].write);
		return 0;
	}
	if (!strcmp(sub, "/events")) {
		list_events(sys, "", ':', fn, arg);
		return 0;
	}
	if (!is_event_folder(sys, sub))
		return -ENOTDIR;
	event = strchr(sub + 8, '/');
	if (event) {
		fn(arg, "format", false);
		fn(arg, "id", false);
	} else {
		snprintf(prefix, sizeof(prefix), "%s:", sub + 8);
		list_events(sys, prefix, 0, fn, arg);
	}
	return 0;
}

/* ---- as the calls see them ---- */

int file_open(struct skep_system *sys, const char *path)
{
	const char *base = strrchr(path, '/');
	struct text t = { 0 };
	int fd = -1, err;

	err = contents(sys, path, &t);
	if (!err)
		err = t.err;
	if (!err) {
		fd = memfd_create(base ? base + 1 : path, MFD_CLOEXEC | MFD_ALLOW_SEALING);
		err = fd < 0 ? -errno : 0;
	}
	for (size_t done = 0; !err && done < t.len;) {
		ssize_t n = write(fd, t.data + done, t.len - done);

		if (n <= 0)
			err = n ? -errno : -EIO;
		else
			done += (size_t)n;
	}
	mem_free(t.data);
	if (err) {
		if (fd >= 0)
			close(fd);
		errno = -err;
		return -1;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

int file_open_to_write(struct skep_system *sys, const char *path)
{
	int fd;

	if (file_access(sys, path, R_OK))
		return -1;
	fd = strcmp(path, UNPRIVILEGED) ? -EACCES : system_unpriv_open(sys);
	if (fd >= 0)
		return fd;
	errno = -fd;
	return -1;
}

int file_access(struct skep_system *sys, const char *path, int mode)
{
	struct text t = { .presence = true };
	int err = contents(sys, path, &t);
	bool folder = err == -EISDIR;

	mem_free(t.data);
	if (err && !folder) {
		errno = -err;
		return -1;
	}
	if (mode & W_OK && !strcmp(path, UNPRIVILEGED) && system_caps(sys) & BPF_CAP_SYS_ADMIN)
		mode &= ~W_OK;
	if (mode & (W_OK | (folder ? 0 : X_OK))) {
		errno = EACCES;
		return -1;
	}
	return 0;
}
