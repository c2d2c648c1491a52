/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The daemon: hosts instances for the processes of one user. It is made by the first client
 * (client.c), which has bound its socket and listens already, and ends when no process, no pin and
 * no connection holds anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/client.h"
#include "daemon/daemon.h"
#include "event/lirc.h"
#include "front/rtnl.h"
#include "object/cgroup_tree.h"
#include "object/pins.h"

#define IDLE_MS	   200 /* nobody speaks and nothing is held: then it ends */
#define SUSPECT_MS 20  /* closed descriptors are looked at again so often */
#define PATIENCE_S 10  /* with a client that does not go on */

void daemon_wake(struct daemon *d)
{
	eventfd_write(d->wake_fd, 1);
}

/* ---- instances; the lock is held ---- */

static struct instance *instance_find(struct daemon *d, const char *name)
{
	struct instance *i = d->instances;

	while (i && (i->stopping || strcmp(i->name, name)))
		i = i->next;
	return i;
}

static const char *given(const char *option)
{
	return *option ? option : NULL;
}

static void instance_discard(struct instance *i)
{
	network_stop(i->net);
	lirc_stop(i->sys);
	pthread_mutex_destroy(&i->start_lock);
	skep_system_free(i->sys);
	trace_pipe_free(i->trace);
	folders_free(i->folders);
	netlink_free(i->netlink);
	shown_free(i->shown);
	mem_free(i);
}

/* The lock is not held. */
static void instance_free(struct instance *i)
{
	observers_stop(i);
	instance_discard(i);
}

static struct instance *instance_new(struct daemon *d, const struct wire_request *q,
				     struct wire_answer *a)
{
	struct skep_system_opts opts = {
		.sz = sizeof(opts),
		.kernel = given(q->kernel),
		.btf = given(q->btf),
		.caps = given(q->caps),
		.jit = given(q->jit),
		.verdict = given(q->verdict),
		.unprivileged_bpf_disabled = given(q->unprivileged),
	};
	struct instance *i = mem_zalloc(sizeof(*i));
	int err;

	if (!i)
		return NULL;
	i->daemon = d;
	snprintf(i->name, sizeof(i->name), "%s", q->instance);
	snprintf(i->kernel, sizeof(i->kernel), "%s", q->kernel);
	i->trace = trace_pipe_new();
	i->folders = folders_new(d->folder);
	i->netlink = netlink_new();
	i->shown = shown_new();
	i->sys = i->trace && i->folders && i->netlink && i->shown ? skep_system_new(&opts) : NULL;
	if (!i->sys) {
		a->err = -errno;
		snprintf(a->text, sizeof(a->text), "no system: %s", strerror(errno));
		trace_pipe_free(i->trace);
		folders_free(i->folders);
		netlink_free(i->netlink);
		shown_free(i->shown);
		mem_free(i);
		return NULL;
	}
	pthread_mutex_init(&i->start_lock, NULL);
	err = cgroup_tree_start(i->sys, d->folder);
	if (err) {
		a->err = err;
		snprintf(a->text, sizeof(a->text), "no folder for the instance's cgroups in %s: %s",
			 d->folder, strerror(-err));
		instance_discard(i);
		return NULL;
	}
	skep_set_trace(i->sys, trace_pipe_write, i->trace);
	i->sys->btf_to_c = d->btf_to_c;
	i->next = d->instances;
	d->instances = i;
	return i;
}

/* Whether there is anything in its BPF file systems, beside what is there from the beginning. */
static bool pins_hold(struct instance *i)
{
	const struct pin_who who = { .override = true };
	struct pin_entry e;
	const char *mount;

	for (u32 m = 0; (mount = pins_mount_at(i->sys, m)); m++)
		for (u32 n = 2; !pins_readdir(i->sys, &who, mount, n, &e); n++)
			if (strcmp(e.name, "maps.debug") && strcmp(e.name, "progs.debug"))
				return true;
	return false;
}

