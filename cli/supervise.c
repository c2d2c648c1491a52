/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A run over processes: objects are loaded and attached, then the command is started (or a
 * process adopted), and what the programs say is printed until all its processes have
 * ended. The command keeps its standard descriptors, its signals and its exit status.
 */
#include "supervise.h"
#include "kernel_run.h"
#include "object.h"
#include "records.h"
#include "text.h"
#include "trace_queue.h"
#include "values.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define MAP_LIMIT	20  /* elements shown of a map */
#define POLL_MS		200 /* between two looks when nothing wakes us */
#define BATCH_NS	2000000
#define LINGER_MS	300 /* of other processes, before they are mentioned */
#define END_PATIENCE_MS 2000

enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NO_COMMAND = 127 };

struct run {
	struct cli *cli;
	const struct supervise_opts *o;
	struct attached_object *objects;
	unsigned n;
	struct trace_queue *trace;
	struct records *records;
	struct skep_process *process;
	struct kernel_run *kernel; /* with the kernel's engine instead */
	int stats_fd;
	int status; /* of the first process, as waitpid() */
	bool first_ended, left;
	bool said_others;
	int64_t first_ended_ms;
	int write_error; /* of the output */
};

/* ---- output ---- */

cJSON *supervise_json(const char *type)
{
	cJSON *j = cJSON_CreateObject();
	char text[64], fraction[24];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(fraction, sizeof(fraction), ".%06ldZ", now.tv_nsec / 1000);
	strcat(text, fraction);
	cJSON_AddStringToObject(j, "type", type);
	cJSON_AddStringToObject(j, "time", text);
	return j;
}

void supervise_note(const struct cli *cli, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text)
		return;
	if (cli->json) {
		cJSON *j = supervise_json("note");

		cJSON_AddItemToObject(j, "text", text_json(text, strlen(text)));
		cli_print_json(cli, j);
	} else if (!cli->quiet) {
		fflush(cli->out);
		fputs("skep: ", stderr);
		text_print_safe(stderr, text, strlen(text));
		fputc('\n', stderr);
		fflush(stderr); /* it may be the output, which is buffered */
	}
	free(text);
}

/* "            comm-pid     [cpu] d..21 seconds.micros: bpf_trace_printk: text" */
static void print_trace(const struct cli *cli, const char *line)
{
	static const char mark[] = ": bpf_trace_printk: ";
	const char *text = strstr(line, mark), *comm = line;
	unsigned pid, cpu;
	char seconds[32];
	cJSON *j;

	if (!cli->json) {
		text_print_safe(cli->out, line, strlen(line));
		putc('\n', cli->out);
		return;
	}
	j = supervise_json("trace");
	while (*comm == ' ' && comm < line + 15)
		comm++;
	if (text && strlen(line) > 16 &&
	    sscanf(line + 16, "-%u [%u] %*s %31[0-9.]", &pid, &cpu, seconds) == 3) {
		cJSON_AddItemToObject(j, "comm", text_json(comm, (size_t)(line + 16 - comm)));
		cJSON_AddNumberToObject(j, "pid", pid);
		cJSON_AddNumberToObject(j, "cpu", cpu);
		cJSON_AddStringToObject(j, "since_boot", seconds);
		line = text + sizeof(mark) - 1;
	}
	cJSON_AddItemToObject(j, "text", text_json(line, strlen(line)));
	cli_print_json(cli, j);
}

static unsigned drain(struct run *r)
{
	unsigned n = records_consume(r->records);
	const char *line;

	while ((line = r->kernel ? kernel_run_trace(r->kernel) : trace_queue_pop(r->trace))) {
		print_trace(r->cli, line);
		n++;
	}
	if (n && fflush(r->cli->out) && !r->write_error)
		r->write_error = errno;
	return n;
}

static FILE *open_output(const struct cli *cli, const struct supervise_opts *o)
{
	FILE *f;

	if (o->output && strcmp(o->output, "-")) {
		f = fopen(o->output, "we");
		if (!f)
			cli_error(cli, "--output %s: %s", o->output, strerror(errno));
		return f;
	}
	/* A command's standard output is its own. */
	return o->output || !o->command ? stdout : stderr;
}

