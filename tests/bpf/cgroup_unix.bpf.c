// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Names of UNIX sockets that programs of a cgroup change, for tests/tools/unix_names.c, which says by
 * array names what becomes of which: attach types by libbpf's name of INET4's, the tool sets its own.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define KERNEL __attribute__((preserve_access_index))

struct sock_common {
	unsigned short skc_family;
} KERNEL;
struct sock {
	struct sock_common __sk_common;
} KERNEL;
struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
} KERNEL;
struct bpf_sock_addr_kern {
	struct sock *sk;
	void *uaddr;
	__u32 uaddrlen;
} KERNEL;

extern int bpf_sock_addr_set_sun_path(struct bpf_sock_addr_kern *sa, const __u8 *path,
				      __u32 path__sz) __ksym;
extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;

struct name {
	__u32 len; /* of path; 0: it stays */
	__u32 deny;
	char path[112];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 5);
	__type(key, __u32);
	__type(value, struct name);
} names SEC(".maps");

struct seen {
	__u32 runs, family, sk_family, type, len, len_after;
	int error, sk;
	char path[112], path_after[112];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 5);
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

/* Lengths are constants to the verifier: the ones that the tool asks for. */
static int set(struct bpf_sock_addr_kern *sa, struct name *n)
{
	const __u8 *path = (const __u8 *)n->path;

	switch (n->len) {
	case 1:
		return bpf_sock_addr_set_sun_path(sa, path, 1);
	case 7:
		return bpf_sock_addr_set_sun_path(sa, path, 7);
	case 20:
		return bpf_sock_addr_set_sun_path(sa, path, 20);
	case 108:
		return bpf_sock_addr_set_sun_path(sa, path, 108);
	case 109:
		return bpf_sock_addr_set_sun_path(sa, path, 109);
	}
	return 1;
}

static int on(struct bpf_sock_addr *ctx, __u32 i)
{
	struct name *n = bpf_map_lookup_elem(&names, &i);
	struct seen *s = bpf_map_lookup_elem(&seen, &i);
	struct bpf_sock_addr_kern *sa;
	struct sockaddr_un *un;

	if (!n || !s)
		return 1;
	sa = bpf_cast_to_kern_ctx(ctx);
	s->runs++;
	s->family = ctx->user_family;
	s->sk_family = ctx->family;
	s->type = ctx->type;
	s->len = sa->uaddrlen;
	s->sk = sa->sk && sa->sk->__sk_common.skc_family == ctx->family;
	un = bpf_rdonly_cast(sa->uaddr, bpf_core_type_id_kernel(struct sockaddr_un));
	bpf_probe_read_kernel(s->path, 108, un->sun_path);
	s->error = n->len ? set(sa, n) : 0;
	s->len_after = sa->uaddrlen;
	bpf_probe_read_kernel(s->path_after, 108, un->sun_path);
	return !n->deny;
}

SEC("cgroup/connect4")
int on_connect(struct bpf_sock_addr *ctx)
{
	return on(ctx, 0);
}

SEC("cgroup/sendmsg4")
int on_sendmsg(struct bpf_sock_addr *ctx)
{
	return on(ctx, 1);
}

SEC("cgroup/recvmsg4")
int on_recvmsg(struct bpf_sock_addr *ctx)
{
	on(ctx, 2);
	return 1;
}

SEC("cgroup/getpeername4")
int on_getpeername(struct bpf_sock_addr *ctx)
{
	on(ctx, 3);
	return 1;
}

SEC("cgroup/getsockname4")
int on_getsockname(struct bpf_sock_addr *ctx)
{
	on(ctx, 4);
	return 1;
}