/* An instance that nothing holds leaves the list. NULL: each is held. */
static struct instance *instance_unheld(struct daemon *d)
{
	for (struct instance **p = &d->instances; *p; p = &(*p)->next) {
		struct instance *i = *p;

		if (i->sessions || i->users ||
		    (!i->stopping && (pins_hold(i) || cgroup_tree_used(i->sys) ||
				      rtnl_anything(i->sys) || lirc_used(i->sys))))
			continue;
		*p = i->next;
		return i;
	}
	return NULL;
}

/* ---- what clients ask ---- */

struct connection {
	struct daemon *daemon;
	int sock;
	struct ucred peer;
	int sources[LIRC_DEVICES]; /* that came with the request */
	u32 nr_sources;
};

static int find_task(struct supervisor *sv, void *arg)
{
	return task_find(sv->sys, *(pid_t *)arg) ? 1 : 0;
}

/* Whether process @pid is a subject. The lock is held. */
static int find_subject(struct supervisor *sv, void *arg)
{
	struct task *t = task_find(sv->sys, *(pid_t *)arg);
	struct session *s = t ? t->trace->process->owner : NULL;

	return s && s->confined;
}

static bool is_subject(struct daemon *d, pid_t pid)
{
	bool found = false;

	pthread_mutex_lock(&d->lock);
	for (struct instance *i = d->instances; i && !found; i = i->next)
		found = i->sys->supervisor &&
			supervisor_call(i->sys->supervisor, find_subject, &pid) == 1;
	pthread_mutex_unlock(&d->lock);
	return found;
}

/* The instance that process @pid is in; NULL: none. The lock is held. */
static struct instance *instance_of(struct daemon *d, pid_t pid)
{
	for (struct instance *i = d->instances; i; i = i->next)
		for (struct session *s = i->sessions; s; s = s->next)
			if (members_have(s, (u32)pid))
				return i;
	for (struct instance *i = d->instances; i; i = i->next)
		if (i->sys->supervisor && supervisor_call(i->sys->supervisor, find_task, &pid) == 1)
			return i;
	return NULL;
}