/* ---- signals ---- */

/*
 * Handlers rather than ignored or blocked signals: the command inherits those, but not
 * these. What was ignored when we started stays so for the command.
 */
static const int handled[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE };
#define NR_HANDLED (sizeof(handled) / sizeof(handled[0]))

static volatile sig_atomic_t pending[NR_HANDLED]; /* 1: from the terminal, 2: from a process */
static volatile sig_atomic_t broken_pipe;
static int wake_fd = -1;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	uint64_t one = 1;
	int saved = errno;

	for (size_t i = 0; i < NR_HANDLED; i++)
		if (handled[i] == sig)
			pending[i] = info->si_code > 0 ? 1 : 2;
	broken_pipe |= sig == SIGPIPE;
	if (write(wake_fd, &one, sizeof(one)) < 0) {
		/* its counter is full: it is readable */
	}
	errno = saved;
}

static int signals_start(void)
{
	struct sigaction old,
		action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake_fd < 0)
		return -errno;
	for (size_t i = 0; i < NR_HANDLED; i++)
		if (!sigaction(handled[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(handled[i], &action, NULL);
	return 0;
}

/* What came while programs were being loaded: nobody else has it. 0: nothing. */
static int signal_pending(void)
{
	for (size_t i = 0; i < NR_HANDLED; i++)
		if (pending[i] && handled[i] != SIGPIPE)
			return handled[i];
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int first_pid(const struct run *r)
{
	return r->kernel ? kernel_run_pid(r->kernel) : skep_process_pid(r->process);
}

/* The user wants to leave while processes go on: they do, or end if they cannot be left. */
static void leave(struct run *r)
{
	int err = skep_process_detach(r->process), status;

	r->left = true;
	if (!err)
		return;
	skep_process_kill(r->process, SIGTERM);
	if (skep_process_wait(r->process, true, END_PATIENCE_MS, &status) == -EAGAIN)
		skep_process_kill(r->process, SIGKILL);
}

static void handle_signals(struct run *r)
{
	uint64_t count;

	if (read(wake_fd, &count, sizeof(count)) < 0)
		return; /* none */
	for (size_t i = 0; i < NR_HANDLED; i++) {
		int from = pending[i], sig = handled[i];

		pending[i] = 0;
		if (!from || sig == SIGPIPE)
			continue;
		if ((!r->o->command && sig != SIGUSR1 && sig != SIGUSR2) ||
		    (r->first_ended && sig != SIGUSR1 && sig != SIGUSR2)) {
			leave(r);
		} else if (from == 2 || (sig != SIGINT && sig != SIGQUIT)) {
			/* Meant for us alone; what the terminal sends, the command gets itself. */
			kill(first_pid(r), sig);
		}
	}
}

/* ---- the command ---- */

static int executable(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EACCES;
	return access(path, X_OK) ? -errno : 0;
}

/* As execvp() looks for it: 0 and its path in @file, -ENOENT, -EACCES … */
static int find_command(const char *name, char file[PATH_MAX])
{
	const char *path = getenv("PATH") ?: "/bin:/usr/bin";
	int err = -ENOENT;

	if (strchr(name, '/') || !*name) {
		snprintf(file, PATH_MAX, "%s", name);
		return executable(name);
	}
	for (const char *at = path; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
		int n = (int)strcspn(at, ":"), one;

		if (snprintf(file, PATH_MAX, "%.*s%s%s", n, at, n ? "/" : "", name) >= PATH_MAX)
			continue;
		one = executable(file);
		if (!one)
			return 0;
		if (one == -EACCES && !access(file, F_OK))
			err = one; /* there, but not executable */
	}
	return err;
}

/* The statuses that env(1) and shells give. */
static int start_failure(const struct cli *cli, const char *what, int err, const char *text)
{
	int status = EXIT_BROKEN;

	switch (-err) {
	case ENOENT:
		status = EXIT_NO_COMMAND;
		break;
	case EACCES:
	case ENOEXEC:
	case ENOTDIR:
	case EISDIR:
	case ETXTBSY:
	case ELOOP:
	case E2BIG:
	case ENAMETOOLONG:
		status = EXIT_CANNOT_EXECUTE;
		break;
	}
	if (text && *text)
		cli_error(cli, "%s", text);
	else
		cli_error(cli, "%s: %s", what, strerror(-err));
	return status;
}

/* A file without a format is a shell script, say execvp() and every shell. */
static int spawn_script(struct run *r, const struct skep_spawn_opts *opts, char *error, size_t size)
{
	char file[PATH_MAX], **argv;
	size_t n = 0;
	int err;

	while (r->o->command[n])
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	if (!argv || find_command(r->o->command[0], file)) {
		free(argv);
		return -ENOEXEC;
	}
	argv[0] = (char *)"sh";
	argv[1] = file;
	memcpy(argv + 2, r->o->command + 1, (n - 1) * sizeof(*argv));
	err = skep_spawn(r->cli->system, "/bin/sh", argv, opts, &r->process, error, size);
	free(argv);
	return err;
}

static int start(struct run *r)
{
	struct skep_spawn_opts opts = { .sz = sizeof(opts) };
	char error[512] = "";
	int err;

	if (r->cli->engine == ENGINE_KERNEL) {
		err = kernel_run_start(r->kernel, r->o->command);
		if (err)
			return start_failure(r->cli, r->o->command[0], err, NULL);
		supervise_note(r->cli,
			       "the kernel's engine: programs see every process of this "
			       "machine, not only what %s does",
			       r->o->command[0]);
		return 0;
	}
	if (!r->o->command) {
		err = skep_attach(r->cli->system, r->o->pid, &r->process, error, sizeof(error));
		if (!err)
			return 0;
		if (*error)
			return cli_error(r->cli, "cannot watch: %s", error);
		return cli_error(r->cli, "process %d cannot be watched: %s", r->o->pid,
				 strerror(-err));
	}
	err = skep_spawn(r->cli->system, r->o->command[0], r->o->command, &opts, &r->process, error,
			 sizeof(error));
	if (err == -ENOEXEC)
		err = spawn_script(r, &opts, error, sizeof(error));
	return err ? start_failure(r->cli, r->o->command[0], err, error) : 0;
}

/* 0: go on, 1: all has ended, else an exit status. */
static int look_at_processes(struct run *r)
{
	int err, ignored;

	if (r->kernel) {
		r->first_ended = kernel_run_ended(r->kernel, &r->status);
		return r->first_ended;
	}
	if (r->left)
		return 1;
	if (!r->first_ended) {
		err = skep_process_wait(r->process, false, 0, &r->status);
		if (err == -EAGAIN)
			return 0;
		if (err) {
			cli_error(r->cli,
				  "the supervisor has been killed: its processes are ended");
			return EXIT_BROKEN;
		}
		r->first_ended = true;
		r->first_ended_ms = now_ms();
	}
	err = skep_process_wait(r->process, true, 0, &ignored);
	if (err != -EAGAIN)
		return 1;
	if (!r->said_others && now_ms() - r->first_ended_ms >= LINGER_MS) {
		r->said_others = true;
		supervise_note(r->cli, "%s has ended, processes that it started go on; Ctrl-C ends",
			       r->o->command ? r->o->command[0] : "the process");
	}
	return 0;
}

static int loop(struct run *r)
{
	struct timespec batch = { .tv_nsec = BATCH_NS };
	struct pollfd fds[5] = { { .fd = wake_fd },
				 { .fd = r->kernel ? kernel_run_trace_fd(r->kernel) :
						     trace_queue_fd(r->trace) } };
	int rings[2], done = 0;

	records_fds(r->records, rings);
	fds[2].fd = rings[0];
	fds[3].fd = rings[1];
	fds[4].fd = r->kernel ? kernel_run_fd(r->kernel) : skep_process_fd(r->process);
	for (int i = 0; i < 5; i++)
		fds[i].events = POLLIN;
	while (!done) {
		poll(fds, 5, r->first_ended ? POLL_MS / 4 : POLL_MS);
		if (drain(r) && !fds[0].revents && !fds[4].revents)
			nanosleep(&batch, NULL); /* several at a time */
		handle_signals(r);
		done = look_at_processes(r);
	}
	return done == 1 ? 0 : done;
}

/* ---- the end ---- */

static void report_line(void *arg, const char *line)
{
	supervise_note(arg, "%s", line);
}

static void print_program(const struct run *r, const struct attached_object *o,
			  const struct attachment *a)
{
	const char *name = bpf_program__name(a->prog),
		   *section = bpf_program__section_name(a->prog);
	uint64_t count, ns, missed;
	cJSON *j;

	if (attachment_runs(a, &count, &ns, &missed))
		return;
	if (r->cli->json) {
		j = supervise_json("program");
		cJSON_AddStringToObject(j, "object", o->path);
		cJSON_AddStringToObject(j, "name", name);
		cJSON_AddStringToObject(j, "section", section);
		cJSON_AddNumberToObject(j, "runs", (double)count);
		cJSON_AddNumberToObject(j, "ns", (double)ns);
		cJSON_AddNumberToObject(j, "missed", (double)missed);
		cli_print_json(r->cli, j);
		return;
	}
	if (r->o->stats) {
		fprintf(r->cli->out, "%-24s %-36s %8" PRIu64 " runs %8" PRIu64 " ns each", name,
			section, count, count ? ns / count : 0);
		if (missed)
			fprintf(r->cli->out, "  %" PRIu64 " missed", missed);
		putc('\n', r->cli->out);
	}
}

/* In one line: of programs for several versions of a kernel, all but one never run. */
static void note_idle(const struct run *r)
{
	uint64_t count, ns, missed;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	for (unsigned i = 0; i < r->n; i++)
		for (const struct attachment *a = r->objects[i].first; a; a = a->next)
			if (!attachment_runs(a, &count, &ns, &missed) && !count)
				fprintf(f, "%s%s (%s)", ftell(f) ? ", " : "",
					bpf_program__name(a->prog),
					bpf_program__section_name(a->prog));
	fclose(f);
	if (text && *text)
		supervise_note(r->cli, "never ran: %s", text);
	free(text);
}

static void print_process_stats(const struct run *r)
{
	struct skep_process_stats s = { .sz = sizeof(s) };
	cJSON *j;

	if (skep_process_stats(r->process, &s))
		return;
	if (r->cli->json) {
		j = supervise_json("processes");
		cJSON_AddNumberToObject(j, "tasks", (double)s.tasks);
		cJSON_AddNumberToObject(j, "stops", (double)s.stops);
		cJSON_AddNumberToObject(j, "calls", (double)s.calls);
		cJSON_AddNumberToObject(j, "signals", (double)s.signals);
		cJSON_AddNumberToObject(j, "breakpoints", (double)s.breakpoints);
		cJSON_AddNumberToObject(j, "unseen", (double)s.unseen);
		cli_print_json(r->cli, j);
	} else if (r->o->stats) {
		fprintf(r->cli->out,
			"%" PRIu64 " processes and threads, %" PRIu64 " stops, %" PRIu64
			" system calls, %" PRIu64 " signals, %" PRIu64 " user functions\n",
			s.tasks, s.stops, s.calls, s.signals, s.breakpoints);
	}
	if (s.unseen)
		supervise_note(r->cli,
			       "%" PRIu64
			       " threads could not be watched: another debugger has them",
			       s.unseen);
}

static void print_maps(const struct run *r, const struct attached_object *o)
{
	cJSON *all, *one;

	if (!r->cli->json) {
		values_print(r->cli, o->obj, MAP_LIMIT, NULL);
		return;
	}
	all = cJSON_CreateObject();
	values_print(r->cli, o->obj, UINT32_MAX, all);
	while (all && all->child) {
		bool variables = cJSON_IsObject(all->child);
		cJSON *j = supervise_json(variables ? "variables" : "map");

		one = cJSON_DetachItemViaPointer(all, all->child);
		if (variables && !one->child) {
			cJSON_Delete(one);
			cJSON_Delete(j);
			continue;
		}
		cJSON_AddStringToObject(j, "name", one->string);
		cJSON_AddItemToObject(j, variables ? "values" : "elements", one);
		cli_print_json(r->cli, j);
	}
	cJSON_Delete(all);
}

static void summary(struct run *r)
{
	uint64_t lost = trace_queue_lost(r->trace);

	if (!r->o->no_maps)
		for (unsigned i = 0; i < r->n; i++)
			print_maps(r, &r->objects[i]);
	for (unsigned i = 0; i < r->n; i++)
		for (const struct attachment *a = r->objects[i].first; a; a = a->next)
			print_program(r, &r->objects[i], a);
	if (!r->cli->json && !r->o->stats)
		note_idle(r);
	if (r->process)
		print_process_stats(r);
	fflush(r->cli->out);
	records_summary(r->records);
	if (lost)
		supervise_note(r->cli, "%" PRIu64 " lines of bpf_printk() were lost", lost);
	if (r->process)
		skep_process_report(r->process, report_line, r->cli);
}

/* What the command's end means for ours. */
static int exit_status(struct run *r)
{
	cJSON *j;

	if (!r->first_ended || !r->o->command)
		return EXIT_DONE; /* it goes on without us */
	if (r->cli->json) {
		j = supervise_json("exit");
		if (WIFSIGNALED(r->status))
			cJSON_AddNumberToObject(j, "signal", WTERMSIG(r->status));
		else
			cJSON_AddNumberToObject(j, "status", WEXITSTATUS(r->status));
		cli_print_json(r->cli, j);
	}
	if (WIFSIGNALED(r->status)) {
		r->cli->die_by = WTERMSIG(r->status);
		return 128 + WTERMSIG(r->status);
	}
	return WEXITSTATUS(r->status);
}

/* ---- all of it ---- */

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static int load(struct run *r, const struct attach_opts *opts)
{
	int status;

	for (const char **path = r->o->objects; *path; path++) {
		struct attached_object *o = &r->objects[r->n++];

		status = attachments_load(r->cli, *path, opts, o);
		if (status)
			return status;
		status = records_open(r->records, o->obj);
		if (status)
			return status;
	}
	for (size_t i = 0; opts->progs && opts->progs[i]; i++)
		if (!opts->progs_met[i])
			return cli_error(r->cli, "--prog %s: there is no such program",
					 opts->progs[i]);
	for (size_t i = 0; opts->set && opts->set[i]; i++)
		if (!opts->set_met[i])
			return cli_error(r->cli, "--set %s: there is no such global variable",
					 opts->set[i]);
	return records_check_types(r->records);
}

static int load_and_attach(struct run *r)
{
	struct attach_opts opts = { .progs = r->o->progs,
				    .set = r->o->set,
				    .keep_going = r->o->keep_going,
				    .frequency = r->o->frequency };
	unsigned attached = 0;
	int status, worst = 0;

	opts.progs_met = calloc(count(opts.progs) + 1, sizeof(bool));
	opts.set_met = calloc(count(opts.set) + 1, sizeof(bool));
	status = opts.progs_met && opts.set_met ? load(r, &opts) :
						  cli_error(r->cli, "out of memory");
	free(opts.progs_met);
	free(opts.set_met);
	if (status)
		return status;
	for (unsigned i = 0; i < r->n; i++) {
		status = attachments_attach(r->cli, &opts, &r->objects[i]);
		worst = worst ?: status;
		attached += r->objects[i].attached;
	}
	if (!worst && !attached)
		return cli_error(r->cli, "no program is attached");
	return worst;
}

int supervise(struct cli *cli, struct supervise_opts *o)
{
	struct run r = { .cli = cli, .o = o, .stats_fd = -1 };
	char file[PATH_MAX];
	int status, err;
	size_t n = 0;

	if (o->command && (err = find_command(o->command[0], file)))
		return start_failure(cli, o->command[0], err, NULL);
	cli->out = open_output(cli, o);
	if (!cli->out) {
		cli->out = stdout;
		return EXIT_BROKEN;
	}
	cli->color = isatty(fileno(cli->out)) && !getenv("NO_COLOR");
	setvbuf(cli->out, NULL, _IOFBF, 1 << 16);
	while (o->objects[n])
		n++;
	r.objects = calloc(n, sizeof(*r.objects));
	r.trace = trace_queue_new();
	r.records = records_new(cli, !cli->quiet);
	if (cli->engine == ENGINE_KERNEL)
		r.kernel = kernel_run_new();
	status = EXIT_BROKEN;
	if (!r.objects || !r.trace || !r.records || signals_start() ||
	    (cli->engine == ENGINE_KERNEL && !r.kernel)) {
		cli_error(cli, "cannot start: %s", strerror(errno));
		goto out;
	}
	for (const char **e = o->events; e && *e; e++) {
		if (!records_set_type(r.records, *e))
			continue;
		fprintf(stderr, "skep: --event %s: it is MAP=STRUCT\n", *e);
		status = EXIT_USAGE;
		goto out;
	}
	if (cli->system)
		skep_set_trace(cli->system, trace_queue_push, r.trace);
	r.stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	status = load_and_attach(&r);
	if (status)
		goto out;
	cli->die_by = signal_pending();
	status = cli->die_by ? 128 + cli->die_by : start(&r);
	if (status)
		goto out;
	status = loop(&r);
	for (unsigned i = 0; i < r.n; i++)
		attachments_detach(&r.objects[i]);
	drain(&r);
	records_finish(r.records);
	summary(&r);
	if (!status)
		status = exit_status(&r);
out:
	skep_process_free(r.process);
	kernel_run_free(r.kernel);
	if (cli->system)
		skep_set_trace(cli->system, NULL, NULL);
	records_free(r.records);
	for (unsigned i = 0; i < r.n; i++)
		attachments_free(&r.objects[i]);
	if (r.stats_fd >= 0)
		close(r.stats_fd);
	free(r.objects);
	trace_queue_free(r.trace);
	if (fflush(cli->out) || ferror(cli->out)) {
		if (!broken_pipe) {
			fprintf(stderr, "skep: cannot write the output: %s\n",
				strerror(r.write_error ?: errno));
			status = EXIT_BROKEN;
			cli->die_by = 0;
		}
		clearerr(cli->out); /* it has been said; or the reader has seen enough */
	}
	if (cli->out != stdout && cli->out != stderr)
		fclose(cli->out);
	cli->out = stdout;
	return status;
}

/* ---- options ---- */

static void add(const char ***list, const char *value)
{
	size_t n = 0;
	const char **grown;

	while (*list && (*list)[n])
		n++;
	grown = reallocarray(*list, n + 2, sizeof(*grown));
	if (!grown)
		abort();
	grown[n] = value;
	grown[n + 1] = NULL;
	*list = grown;
}

int supervise_option(struct cli *cli, const struct command *cmd, struct supervise_opts *o, int argc,
		     char **argv, int *i)
{
	const char *v, *arg = argv[*i];
	char *end;

	if ((v = cli_option("--prog", argc, argv, i))) {
		add(&o->progs, v);
	} else if ((v = cli_option("--set", argc, argv, i))) {
		if (!strchr(v, '=') || *v == '=')
			return cli_usage(cmd, "--set %s: it is NAME=VALUE", v);
		add(&o->set, v);
	} else if ((v = cli_option("--event", argc, argv, i))) {
		add(&o->events, v);
	} else if ((v = cli_option("--output", argc, argv, i)) ||
		   (v = cli_option("-o", argc, argv, i))) {
		o->output = v;
	} else if ((v = cli_option("--freq", argc, argv, i))) {
		o->frequency = (unsigned)strtoul(v, &end, 10);
		if (!o->frequency || o->frequency > 10000 || *end)
			return cli_usage(cmd, "--freq %s: samples a second, 1 to 10000", v);
	} else if (!strcmp(arg, "--keep-going") || !strcmp(arg, "-k")) {
		o->keep_going = true;
	} else if (!strcmp(arg, "--no-maps")) {
		o->no_maps = true;
	} else if (!strcmp(arg, "--stats")) {
		o->stats = true;
	} else if (!strcmp(arg, "--quiet") || !strcmp(arg, "-q")) {
		cli->quiet = true;
	} else if (arg[0] == '-' && arg[1]) {
		return cli_usage(cmd, "no option %s, or its value is missing", arg);
	} else {
		return 0;
	}
	return 1;
}

void supervise_opts_free(struct supervise_opts *o)
{
	free(o->objects);
	free(o->progs);
	free(o->set);
	free(o->events);
}
