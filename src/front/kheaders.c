/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * /sys/kernel/kheaders.tar.xz: headers to compile programs against where they are loaded, as BCC and
 * bpftrace do (Linux: kernel/kheaders.c, kernel/gen_kheaders.sh).
 *
 * Their types are those of the BTF in force, so that what is compiled finds each field where this
 * system has it. All of them are in one file that every other includes.
 * DIFF(kheaders): functions that Linux's headers define are not there, and macros only those of
 * kheaders/macros.h and the constants of the kernel's interface.
 *
 * The archive is not compressed: its LZMA2 chunks are stored ones.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/version.h"
#include "btf/btf.h"
#include "front/files.h"
#include "front/kheaders.h"
#include "object/system.h"

extern const char kheaders_macros[], kheaders_constants[];

/* Beside which there are "uapi/" ones for the first part. */
static const char *const names[] = {
	"linux/bpf.h",
	"linux/bpf_common.h",
	"linux/bpf_perf_event.h",
	"linux/btf.h",
	"linux/capability.h",
	"linux/errno.h",
	"linux/eventpoll.h",
	"linux/fcntl.h",
	"linux/fs.h",
	"linux/futex.h",
	"linux/icmp.h",
	"linux/icmpv6.h",
	"linux/if.h",
	"linux/if_arp.h",
	"linux/if_ether.h",
	"linux/if_link.h",
	"linux/if_packet.h",
	"linux/if_vlan.h",
	"linux/in.h",
	"linux/in6.h",
	"linux/ip.h",
	"linux/ipv6.h",
	"linux/limits.h",
	"linux/magic.h",
	"linux/major.h",
	"linux/mman.h",
	"linux/mount.h",
	"linux/netlink.h",
	"linux/openat2.h",
	"linux/perf_event.h",
	"linux/pkt_cls.h",
	"linux/poll.h",
	"linux/posix_types.h",
	"linux/prctl.h",
	"linux/ptrace.h",
	"linux/resource.h",
	"linux/sched.h",
	"linux/seccomp.h",
	"linux/signal.h",
	"linux/socket.h",
	"linux/stat.h",
	"linux/stddef.h",
	"linux/string.h",
	"linux/swab.h",
	"linux/tcp.h",
	"linux/time.h",
	"linux/types.h",
	"linux/udp.h",
	"linux/uio.h",
	"linux/un.h",
	"linux/unistd.h",
	"linux/utsname.h",
	"linux/wait.h",
	NULL,
	"asm/atomic.h",
	"asm/byteorder.h",
	"asm/current.h",
	"asm/errno.h",
	"asm/page.h",
	"asm/page_types.h",
	"asm/ptrace.h",
	"asm/stat.h",
	"asm/syscall.h",
	"asm/types.h",
	"asm/unistd.h",
	"linux/aio.h",
	"linux/atomic.h",
	"linux/backing-dev.h",
	"linux/binfmts.h",
	"linux/bio.h",
	"linux/bitops.h",
	"linux/bits.h",
	"linux/blk-mq.h",
	"linux/blk_types.h",
	"linux/blkdev.h",
	"linux/buffer_head.h",
	"linux/bug.h",
	"linux/byteorder/generic.h",
	"linux/cdev.h",
	"linux/cgroup-defs.h",
	"linux/cgroup.h",
	"linux/compaction.h",
	"linux/compat.h",
	"linux/compiler.h",
	"linux/compiler_attributes.h",
	"linux/compiler_types.h",
	"linux/completion.h",
	"linux/const.h",
	"linux/cpumask.h",
	"linux/cred.h",
	"linux/dcache.h",
	"linux/delay.h",
	"linux/device.h",
	"linux/err.h",
	"linux/export.h",
	"linux/fdtable.h",
	"linux/file.h",
	"linux/filter.h",
	"linux/fs_struct.h",
	"linux/gfp.h",
	"linux/highmem.h",
	"linux/hrtimer.h",
	"linux/inet.h",
	"linux/inetdevice.h",
	"linux/init.h",
	"linux/init_task.h",
	"linux/interrupt.h",
	"linux/irq.h",
	"linux/irqdesc.h",
	"linux/jiffies.h",
	"linux/kasan.h",
	"linux/kernel.h",
	"linux/kref.h",
	"linux/ktime.h",
	"linux/list.h",
	"linux/log2.h",
	"linux/mm.h",
	"linux/mm_types.h",
	"linux/mmzone.h",
	"linux/module.h",
	"linux/mutex.h",
	"linux/namei.h",
	"linux/net.h",
	"linux/netdevice.h",
	"linux/nfs_fs.h",
	"linux/ns_common.h",
	"linux/nsproxy.h",
	"linux/oom.h",
	"linux/page-flags.h",
	"linux/pagemap.h",
	"linux/path.h",
	"linux/percpu.h",
	"linux/pid.h",
	"linux/pid_namespace.h",
	"linux/printk.h",
	"linux/rbtree.h",
	"linux/rcupdate.h",
	"linux/refcount.h",
	"linux/rwsem.h",
	"linux/sched/mm.h",
	"linux/sched/signal.h",
	"linux/sched/task.h",
	"linux/security.h",
	"linux/seq_file.h",
	"linux/shm.h",
	"linux/skbuff.h",
	"linux/slab.h",
	"linux/slab_def.h",
	"linux/slub_def.h",
	"linux/smp.h",
	"linux/sock_diag.h",
	"linux/spinlock.h",
	"linux/sysctl.h",
	"linux/syscalls.h",
	"linux/threads.h",
	"linux/time64.h",
	"linux/timer.h",
	"linux/tracepoint.h",
	"linux/tty.h",
	"linux/uaccess.h",
	"linux/uidgid.h",
	"linux/user_namespace.h",
	"linux/uts_namespace.h",
	"linux/virtio.h",
	"linux/workqueue.h",
	"net/af_unix.h",
	"net/flow.h",
	"net/if_inet6.h",
	"net/inet_connection_sock.h",
	"net/inet_sock.h",
	"net/ip.h",
	"net/ipv6.h",
	"net/net_namespace.h",
	"net/request_sock.h",
	"net/route.h",
	"net/sch_generic.h",
	"net/snmp.h",
	"net/sock.h",
	"net/tcp.h",
	"net/tcp_states.h",
	"net/udp.h",
	"net/xdp.h",
};