static void refuse(struct wire_answer *a, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void refuse(struct wire_answer *a, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
	a->op = WIRE_REFUSED;
	a->err = err;
}

/* The instance for an EXEC, counted as used; a->op tells what else is to be done. */
static struct instance *instance_for(struct connection *c, const struct wire_request *q,
				     struct wire_answer *a)
{
	struct daemon *d = c->daemon;
	struct instance *i, *inside;

	pthread_mutex_lock(&d->lock);
	inside = instance_of(d, c->peer.pid);
	i = inside && !q->named ? inside : instance_find(d, q->instance);
	if (inside && i != inside) {
		refuse(a, -EBUSY,
		       "this process is in instance %s, from which none can go to another",
		       inside->name);
		i = NULL;
	} else if (i && *q->kernel && strcmp(q->kernel, i->kernel)) {
		refuse(a, -EEXIST, "instance %s runs as Linux %s already", i->name,
		       *i->kernel ? i->kernel : "of the newest release");
		i = NULL;
	} else if (inside) {
		a->op = WIRE_INSIDE;
	} else {
		a->op = WIRE_FILTER;
		if (!i)
			i = instance_new(d, q, a);
		if (!i)
			a->op = WIRE_REFUSED;
	}
	if (i) {
		i->users++;
		snprintf(a->instance, sizeof(a->instance), "%s", i->name);
	}
	pthread_mutex_unlock(&d->lock);
	return i;
}

static void instance_unuse(struct instance *i)
{
	struct daemon *d = i->daemon;

	pthread_mutex_lock(&d->lock);
	i->users--;
	pthread_mutex_unlock(&d->lock);
	daemon_wake(d);
}

/*
 * The network that the client is to be in, made if it asks for one: a->nr_net. Who comes from within
 * the instance stays where it is unless it asks.
 */
static int instance_network(struct instance *i, const struct wire_request *q, struct wire_answer *a)
{
	char why[256] = "";
	int err = 0, fds[2];

	pthread_mutex_lock(&i->start_lock);
	if (q->net && !i->net)
		err = network_start(i->sys, q->names, &i->net, why, sizeof(why));
	else if (q->net && !network_has(i->net, q->names))
		snprintf(why, sizeof(why), "instance %s has a network already, without all of %s",
			 i->name, q->names),
			err = -EEXIST;
	if (err) {
		refuse(a, err, "%s", why);
	} else if (i->net && (q->net || a->op != WIRE_INSIDE)) {
		network_namespaces(i->net, NETWORK_INSTANCE, fds);
		a->nr_net = fds[0] < 0 ? 1 : 2;
	}
	pthread_mutex_unlock(&i->start_lock);
	return err;
}

/* What the client enters by: behind the answer. */
static int send_network(struct connection *c, const struct instance *i,
			const struct wire_request *q, const struct wire_answer *a)
{
	int fds[2];

	if (!a->nr_net)
		return 0;
	network_namespaces(i->net, q->partner ? NETWORK_PARTNER : NETWORK_INSTANCE, fds);
	return network_send(c->sock, "n", 1, fds + 2 - a->nr_net, a->nr_net);
}

/* To whoever has a process in the instance. */
static void say(void *arg, const char *text)
{
	struct instance *i = arg;

	pthread_mutex_lock(&i->daemon->lock);
	for (struct session *s = i->sessions; s; s = s->next)
		if (s->message_fd >= 0)
			(void)!write(s->message_fd, text, strlen(text));
	pthread_mutex_unlock(&i->daemon->lock);
}

/* Receivers, made if the client asks for some: 0 or -errno. */
static int instance_receivers(struct instance *i, const struct wire_request *q,
			      struct connection *c, struct wire_answer *a)
{
	u32 there;
	int err = 0;

	if (!q->nr_lirc)
		return 0;
	if (c->nr_sources != q->nr_lirc) {
		refuse(a, -EPROTO, "the receivers' sources have not come");
		return -EPROTO;
	}
	pthread_mutex_lock(&i->start_lock);
	there = lirc_count(i->sys);
	if (there || a->op == WIRE_INSIDE) {
		err = -EEXIST;
		if (there)
			refuse(a, err, "instance %s has its %u receivers already", i->name, there);
		else
			refuse(a, err,
			       "receivers are an instance's from its start: this process is in %s, "
			       "which has none",
			       i->name);
	} else {
		err = lirc_start(i->sys, c->sources, c->nr_sources, say, i);
		c->nr_sources = 0;
		if (err)
			refuse(a, err, "no receivers: %s", strerror(-err));
	}
	pthread_mutex_unlock(&i->start_lock);
	return err;
}

static int any_hook(struct hook *h, void *arg)
{
	return 1;
}

/* In the loop: whether what processes do is of interest to anybody. */
static int anything_attached(struct supervisor *sv, void *arg)
{
	struct skep_system *sys = sv->sys;
	bool any = sys->tables[OBJECT_LINK].by_id.n || sys->tables[OBJECT_PERF].by_id.n ||
		   sv->wants_signals;

	tracer_update_wants(sv);
	for (u32 nr = 0; nr < CALLS_MAX && !any; nr++)
		any = sv->wants[nr];
	for (int kind = 0; kind < HOOK_KINDS && !any; kind++)
		any = hooks_each(sys, (enum hook_kind)kind, any_hook, NULL);
	return any;
}

/* Whether who is not traced from the start could be later: Yama allows that to ancestors alone. */
static bool may_trace_later(void)
{
	char scope = '0';
	int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, &scope, 1) != 1)
			scope = '1';
		close(fd);
	}
	return scope == '0' && !notify_cannot_take();
}

