/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The process that makes an instance's namespaces and lives in them (see network.h). It has one thread
 * and, in the namespaces that it owns, all capabilities; it forgets the daemon's memory and
 * descriptors first. Devices are asked for by rtnetlink(7), as `ip link add … type veth` does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/network.h"

#define LEG_MTU	   65535
#define ARENAS	   0x200000000000UL
#define ARENAS_LEN (16UL << 40)

struct keeper {
	struct network_report report;
	bool tap_wanted;
	int sock;
	int fds[NETWORK_FDS];
	u32 nr_fds;
	int user, ns[3]; /* by enum network_side */
};

/* ---- messages ---- */

int network_send(int sock, const void *msg, size_t size, const int *fds, u32 n)
{
	union {
		char bytes[CMSG_SPACE(NETWORK_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec v = { (void *)msg, size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (n) {
		struct cmsghdr *c;

		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	while (sendmsg(sock, &m, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

long network_recv(int sock, void *msg, size_t size, int *fds, u32 *n)
{
	union {
		char bytes[CMSG_SPACE(NETWORK_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec v = { msg, size };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	u32 room = *n;
	ssize_t got;

	*n = 0;
	do {
		got = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		u32 came = (u32)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		int all[NETWORK_FDS];

		memcpy(all, CMSG_DATA(c), came * sizeof(int));
		for (u32 i = 0; i < came; i++)
			if (i < room)
				fds[(*n)++] = all[i];
			else
				close(all[i]);
	}
	return got;
}

static int fail(struct keeper *k, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(struct keeper *k, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(k->report.why, sizeof(k->report.why), fmt, ap);
	va_end(ap);
	return k->report.err = err;
}

/* ---- rtnetlink ---- */

struct request {
	struct nlmsghdr h;
	char body[1024];
};

static void *begin(struct request *q, u16 type, u16 flags, size_t size)
{
	memset(q, 0, sizeof(*q));
	q->h.nlmsg_type = type;
	q->h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	q->h.nlmsg_len = (u32)NLMSG_LENGTH(size);
	return NLMSG_DATA(&q->h);
}

static struct rtattr *put(struct request *q, u16 type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (u16)RTA_LENGTH(len);
	if (len && data)
		memcpy(RTA_DATA(a), data, len);
	q->h.nlmsg_len = (u32)(NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
	return a;
}

static struct rtattr *nest(struct request *q, u16 type)
{
	return put(q, type, NULL, 0);
}

static void nest_end(struct request *q, struct rtattr *a)
{
	a->rta_len = (u16)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len) - (char *)a);
}

/* In the namespace that we are in. 0 or -errno. */
static int ask(const struct request *q)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err = -EIO;
	char buf[4096] __attribute__((aligned(8)));
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (send(fd, q, q->h.nlmsg_len, 0) < 0)
		err = -errno;
	else if ((n = recv(fd, buf, sizeof(buf), 0)) >= (ssize_t)sizeof(*h) &&
		 h->nlmsg_type == NLMSG_ERROR)
		err = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	close(fd);
	return err;
}

/* A veth pair: @leg here, @end in the namespace @ns. */
static int add_veth(const char *leg, const char *end, int ns)
{
	struct rtattr *info, *data, *peer;
	struct request q;
	u32 mtu = LEG_MTU;

	begin(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
	put(&q, IFLA_IFNAME, leg, strlen(leg) + 1);
	put(&q, IFLA_MTU, &mtu, sizeof(mtu));
	info = nest(&q, IFLA_LINKINFO);
	put(&q, IFLA_INFO_KIND, "veth", 4);
	data = nest(&q, IFLA_INFO_DATA);
	peer = nest(&q, VETH_INFO_PEER);
	q.h.nlmsg_len += (u32)sizeof(struct ifinfomsg);
	put(&q, IFLA_IFNAME, end, strlen(end) + 1);
	put(&q, IFLA_NET_NS_FD, &ns, sizeof(ns));
	nest_end(&q, peer);
	nest_end(&q, data);
	nest_end(&q, info);
	return ask(&q);
}

static int add_address(u32 ifindex, int family, const void *address, u32 len, u8 prefix)
{
	struct ifaddrmsg *m;
	struct request q;

	m = begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	m->ifa_family = (u8)family;
	m->ifa_prefixlen = prefix;
	m->ifa_index = ifindex;
	if (family == AF_INET6)
		m->ifa_flags = IFA_F_NODAD; /* there is nobody else, and no second to wait */
	put(&q, IFA_LOCAL, address, len);
	put(&q, IFA_ADDRESS, address, len);
	return ask(&q);
}

static int add_default_route(int family, const void *gateway, u32 len)
{
	struct request q;
	struct rtmsg *m = begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));

	m->rtm_family = (u8)family;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_type = RTN_UNICAST;
	put(&q, RTA_GATEWAY, gateway, len);
	return ask(&q);
}

/* ---- devices, by ioctl ---- */

static int control(unsigned long request, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, request, r))
		err = -errno;
	close(fd);
	return err;
}

static struct ifreq named(const char *name)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return r;
}

static int bring_up(const char *name, short more)
{
	struct ifreq r = named(name);
	int err = control(SIOCGIFFLAGS, &r);

	if (err)
		return err;
	r.ifr_flags |= (short)(IFF_UP | more);
	return control(SIOCSIFFLAGS, &r);
}

static void set_mtu(const char *name, int mtu)
{
	struct ifreq r = named(name);

	r.ifr_mtu = mtu;
	control(SIOCSIFMTU, &r);
}

/*
 * What the wire carries are whole frames: the stacks at both ends work out their checksums, and neither
 * split large packets nor join small ones behind its back.
 */
static void no_offloads(const char *name)
{
	static const u32 off[] = { ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO,
				   ETHTOOL_SGRO,    ETHTOOL_SSG,  ETHTOOL_SFLAGS };

	for (u32 i = 0; i < sizeof(off) / sizeof(*off); i++) {
		struct ethtool_value v = { .cmd = off[i], .data = 0 };
		struct ifreq r = named(name);

		r.ifr_data = (void *)&v;
		control(SIOCETHTOOL, &r);
	}
}

/* ---- namespaces ---- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* The kernel's knobs that forbid it, where they are there. */
static const char *why_no_user_namespace(int err)
{
	static const struct {
		const char *path, *forbidding, *text;
	} knobs[] = {
		{ "/proc/sys/kernel/unprivileged_userns_clone", "0",
		  "kernel.unprivileged_userns_clone is 0" },
		{ "/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces is 0" },
		{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
		  "kernel.apparmor_restrict_unprivileged_userns is 1" },
	};
	char c[8];

	for (u32 i = 0; i < sizeof(knobs) / sizeof(*knobs); i++) {
		int fd = open(knobs[i].path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, c, sizeof(c) - 1);

		if (fd >= 0)
			close(fd);
		c[n > 0 ? n : 0] = 0;
		c[strcspn(c, "\n")] = 0;
		if (!strcmp(c, knobs[i].forbidding))
			return knobs[i].text;
	}
	return err == -ENOSPC ? "the limit of user namespaces is reached" :
				"a container's filter, or a security module, forbids it";
}

static int enter_user_namespace(struct keeper *k)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];
	int err;

	if (unshare(CLONE_NEWUSER)) {
		err = -errno;
		return fail(k, err,
			    "no network of its own: user namespaces are not permitted (%s: %s); "
			    "root needs none",
			    strerror(-err), why_no_user_namespace(err));
	}
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	err = write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	if (!err)
		err = write_file("/proc/self/gid_map", map);
	if (err)
		return fail(k, err, "no network of its own: the user namespace gets no id map: %s",
			    strerror(-err));
	k->report.user = true;
	k->user = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	return k->user < 0 ? fail(k, -errno, "/proc/self/ns/user: %s", strerror(errno)) : 0;
}

static int new_namespace(struct keeper *k, enum network_side side)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	k->ns[side] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return k->ns[side] < 0 ? -errno : 0;
}

static int go_to(const struct keeper *k, enum network_side side)
{
	return setns(k->ns[side], CLONE_NEWNET) ? -errno : 0;
}

static int make_namespaces(struct keeper *k)
{
	int err = new_namespace(k, NETWORK_WIRE);

	if (err == -EPERM) {
		err = enter_user_namespace(k);
		if (err)
			return err;
		err = new_namespace(k, NETWORK_WIRE);
	}
	if (!err) {
		/* The wire's own stack is to say nothing. A container's /proc/sys may be read-only: then NOARP does. */
		write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
		write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
		err = new_namespace(k, NETWORK_INSTANCE);
	}
	err = err ?: new_namespace(k, NETWORK_PARTNER);
	if (err && k->report.user)
		return fail(k, err,
			    "no network of its own: network namespaces are not permitted (%s: %s)",
			    strerror(-err), why_no_user_namespace(err));
	return err ? fail(k, err, "no network of its own: network namespaces are not permitted: %s",
			  strerror(-err)) :
		     0;
}

/* ---- ports ---- */

static void leg_name(char *to, const char *which, u32 i)
{
	snprintf(to, IFNAMSIZ, "%s%u", which, i);
}

static int make_veths(struct keeper *k, u32 i)
{
	struct network_port *p = &k->report.ports[i];
	char inner[IFNAMSIZ], outer[IFNAMSIZ];
	int err = go_to(k, NETWORK_WIRE);

	leg_name(inner, "in", i);
	leg_name(outer, "out", i);
	err = err ?: add_veth(inner, p->name, k->ns[NETWORK_INSTANCE]);
	err = err ?: add_veth(outer, p->name, k->ns[NETWORK_PARTNER]);
	no_offloads(inner);
	no_offloads(outer);
	err = err ?: bring_up(inner, IFF_NOARP);
	err = err ?: bring_up(outer, IFF_NOARP);
	p->inner = if_nametoindex(inner);
	p->outer = if_nametoindex(outer);
	for (int leg = 0; leg < 2 && !err; leg++) {
		/* Protocol 0: it gets nothing before it is bound. */
		int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0)
			return -errno;
		k->fds[k->nr_fds++] = fd;
	}
	return err;
}

static int make_tap(const char *name)
{
	struct ifreq r = named(name);
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), err;

	if (fd < 0)
		return -errno;
	r.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &r)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int make_taps(struct keeper *k, u32 i)
{
	for (int side = NETWORK_INSTANCE; side <= NETWORK_PARTNER; side++) {
		int err = go_to(k, (enum network_side)side), fd;

		fd = err ? err : make_tap(k->report.ports[i].name);
		if (fd < 0)
			return fd;
		k->fds[k->nr_fds++] = fd;
	}
	return 0;
}

/* One end of port @i, in @side: host number 2 is the instance, 1 the partner. */
static int set_up_end(struct keeper *k, u32 i, enum network_side side)
{
	u8 host = side == NETWORK_INSTANCE ? 2 : 1, v4[4] = { 10, 0, (u8)i, host };
	u8 v6[16] = { 0xfd, 0x00, 0x05, 0xeb, 0, 0, 0, (u8)i, [15] = host };
	struct network_port *p = &k->report.ports[i];
	struct ifreq r = named(p->name);
	u32 ifindex;
	int err = go_to(k, side);

	if (err)
		return err;
	no_offloads(p->name);
	set_mtu(p->name, 1500);
	err = control(SIOCGIFHWADDR, &r);
	memcpy(side == NETWORK_INSTANCE ? p->mac : p->partner, r.ifr_hwaddr.sa_data, 6);
	ifindex = if_nametoindex(p->name);
	if (side == NETWORK_INSTANCE)
		p->ifindex = ifindex;
	else
		p->partner_ifindex = ifindex;
	err = err ?: add_address(ifindex, AF_INET, v4, sizeof(v4), 24);
	err = err ?: bring_up("lo", 0);
	err = err ?: bring_up(p->name, 0);
	if (!err) /* a kernel may have no IPv6 */
		add_address(ifindex, AF_INET6, v6, sizeof(v6), 64);
	if (err || side != NETWORK_INSTANCE || i)
		return err;
	/* What is sent elsewhere goes to the partner, who may have more addresses. */
	v4[3] = v6[15] = 1;
	add_default_route(AF_INET6, v6, sizeof(v6));
	return add_default_route(AF_INET, v4, sizeof(v4));
}

static int make_port(struct keeper *k, u32 i)
{
	struct network_port *p = &k->report.ports[i];
	int err = 0, tap;

	if (!k->report.tap) {
		err = make_veths(k, i);
		/* No veth here: TAP needs a file that not everybody may open. */
		if (!i && (err == -EOPNOTSUPP || err == -ENODEV || err == -EPERM)) {
			k->report.tap = true;
			tap = make_taps(k, i);
			if (tap)
				return fail(k, err,
					    "no network of its own: neither veth (%s) nor TAP "
					    "(/dev/net/tun: %s) is permitted",
					    strerror(-err), strerror(-tap));
			err = 0;
		}
	} else {
		err = make_taps(k, i);
		if (err)
			return fail(k, err, "no network of its own: TAP (/dev/net/tun): %s",
				    strerror(-err));
	}
	err = err ?: set_up_end(k, i, NETWORK_INSTANCE);
	err = err ?: set_up_end(k, i, NETWORK_PARTNER);
	return err ? fail(k, err, "no network of its own: interface %s: %s", p->name,
			  strerror(-err)) :
		     0;
}

static int read_names(struct keeper *k, const char *names)
{
	char list[NETWORK_NAMES], *save, *name;

	snprintf(list, sizeof(list), "%s", names && *names ? names : "eth0");
	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (!strcmp(name, "tap")) {
			k->report.tap = true;
			continue;
		}
		if (!strcmp(name, "netkit")) {
			k->report.netkit = true;
			continue;
		}
		if (k->report.nr_ports == NETWORK_PORTS)
			return fail(k, -EINVAL, "at most %d interfaces", NETWORK_PORTS);
		if (strlen(name) >= IFNAMSIZ || !strcmp(name, "lo") || strpbrk(name, "/: "))
			return fail(k, -EINVAL, "%.32s: no name for an interface", name);
		snprintf(k->report.ports[k->report.nr_ports++].name, IFNAMSIZ, "%s", name);
	}
	if (!k->report.nr_ports)
		snprintf(k->report.ports[k->report.nr_ports++].name, IFNAMSIZ, "eth0");
	return 0;
}