struct archive {
	kheaders_add_t add;
	void *arg;
	int err;
	u8 chunk[1 << 16];
	u32 in_chunk;
	u64 stored, given; /* bytes of LZMA2, of the archive in it */
	u32 crc;
};

/* ---- xz (tukaani.org/xz/xz-file-format.txt), LZMA2 ---- */

static void put(struct archive *a, const void *data, size_t size)
{
	if (!a->err)
		a->err = a->add(a->arg, data, size);
}

static void put_le32(struct archive *a, u32 v)
{
	u8 b[4] = { (u8)v, (u8)(v >> 8), (u8)(v >> 16), (u8)(v >> 24) };

	put(a, b, sizeof(b));
}

static void put_with_crc(struct archive *a, const u8 *data, u32 size)
{
	put(a, data, size);
	put_le32(a, (u32)crc32(0, data, size));
}

static void put_chunk(struct archive *a)
{
	u32 last = a->in_chunk - 1;
	u8 head[] = { a->stored ? 2 : 1, (u8)(last >> 8), (u8)last };

	if (!a->in_chunk)
		return;
	put(a, head, sizeof(head));
	put(a, a->chunk, a->in_chunk);
	a->stored += sizeof(head) + a->in_chunk;
	a->crc = (u32)crc32(a->crc, a->chunk, a->in_chunk);
	a->in_chunk = 0;
}

static void give(struct archive *a, const void *data, size_t size)
{
	const u8 *from = data;

	a->given += size;
	while (size) {
		u32 n = (u32)min_t(size_t, size, sizeof(a->chunk) - a->in_chunk);

		memcpy(a->chunk + a->in_chunk, from, n);
		a->in_chunk += n;
		from += n;
		size -= n;
		if (a->in_chunk == sizeof(a->chunk))
			put_chunk(a);
	}
}

static const u8 stream_flags[] = { 0, 1 }; /* checks are CRC32 */

static void xz_begin(struct archive *a)
{
	static const u8 magic[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };
	static const u8 block[] = { 2, 0, 0x21, 1, 8, 0, 0, 0 }; /* LZMA2, a dictionary of 64 KiB */

	put(a, magic, sizeof(magic));
	put_with_crc(a, stream_flags, sizeof(stream_flags));
	put_with_crc(a, block, sizeof(block));
}

static u32 number(u8 *to, u64 v)
{
	u32 n = 0;

	for (; v >= 0x80; v >>= 7)
		to[n++] = (u8)v | 0x80;
	to[n++] = (u8)v;
	return n;
}

static void xz_end(struct archive *a)
{
	static const u8 zeros[4];
	u8 index[32] = { 0, 1 }, foot[6];
	u32 n = 2;

	put_chunk(a);
	put(a, zeros, 1);
	a->stored++;
	put(a, zeros, -a->stored & 3);
	put_le32(a, a->crc);
	n += number(index + n, 12 + a->stored + 4);
	n += number(index + n, a->given);
	n = round_up(n, 4);
	put_with_crc(a, index, n);
	n = (n + 4) / 4 - 1;
	foot[0] = (u8)n;
	foot[1] = foot[2] = foot[3] = 0;
	memcpy(foot + 4, stream_flags, 2);
	put_le32(a, (u32)crc32(0, foot, sizeof(foot)));
	put(a, foot, sizeof(foot));
	put(a, "YZ", 2);
}

/* ---- tar (POSIX ustar) ---- */