static void exec_client(struct connection *c, const struct wire_request *q, struct wire_answer *a,
			int message_fd)
{
	struct instance *i = instance_for(c, q, a);
	struct skep_process *process = NULL;
	u8 answers[CALLS_MAX], traced[CALLS_MAX];
	bool plain[CALLS_MAX];
	struct call_filter filter = { 0 };
	struct wire_request here, how = *q;
	bool loose = q->untraced, receivers;
	int listener = -1, err;

	if (!i || instance_receivers(i, q, c, a) || instance_network(i, q, a))
		goto answer;
	if (a->op == WIRE_INSIDE) {
		wire_send(c->sock, a, sizeof(*a), -1);
		send_network(c, i, q, a);
		goto out;
	}
	pthread_mutex_lock(&i->start_lock);
	err = supervisor_start(i->sys);
	pthread_mutex_unlock(&i->start_lock);
	if (err) {
		refuse(a, err, "the supervisor cannot be started: %s", strerror(-err));
		goto answer;
	}
	how.late = !q->traced && !q->untraced && !q->confined && !q->trapped && may_trace_later() &&
		   !supervisor_call(i->sys->supervisor, anything_attached, NULL);
	loose |= how.late;
	receivers = calls_filter(i->sys, &how, answers);
	for (u32 nr = 0; nr < CALLS_MAX; nr++) {
		traced[nr] = answers[nr] == CALL_TRACE;
		/* A subject's own filter could outrank one that is added: what decides on it stops every call. */
		plain[nr] = !q->confined && (traced[nr] || answers[nr] == CALL_ALLOW);
	}
	/* Calls by other entries are not seen as what they are: subjects have none. */
	err = filter_compile(&filter, answers,
			     q->confined ? CALL_ABSENT :
			     loose	 ? CALL_NATIVE :
					   CALL_ALLOW,
			     q->confined || q->trapped ? CALL_ABSENT : CALL_NOTIFY);
	if (err || filter.n > WIRE_INSNS) {
		refuse(a, -ENOMEM, "no memory for the filter");
		goto answer;
	}
	a->tracer = i->sys->supervisor->tid;
	a->nr_insns = filter.n;
	memcpy(a->insns, filter.insns, filter.n * sizeof(filter.insns[0]));
	filter_free(&filter);
	if (wire_send(c->sock, a, sizeof(*a), -1) || send_network(c, i, q, a) ||
	    wire_recv(c->sock, &here, sizeof(here), &listener) || here.op != WIRE_HERE ||
	    listener < 0)
		goto out;
	a->op = WIRE_GO;
	if (!loose)
		err = process_join(i->sys, c->peer.pid, traced, plain, q->trapped, &process,
				   a->text, sizeof(a->text));
	if (err) {
		a->op = WIRE_REFUSED;
		a->err = err;
		goto answer;
	}
	if (process) {
		process->message_fd = message_fd;
		process->confined = q->confined;
	}
	err = session_start(i, &(struct session_opts){ .process = process,
						       .plain = how.late ? plain : NULL,
						       .pid = c->peer.pid,
						       .listener = listener,
						       .message_fd = message_fd,
						       .root = q->root,
						       .confined = q->confined,
						       .receivers = receivers });
	if (err) {
		refuse(a, err, "%s", strerror(-err));
		kill(c->peer.pid, SIGKILL);
		skep_process_free(process);
		goto answer;
	}
	listener = message_fd = -1;
	/* Attached meanwhile. */
	if (how.late && supervisor_call(i->sys->supervisor, anything_attached, NULL))
		members_take_up(i);
answer:
	wire_send(c->sock, a, sizeof(*a), -1);
out:
	filter_free(&filter);
	if (listener >= 0)
		close(listener);
	if (message_fd >= 0)
		close(message_fd);
	if (i)
		instance_unuse(i);
}

struct listing {
	struct connection *c;
	struct instance *instance;
	struct wire_answer *a;
	VEC(pid_t) pids;
};

static int list_task(struct task *t, void *arg)
{
	struct listing *l = arg;

	return t->leader == t ? vec_push(&l->pids, (pid_t)t->bpf.tgid) : 0;
}

