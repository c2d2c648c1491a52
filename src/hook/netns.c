/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of network namespaces (Linux: kernel/bpf/net_namespace.c, nf_bpf_link.c).
 *
 * DIFF(netns-end): that a namespace has ended is not seen; a link to it goes on showing it.
 */
#include "hook/netns.h"

#include <errno.h>
#include <limits.h>

#include "base/mem.h"
#include "hook/internal.h"

#define SK_LOOKUP_MAX 64
#define NF_HOOKS      5
#define NF_IPV4	      2
#define NF_IPV6	      10
#define NF_DEFRAG     1	     /* BPF_F_NETFILTER_IP_DEFRAG */
#define NF_DEFRAG_PRI (-400) /* NF_IP_PRI_CONNTRACK_DEFRAG */

/* Index of the lists of one namespace. */
enum { FLOW_DISSECTOR, SK_LOOKUP, NETFILTER, LISTS = NETFILTER + 2 * NF_HOOKS };

struct netns_hooks {
	struct netns_hooks *next;
	u64 ino;
	bool first;		     /* the machine's */
	struct prog_object *direct;  /* flow dissector without a link */
	struct hook_progs *v[LISTS]; /* NULL: none; read with load_acquire() in a slot */
};

struct netns_link {
	struct link_object l;
	struct netns_hooks *ns; /* NULL: detached */
	u32 list;
	u64 ino;
	struct netfilter_place place;
};

static struct netns_hooks *find(const struct skep_system *sys, u64 ino)
{
	struct netns_hooks *ns;

	for (ns = load_acquire(&sys->netns); ns && ns->ino != ino; ns = load_acquire(&ns->next))
		;
	return ns;
}

static struct netns_hooks *get(struct skep_system *sys, u64 ino, bool first)
{
	struct netns_hooks *ns = find(sys, ino);

	if (ns)
		return ns;
	ns = mem_zalloc(sizeof(*ns));
	if (!ns)
		return NULL;
	ns->ino = ino;
	ns->first = first;
	ns->next = sys->netns;
	store_release(&sys->netns, ns);
	return ns;
}

static int list_of(u32 attach_type)
{
	return attach_type == BPF_FLOW_DISSECTOR ? FLOW_DISSECTOR :
	       attach_type == BPF_SK_LOOKUP	 ? SK_LOOKUP :
						   -EINVAL;
}

const struct hook_progs *netns_effective(const struct skep_system *sys, u64 ino, u32 attach_type)
{
	const struct netns_hooks *ns = find(sys, ino);
	int list = list_of(attach_type);

	return ns && list >= 0 ? load_acquire(&ns->v[list]) : NULL;
}

const struct hook_progs *netns_dissector(const struct skep_system *sys, u64 ino)
{
	const struct hook_progs *found = NULL;

	for (const struct netns_hooks *ns = load_acquire(&sys->netns); ns;
	     ns = load_acquire(&ns->next)) {
		const struct hook_progs *progs = load_acquire(&ns->v[FLOW_DISSECTOR]);

		if (progs && (ns->first || ns->ino == ino))
			found = progs;
		if (progs && ns->first)
			break;
	}
	return found;
}

static int netfilter_list(u32 pf, u32 hooknum)
{
	return NETFILTER + (int)hooknum + (pf == NF_IPV6 ? NF_HOOKS : 0);
}

const struct hook_progs *netfilter_effective(const struct skep_system *sys, u64 ino, u32 pf,
					     u32 hooknum)
{
	const struct netns_hooks *ns = find(sys, ino);

	return ns && hooknum < NF_HOOKS ? load_acquire(&ns->v[netfilter_list(pf, hooknum)]) : NULL;
}

/* ---- changing a list ---- */

static void progs_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct hook_progs, retired));
}

static void publish(struct skep_system *sys, struct hook_progs **at, struct hook_progs *new)
{
	struct hook_progs *old = *at;

	store_release(at, new);
	hooks_changed(sys);
	if (old) {
		old->retired.free = progs_free;
		arena_retire(sys->arena, &sys->retired, &old->retired);
	}
}

static int put_in(struct skep_system *sys, struct hook_progs **list, u32 at,
		  const struct hook_prog *entry)
{
	struct hook_progs *old = *list, *new;
	u32 n = old ? old->n : 0;

	new = mem_zalloc(sizeof(*new) + (n + 1) * sizeof(new->v[0]));
	if (!new)
		return -ENOMEM;
	new->n = n + 1;
	for (u32 i = 0; i < n; i++)
		new->v[i + (i >= at)] = old->v[i];
	new->v[at] = *entry;
	publish(sys, list, new);
	return 0;
}