static void tar_header(struct archive *a, const char *path, size_t size)
{
	char h[512] = { 0 };
	u32 sum = 0;

	snprintf(h, 100, "%s", path);
	memcpy(h + 100, "0000644", 8);
	/* The user's own: who is root by our word alone can extract it, too. */
	snprintf(h + 108, 8, "%07o", geteuid() & 07777777);
	snprintf(h + 116, 8, "%07o", getegid() & 07777777);
	snprintf(h + 124, 12, "%011zo", size);
	memcpy(h + 136, "00000000000", 12);
	memset(h + 148, ' ', 8);
	h[156] = '0';
	memcpy(h + 257, "ustar", 6);
	memcpy(h + 263, "00", 2);
	for (u32 i = 0; i < sizeof(h); i++)
		sum += (u8)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	give(a, h, sizeof(h));
}

static void tar_file(struct archive *a, const char *path, const char *text, size_t len)
{
	static const char zeros[512];

	tar_header(a, path, len);
	give(a, text, len);
	give(a, zeros, -len & 511);
}

/* ---- the files ---- */

struct text {
	char *data;
	size_t len, cap;
	int err;
};

static void add_text(void *arg, const char *piece, size_t len)
{
	struct text *t = arg;
	size_t cap = t->cap ? t->cap : 1 << 20;
	char *grown;

	while (cap - t->len < len)
		cap *= 2;
	if (!t->err && cap != t->cap) {
		grown = mem_realloc(t->data, cap);
		if (!grown) {
			t->err = -ENOMEM;
			return;
		}
		t->data = grown;
		t->cap = cap;
	}
	if (!t->err) {
		memcpy(t->data + t->len, piece, len);
		t->len += len;
	}
}

static void add_string(struct text *t, const char *s)
{
	add_text(t, s, strlen(s));
}

static int types(struct skep_system *sys, struct text *t)
{
	const struct object_btf *b = system_vmlinux(sys);
	const void *data;
	u32 size;
	int err;

	data = b ? btf_raw_data(b->btf, &size) : NULL;
	if (!data)
		return -ENOENT;
	add_string(t,
		   "#pragma GCC system_header\n#ifndef _KERNEL_TYPES_H\n#define _KERNEL_TYPES_H\n");
	err = sys->btf_to_c(data, size, add_text, t);
	add_string(t, "typedef __u64 uint64_t;\ntypedef __u32 uint32_t;\n"
		      "typedef __u16 uint16_t;\ntypedef __u8 uint8_t;\n");
	add_string(t, kheaders_constants);
	add_string(t, kheaders_macros);
	add_string(t, "#endif\n");
	return err ? err : t->err;
}

static void one_line_files(struct archive *a)
{
	static const char line[] = "#include <generated/kernel_types.h>\n";
	bool uapi = true;
	char path[80];

	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		if (!names[i]) {
			uapi = false;
			continue;
		}
		snprintf(path, sizeof(path), "include/%s", names[i]);
		tar_file(a, path, line, strlen(line));
		if (!uapi)
			continue;
		snprintf(path, sizeof(path), "include/uapi/%s", names[i]);
		tar_file(a, path, line, strlen(line));
	}
}

int kheaders_write(struct skep_system *sys, const char *options, kheaders_add_t add, void *arg)
{
	/* libbcc brings a bpf.h of its own, which is not to be read beside ours. */
	static const char kconfig[] = "#include <generated/autoconf.h>\n"
				      "#define _UAPI__LINUX_BPF_H__\n";
	u32 major = KVER_MAJOR(sys->profile), minor = KVER_MINOR(sys->profile);
	static const char zeros[1024];
	struct text t = { 0 };
	struct archive *a;
	char version[256];
	int err;

	if (!sys->btf_to_c)
		return -ENOENT;
	a = mem_zalloc(sizeof(*a));
	err = a ? types(sys, &t) : -ENOMEM;
	if (err)
		goto out;
	a->add = add;
	a->arg = arg;
	snprintf(version, sizeof(version),
		 "#define LINUX_VERSION_CODE %u\n"
		 "#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : "
		 "(c)))\n"
		 "#define LINUX_VERSION_MAJOR %u\n#define LINUX_VERSION_PATCHLEVEL %u\n"
		 "#define LINUX_VERSION_SUBLEVEL 0\n",
		 major << 16 | minor << 8, major, minor);
	xz_begin(a);
	tar_file(a, "include/linux/kconfig.h", kconfig, strlen(kconfig));
	tar_file(a, "include/generated/autoconf.h", options, strlen(options));
	tar_file(a, "include/linux/version.h", version, strlen(version));
	tar_file(a, "include/generated/uapi/linux/version.h", version, strlen(version));
	tar_file(a, "include/generated/kernel_types.h", t.data, t.len);
	one_line_files(a);
	give(a, zeros, sizeof(zeros));
	xz_end(a);
	err = a->err;
out:
	mem_free(t.data);
	mem_free(a);
	return err;
}