static void list_member(void *arg, pid_t pid)
{
	struct listing *l = arg;

	(void)!vec_push(&l->pids, pid);
}

static int list_tasks(struct supervisor *sv, void *arg)
{
	return tasks_each(sv->sys, list_task, arg);
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/* Of one instance; it is counted as used. */
static void list_instance(struct listing *l)
{
	struct skep_system *sys = l->instance->sys;
	struct wire_answer *a = l->a;
	char path[48];
	FILE *f;

	a->op = WIRE_ENTRY;
	memset(&a->entry, 0, sizeof(a->entry));
	objects_drain(sys, true);
	relock_take(&sys->lock);
	a->entry.maps = (unsigned)sys->tables[OBJECT_MAP].by_id.n;
	a->entry.progs = (unsigned)sys->tables[OBJECT_PROG].by_id.n;
	a->entry.links = (unsigned)sys->tables[OBJECT_LINK].by_id.n;
	relock_give(&sys->lock);
	snprintf(a->instance, sizeof(a->instance), "%s", l->instance->name);
	*a->command = 0;
	wire_send(l->c->sock, a, sizeof(*a), -1);
	l->pids.n = 0;
	if (sys->supervisor)
		supervisor_call(sys->supervisor, list_tasks, l);
	pthread_mutex_lock(&l->instance->daemon->lock);
	for (struct session *s = l->instance->sessions; s; s = s->next)
		members_list(s, list_member, l);
	pthread_mutex_unlock(&l->instance->daemon->lock);
	qsort(l->pids.v, l->pids.n, sizeof(pid_t), compare_pids);
	for (size_t i = 0; i < l->pids.n; i++) {
		if (i && l->pids.v[i] == l->pids.v[i - 1])
			continue; /* both lists have it */
		a->entry.pid = l->pids.v[i];
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)l->pids.v[i]);
		f = fopen(path, "re");
		if (!f || !fgets(a->command, sizeof(a->command), f))
			*a->command = 0;
		a->command[strcspn(a->command, "\n")] = 0;
		if (f)
			fclose(f);
		if (*a->command)
			wire_send(l->c->sock, a, sizeof(*a), -1);
	}
}

static void list_all(struct connection *c, struct wire_answer *a)
{
	struct daemon *d = c->daemon;
	struct listing l = { .c = c, .a = a };
	VEC(struct instance *) all = { 0 };

	pthread_mutex_lock(&d->lock);
	for (struct instance *i = d->instances; i; i = i->next)
		if (!i->stopping && !vec_push(&all, i))
			i->users++;
	pthread_mutex_unlock(&d->lock);
	for (size_t k = all.n; k--;) { /* the oldest first */
		l.instance = all.v[k];
		list_instance(&l);
		instance_unuse(all.v[k]);
	}
	vec_free(&all);
	vec_free(&l.pids);
	a->op = WIRE_END;
	wire_send(c->sock, a, sizeof(*a), -1);
}

static void signal_instance(struct instance *i, int sig)
{
	for (struct session *s = i->sessions; s; s = s->next)
		if (s->loose)
			members_signal(s, sig);
		else
			skep_process_kill(s->process, sig);
}

static bool instance_lives(struct daemon *d, const struct instance *i)
{
	for (struct instance *p = d->instances; p; p = p->next)
		if (p == i)
			return p->sessions;
	return false;
}

static void stop_instances(struct connection *c, const struct wire_request *q,
			   struct wire_answer *a)
{
	struct daemon *d = c->daemon;
	bool found = false, lives;