static void take_out(struct skep_system *sys, struct hook_progs **list, const void *key)
{
	struct hook_progs *old = *list, *new = NULL;
	u32 at;

	for (at = 0; old && at < old->n && old->v[at].key != key; at++)
		;
	if (!old || at == old->n)
		return;
	if (old->n > 1) {
		new = mem_zalloc(sizeof(*new) + (old->n - 1) * sizeof(new->v[0]));
		if (!new) { /* in place: this must not fail */
			for (u32 i = at; i + 1 < old->n; i++)
				old->v[i] = old->v[i + 1];
			WRITE_ONCE(old->n, old->n - 1);
			hooks_changed(sys);
			return;
		}
		new->n = old->n - 1;
		for (u32 i = 0; i < new->n; i++)
			new->v[i] = old->v[i + (i >= at)];
	}
	publish(sys, list, new);
}

/* A flow dissector of the first namespace is everybody's: others cannot be beside it. */
static int dissector_allowed(const struct skep_system *sys, const struct netns_hooks *ns)
{
	for (const struct netns_hooks *o = sys->netns; o; o = o->next)
		if (o != ns && o->v[FLOW_DISSECTOR] && (ns->first || o->first))
			return -EEXIST;
	return 0;
}

/* ---- without links: flow dissectors ---- */

int netns_attach(struct skep_system *sys, u64 ino, bool first, struct prog_object *prog)
{
	struct hook_prog entry = { .prog = prog->prog, .owner = prog, .key = prog };
	struct netns_hooks *ns = get(sys, ino, first);
	struct hook_progs *new;
	int err;

	if (!ns)
		return -ENOMEM;
	if (ns->v[FLOW_DISSECTOR] && !ns->direct)
		return -EEXIST; /* a link is there */
	err = dissector_allowed(sys, ns);
	if (err)
		return err;
	if (ns->direct == prog)
		return -EINVAL;
	new = mem_zalloc(sizeof(*new) + sizeof(new->v[0]));
	if (!new)
		return -ENOMEM;
	new->n = 1;
	new->v[0] = entry;
	publish(sys, &ns->v[FLOW_DISSECTOR], new);
	object_get(&prog->obj);
	object_put((struct object *)ns->direct);
	ns->direct = prog;
	return 0;
}

int netns_detach(struct skep_system *sys, u64 ino, struct prog_object *prog)
{
	struct netns_hooks *ns = find(sys, ino);

	if (ns && ns->v[FLOW_DISSECTOR] && !ns->direct)
		return -EINVAL;
	if (!ns || !ns->direct || ns->direct != prog)
		return -ENOENT;
	publish(sys, &ns->v[FLOW_DISSECTOR], NULL);
	ns->direct = NULL;
	object_put(&prog->obj);
	return 0;
}

/* ---- links ---- */

static void link_release(struct link_object *link)
{
	struct netns_link *l = (struct netns_link *)link;

	if (l->ns)
		take_out(link->obj.sys, &l->ns->v[l->list], l);
	l->ns = NULL;
}

static int link_detach(struct link_object *link)
{
	link_release(link);
	return 0;
}

static int link_update(struct link_object *link, struct prog_object *new_prog,
		       struct prog_object *old_prog)
{
	struct netns_link *l = (struct netns_link *)link;
	struct hook_progs *old, *new;

	if (old_prog && old_prog != link->prog)
		return -EPERM;
	if (new_prog->prog->type != link->prog->prog->type)
		return -EINVAL;
	if (!l->ns)
		return -ENOLINK;
	old = l->ns->v[l->list];
	new = mem_dup(old, sizeof(*old) + old->n * sizeof(old->v[0]));
	if (!new)
		return -ENOMEM;
	for (u32 i = 0; i < new->n; i++)
		if (new->v[i].key == l) {
			new->v[i].prog = new_prog->prog;
			new->v[i].owner = new_prog;
		}
	publish(link->obj.sys, &l->ns->v[l->list], new);
	object_put(&link->prog->obj);
	link->prog = new_prog;
	return 0;
}

static int link_fill_info(const struct link_object *link, struct bpf_link_info *info)
{
	const struct netns_link *l = (const struct netns_link *)link;

	info->netns.netns_ino = l->ns ? (u32)l->ino : 0;
	info->netns.attach_type = link->attach_type;
	return 0;
}

static const struct bpf_link_ops netns_link_ops = {
	.release = link_release,
	.detach = link_detach,
	.update_prog = link_update,
	.fill_info = link_fill_info,
};

static int netfilter_update(struct link_object *link, struct prog_object *new_prog,
			    struct prog_object *old_prog)
{
	return -EOPNOTSUPP;
}