/* ---- the process ---- */

/* What is the daemon's: a copy of a descriptor, or of a mapping, would count as its holder. */
static void forget_daemon(int *sock)
{
	if (dup2(*sock, 3) != 3)
		_exit(1);
	*sock = 3;
	syscall(SYS_close_range, 4, ~0U, 0);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	munmap((void *)ARENAS, ARENAS_LEN);
	prctl(PR_SET_NAME, "skep-network");
	/* /proc/self is its own only so; nothing of the daemon's that is secret is in a copy of it. */
	prctl(PR_SET_DUMPABLE, 1);
}

static int make_all(struct keeper *k, const char *names)
{
	int err = read_names(k, names);

	err = err ?: make_namespaces(k);
	if (err)
		return err;
	if (k->report.user)
		k->fds[k->nr_fds++] = k->user;
	for (int side = NETWORK_INSTANCE; side <= NETWORK_WIRE; side++)
		k->fds[k->nr_fds++] = k->ns[side];
	for (u32 i = 0; i < k->report.nr_ports && !err; i++)
		err = make_port(k, i);
	return err;
}

static void serve(struct keeper *k)
{
	struct network_wish w;
	u32 none = 0;
	s32 answer;
	int fd;

	while (network_recv(k->sock, &w, sizeof(w), NULL, &none) == (long)sizeof(w)) {
		fd = -1;
		answer = w.side > NETWORK_WIRE ? -EINVAL : go_to(k, (enum network_side)w.side);
		if (!answer && w.domain == NETWORK_LOCALNET) {
			answer = write_file("/proc/sys/net/ipv4/conf/all/route_localnet", "1") ?:
					 -ENOENT;
		} else if (!answer) {
			fd = socket(w.domain, w.type | SOCK_CLOEXEC, w.protocol);
			answer = fd < 0 ? -errno : 0;
		}
		network_send(k->sock, &answer, sizeof(answer), &fd, fd >= 0);
		if (fd >= 0)
			close(fd);
		none = 0;
	}
}

void network_keeper(int sock, const char *names)
{
	static struct keeper k;
	int err;

	forget_daemon(&sock);
	k.sock = sock;
	k.user = -1;
	err = make_all(&k, names);
	network_send(sock, &k.report, sizeof(k.report), k.fds, err ? 0 : k.nr_fds);
	if (err)
		_exit(0);
	/* The legs are the daemon's now. */
	for (u32 i = 3 + k.report.user; i < k.nr_fds; i++)
		close(k.fds[i]);
	serve(&k);
	_exit(0);
}