	pthread_mutex_lock(&d->lock);
	for (struct instance *i = d->instances; i; i = i->next) {
		if (i->stopping || (q->op == WIRE_STOP && strcmp(i->name, q->instance)))
			continue;
		found = true;
		i->stopping = true;
		signal_instance(i, SIGTERM);
		signal_instance(i, SIGCONT);
	}
	pthread_mutex_unlock(&d->lock);
	if (!found && q->op == WIRE_STOP) {
		refuse(a, -ENOENT, "there is no instance %s", q->instance);
		wire_send(c->sock, a, sizeof(*a), -1);
		return;
	}
	/* Time to end in an orderly way, then no more. */
	for (int tick = 0; tick < 500; tick++) {
		lives = false;
		pthread_mutex_lock(&d->lock);
		for (struct instance *i = d->instances; i; i = i->next)
			if (i->stopping && instance_lives(d, i)) {
				lives = true;
				if (tick >= 100 && tick % 10 == 0)
					signal_instance(i, SIGKILL);
			}
		pthread_mutex_unlock(&d->lock);
		if (!lives)
			break;
		usleep(10000);
	}
	daemon_wake(d);
	a->op = WIRE_END;
	wire_send(c->sock, a, sizeof(*a), -1);
}

static bool has_instances(struct daemon *d)
{
	bool any;

	pthread_mutex_lock(&d->lock);
	any = d->instances;
	pthread_mutex_unlock(&d->lock);
	return any;
}

static void *serve(void *arg)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct connection *c = arg;
	struct daemon *d = c->daemon;
	struct wire_answer *a = mem_zalloc(sizeof(*a));
	struct wire_request q;
	int fds[1 + LIRC_DEVICES], fd = -1, err;
	u32 n = ARRAY_SIZE(fds);
	long got;

	setsockopt(c->sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(c->sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!a || c->peer.uid != geteuid())
		goto out;
	memset(&q, 0, sizeof(q));
	got = network_recv(c->sock, &q, sizeof(q), fds, &n);
	if (n)
		fd = fds[0];
	for (u32 i = 1; i < n; i++)
		c->sources[c->nr_sources++] = fds[i];
	if (got <= 0)
		goto out;
	err = got == (long)sizeof(q) ? 0 : -EPROTO;
	a->version = wire_version();
	q.instance[sizeof(q.instance) - 1] = 0;
	q.names[sizeof(q.names) - 1] = 0;
	if (q.op != WIRE_EXEC && is_subject(d, c->peer.pid)) {
		refuse(a, -EPERM, "this process is confined");
		wire_send(c->sock, a, sizeof(*a), -1);
	} else if (q.op == WIRE_STOP_ALL) {
		stop_instances(c, &q, a);
	} else if (err || q.version != wire_version()) {
		/* Without an instance it is about to end: no answer, and the client starts its own. */
		if (has_instances(d)) {
			refuse(a, -EPROTO, OTHER_BUILD);
			wire_send(c->sock, a, sizeof(*a), -1);
		} else {
			store_release(&d->outdated, true);
		}
	} else if (q.op == WIRE_EXEC) {
		exec_client(c, &q, a, fd);
		fd = -1;
	} else if (q.op == WIRE_PS) {
		list_all(c, a);
	} else if (q.op == WIRE_STOP) {
		stop_instances(c, &q, a);
	}
out:
	if (fd >= 0)
		close(fd);
	while (c->nr_sources)
		close(c->sources[--c->nr_sources]);
	close(c->sock);
	mem_free(c);
	mem_free(a);
	pthread_mutex_lock(&d->lock);
	d->connections--;
	pthread_mutex_unlock(&d->lock);
	daemon_wake(d);
	return NULL;
}

static void accept_client(struct daemon *d)
{
	struct connection *c = mem_zalloc(sizeof(*c));
	socklen_t len = sizeof(c->peer);
	pthread_attr_t attr;
	pthread_t thread;
	int sock = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (sock < 0 || !c || getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c->peer, &len)) {
		if (sock >= 0)
			close(sock);
		mem_free(c);
		return;
	}
	c->daemon = d;
	c->sock = sock;
	pthread_mutex_lock(&d->lock);
	d->connections++;
	pthread_mutex_unlock(&d->lock);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, serve, c))
		serve(c);
	pthread_attr_destroy(&attr);
}

/* ---- the main thread ---- */