static int netfilter_fill_info(const struct link_object *link, struct bpf_link_info *info)
{
	const struct netns_link *l = (const struct netns_link *)link;

	info->netfilter.pf = l->place.pf;
	info->netfilter.hooknum = l->place.hooknum;
	info->netfilter.priority = l->place.priority;
	info->netfilter.flags = l->place.flags;
	return 0;
}

static const struct bpf_link_ops netfilter_link_ops = {
	.release = link_release,
	.detach = link_detach,
	.update_prog = netfilter_update,
	.fill_info = netfilter_fill_info,
};

/* A link at position @at of @list. */
static struct link_object *attach(struct skep_system *sys, struct netns_hooks *ns, u32 list, u32 at,
				  u32 type, u32 attach_type, const struct bpf_link_ops *ops,
				  struct prog_object *prog, const struct netfilter_place *place,
				  int *err)
{
	struct hook_prog entry = { .prog = prog->prog, .owner = prog };
	struct netns_link *l;

	object_get(&prog->obj);
	l = (struct netns_link *)link_new(sys, sizeof(*l), type, attach_type, ops, prog);
	if (!l) {
		object_put(&prog->obj);
		*err = -ENOMEM;
		return NULL;
	}
	l->list = list;
	l->ino = ns->ino;
	entry.link = &l->l;
	entry.key = l;
	if (place) {
		l->place = *place;
		entry.priority = place->priority;
		entry.defrag = place->flags & NF_DEFRAG;
	}
	*err = put_in(sys, &ns->v[list], at, &entry);
	if (*err) {
		object_put(&l->l.obj);
		return NULL;
	}
	l->ns = ns;
	return &l->l;
}

struct link_object *link_attach_netns(struct skep_system *sys, u64 ino, bool first,
				      struct prog_object *prog, u32 attach_type, int *err)
{
	struct netns_hooks *ns = get(sys, ino, first);
	int list = list_of(attach_type);
	u32 n;

	*err = ns ? list : -ENOMEM;
	if (*err < 0)
		return NULL;
	n = ns->v[list] ? ns->v[list]->n : 0;
	if (n - (n && list == FLOW_DISSECTOR && ns->direct) >=
	    (list == FLOW_DISSECTOR ? 1 : SK_LOOKUP_MAX))
		*err = -E2BIG;
	else if (list == FLOW_DISSECTOR && ns->direct)
		*err = -EEXIST;
	else if (list == FLOW_DISSECTOR)
		*err = dissector_allowed(sys, ns);
	if (*err < 0)
		return NULL;
	return attach(sys, ns, (u32)list, n, BPF_LINK_TYPE_NETNS, attach_type, &netns_link_ops,
		      prog, NULL, err);
}

static int check_place(const struct skep_system *sys, const struct netfilter_place *p)
{
	u32 known = visible(sys->profile, KVER(6, 6)) ? NF_DEFRAG : 0;

	if (p->pf != NF_IPV4 && p->pf != NF_IPV6)
		return -EAFNOSUPPORT;
	if (p->hooknum >= NF_HOOKS)
		return -EPROTO;
	if (p->flags & ~known)
		return -EOPNOTSUPP;
	if (p->priority == INT_MIN || p->priority == INT_MAX ||
	    (p->flags & NF_DEFRAG && p->priority <= NF_DEFRAG_PRI))
		return -ERANGE;
	return 0;
}

struct link_object *link_attach_netfilter(struct skep_system *sys, u64 ino,
					  struct prog_object *prog,
					  const struct netfilter_place *place, int *err)
{
	struct netns_hooks *ns;
	u32 list, at = 0;

	*err = check_place(sys, place);
	if (*err)
		return NULL;
	ns = get(sys, ino, false);
	*err = -ENOMEM;
	if (!ns)
		return NULL;
	list = (u32)netfilter_list(place->pf, place->hooknum);
	for (; ns->v[list] && at < ns->v[list]->n; at++) {
		s32 other = ((const struct netns_link *)ns->v[list]->v[at].key)->place.priority;

		*err = -EBUSY; /* the order of two would be nobody's choice */
		if (other == place->priority)
			return NULL;
		if (other > place->priority)
			break;
	}
	return attach(sys, ns, list, at, BPF_LINK_TYPE_NETFILTER, BPF_NETFILTER,
		      &netfilter_link_ops, prog, place, err);
}

void netns_stop(struct skep_system *sys)
{
	struct netns_hooks *ns;

	while ((ns = sys->netns)) {
		sys->netns = ns->next;
		object_put((struct object *)ns->direct);
		for (u32 i = 0; i < LISTS; i++)
			mem_free(ns->v[i]);
		mem_free(ns);
	}
}