/* Nobody is left, and no client is on its way: true with the socket's name gone. */
static bool can_end(struct daemon *d)
{
	struct pollfd fd = { .fd = d->listen_fd, .events = POLLIN };
	char path[300];
	bool end;
	int lock;

	lock = client_lock(d->folder, LOCK_NB);
	if (lock < 0)
		return lock == -ENOENT; /* a client starts, or the folder is gone */
	end = poll(&fd, 1, 0) == 0;
	if (end) {
		snprintf(path, sizeof(path), "%s/socket", d->folder);
		unlink(path);
	}
	close(lock);
	return end;
}

/* Frees what nothing holds; true when nothing at all is held. */
static bool clean_up(struct daemon *d)
{
	struct instance *i;
	bool idle;

	do {
		pthread_mutex_lock(&d->lock);
		i = instance_unheld(d);
		idle = !d->instances && !d->connections;
		pthread_mutex_unlock(&d->lock);
		if (i)
			instance_free(i);
	} while (i);
	return idle;
}

/* Objects whose last descriptor has been closed end now, not at the next call. */
static int watch_objects(struct daemon *d, struct pollfd *fds, int max)
{
	int n = 0;

	pthread_mutex_lock(&d->lock);
	for (struct instance *i = d->instances; i && n < max; i = i->next)
		fds[n++] = (struct pollfd){ .fd = i->sys->inotify_fd, .events = POLLIN };
	pthread_mutex_unlock(&d->lock);
	return n;
}

/* Whether somebody is to be looked at again soon. */
static bool drain_objects(struct daemon *d)
{
	struct instance *all[32];
	bool suspects = false;
	int n = 0;

	pthread_mutex_lock(&d->lock);
	for (struct instance *i = d->instances; i && n < (int)ARRAY_SIZE(all); i = i->next) {
		i->users++;
		all[n++] = i;
	}
	pthread_mutex_unlock(&d->lock);
	while (n--) {
		struct skep_system *sys = all[n]->sys;
		u64 revision = hooks_revision(sys);

		objects_drain(sys, false);
		if (hooks_revision(sys) != revision)
			supervisor_sync(sys);
		suspects |= READ_ONCE(sys->suspects) != 0;
		pthread_mutex_lock(&d->lock);
		all[n]->users--;
		pthread_mutex_unlock(&d->lock);
	}
	return suspects;
}

static void nothing(int sig)
{
}

int daemon_main(int listen_fd, const char *folder, btf_to_c_t btf_to_c)
{
	static const struct sigaction wake = { .sa_handler = nothing };
	static struct daemon d;
	struct pollfd fds[34];
	bool suspects = false, idle;
	int n, got;
	u64 ignored;

	skep_front_use(NULL); /* its own calls are for the kernel */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	sigaction(SESSION_SIGNAL, &wake, NULL); /* without SA_RESTART */
	prctl(PR_SET_NAME, "skepd");
	prctl(PR_SET_DUMPABLE, 0);
	pthread_mutex_init(&d.lock, NULL);
	d.listen_fd = listen_fd;
	d.btf_to_c = btf_to_c;
	d.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d.wake_fd < 0)
		return -errno;
	snprintf(d.folder, sizeof(d.folder), "%s", folder);
	for (;;) {
		fds[0] = (struct pollfd){ .fd = d.listen_fd, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = d.wake_fd, .events = POLLIN };
		idle = clean_up(&d);
		n = 2 + watch_objects(&d, fds + 2, 32);
		got = poll(fds, (nfds_t)n,
			   suspects		     ? SUSPECT_MS :
			   !idle		     ? -1 :
			   load_acquire(&d.outdated) ? 0 :
						       IDLE_MS);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got && idle && can_end(&d))
			return 0;
		if (got > 0 && fds[1].revents)
			eventfd_read(d.wake_fd, &ignored);
		if (got > 0 && fds[0].revents)
			accept_client(&d);
		suspects = drain_objects(&d);
	}
}
