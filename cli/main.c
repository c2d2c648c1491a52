/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep: finds the command, takes the options that all commands share, prints help. */
#include "cli.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct command *const commands[] = {
	&cmd_run,  &cmd_attach, &cmd_exec,    &cmd_ps,	&cmd_stop,
	&cmd_list, &cmd_verify, &cmd_explain, &cmd_btf, &cmd_features,
	&cmd_diff, &cmd_bench,	&cmd_prog,    &cmd_map, &cmd_link,
};
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char *const global_help =
	"Options of all commands:\n"
	"  --kernel X.Y          behave as that Linux release (default: the newest; $SKEP_KERNEL)\n"
	"  --kernel FILE         behave as the kernel that FILE was recorded on, the output of\n"
	"                        bpftool feature probe, plain or -j (X.Y:FILE: says its release)\n"
	"  --btf FILE            kernel types: raw BTF or an ELF file with .BTF; or a directory "
	"as\n"
	"                        /sys/kernel/btf is, with those of modules ($SKEP_BTF)\n"
	"  --caps full|real      capabilities count as held (default), or are the process's own\n"
	"                        ($SKEP_CAPS)\n"
	"  --jit on|off|compare  native code, interpreter, or both with a check ($SKEP_JIT)\n"
	"  --verdict             judge also what skep lacks; it cannot run then ($SKEP_VERDICT=1;\n"
	"                        verify always does)\n"
	"  --engine kernel       use the running kernel's bpf(2) instead of skep's\n"
	"  --json                machine-readable output\n"
	"  -v, --verbose         say more (twice: libbpf's debug output)\n"
	"  -h, --help            this text, or a command's\n";

static void print_help(FILE *to)
{
	fprintf(to, "skep: eBPF that you can carry: load, verify and run eBPF programs without the "
		    "kernel's eBPF\n\nusage: skep COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  skep %s\n", commands[i]->synopsis);
	fprintf(to, "\n%s\n", global_help);
	fprintf(to,
		"Three truths: skep sees the processes started under it (or attached to it) and\n"
		"the packets given to it, not the machine; kernel functions are modelled at the\n"
		"boundary where processes enter the kernel; --engine kernel runs the same object\n"
		"on the real kernel.\n");
}

int cli_error(const struct cli *cli, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (cli->json) {
		cJSON *j = cJSON_CreateObject();

		cJSON_AddStringToObject(j, "type", "error");
		cJSON_AddStringToObject(j, "error", text);
		cli_print_json(cli, j);
		if (cli->out == stdout || cli->out == stderr)
			return EXIT_REFUSED;
	}
	fflush(cli->out);
	fputs("skep: ", stderr);
	text_print_safe(stderr, text, strlen(text));
	fputc('\n', stderr);
	return EXIT_REFUSED;
}

int cli_usage(const struct command *cmd, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "skep %s: ", cmd->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: skep %s\n       skep %s --help explains\n", cmd->synopsis,
		cmd->name);
	return EXIT_USAGE;
}

void cli_print_json(const struct cli *cli, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	if (text)
		fprintf(cli->out, "%s\n", text);
	fflush(cli->out);
	free(text);
	cJSON_Delete(json);
}

const char *cli_bold(const struct cli *cli)
{
	return cli->color ? "\033[1m" : "";
}

const char *cli_red(const struct cli *cli)
{
	return cli->color ? "\033[31m" : "";
}

const char *cli_green(const struct cli *cli)
{
	return cli->color ? "\033[32m" : "";
}

const char *cli_plain(const struct cli *cli)
{
	return cli->color ? "\033[0m" : "";
}

const char *cli_option(const char *name, int argc, char **argv, int *i)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n))
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n])
		return NULL;
	if (*i + 1 >= argc) {
		fprintf(stderr, "skep: %s needs a value\n", name);
		exit(EXIT_USAGE);
	}
	return argv[++*i];
}

/* A wrong name would leave programs with other types than were meant. */
static int check_btf(const struct cli *cli)
{
	const char *path = cli->system_opts.btf ?: getenv("SKEP_BTF");

	if (!path || !*path || !strcmp(path, "builtin") || !access(path, R_OK))
		return 0;
	fprintf(stderr, "skep: --btf %s: %s\n", path, strerror(errno));
	return EXIT_USAGE;
}

/* Takes the global options out of @argv; 0 or an exit status. */
static int global_options(struct cli *cli, int *argc, char **argv)
{
	bool exec = false;
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		const char *v;

		exec |= kept == 1 && !strcmp(argv[i], "exec");
		/* Behind it come the command's own. */
		if (!strcmp(argv[i], "--") ||
		    (exec && kept > 1 && *argv[i] != '-' && strcmp(argv[i - 1], "--instance"))) {
			while (i < *argc)
				argv[kept++] = argv[i++];
			break;
		}
		if ((v = cli_option("--kernel", *argc, argv, &i))) {
			cli->all_kernels = !strcmp(v, "all");
			cli->system_opts.kernel = cli->all_kernels ? NULL : v;
		} else if ((v = cli_option("--btf", *argc, argv, &i))) {
			cli->system_opts.btf = v;
		} else if ((v = cli_option("--caps", *argc, argv, &i))) {
			cli->system_opts.caps = v;
		} else if ((v = cli_option("--jit", *argc, argv, &i))) {
			cli->system_opts.jit = v;
		} else if ((v = cli_option("--engine", *argc, argv, &i))) {
			if (strcmp(v, "skep") && strcmp(v, "kernel")) {
				fprintf(stderr, "skep: --engine is skep or kernel, not %s\n", v);
				return EXIT_USAGE;
			}
			cli->engine = strcmp(v, "kernel") ? ENGINE_SKEP : ENGINE_KERNEL;
		} else if (!strcmp(argv[i], "--verdict")) {
			cli->system_opts.verdict = "1";
		} else if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j")) {
			cli->json = true;
		} else if (!strcmp(argv[i], "-v") || !strcmp(argv[i], "--verbose")) {
			cli->verbose++;
		} else if (!strcmp(argv[i], "-vv")) {
			cli->verbose += 2;
		} else {
			argv[kept++] = argv[i];
		}
	}
	*argc = kept;
	argv[kept] = NULL;
	return check_btf(cli);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

int cli_start_system(struct cli *cli)
{
	struct skep_system_opts *o = &cli->system_opts;
	static char notes[2048];
	int err;

	o->notes = notes;
	o->notes_size = sizeof(notes);
	cli->system = skep_system_new(o);
	err = errno;
	o->notes = NULL;
	o->notes_size = 0;
	if (cli->system) {
		skep_front_use(cli->system);
		for (char *line = strtok(notes, "\n"); line; line = strtok(NULL, "\n"))
			fprintf(stderr, "skep: warning: %s\n", line);
		return 0;
	}
	if (*notes) {
		cli_error(cli, "--kernel: %s", notes);
		return EXIT_USAGE;
	}
	if (err == EINVAL || err == ENOENT) {
		cli_error(cli, "cannot start with --kernel %s --btf %s --caps %s --jit %s: %s",
			  o->kernel ?: "(default)", o->btf ?: "(default)", o->caps ?: "(default)",
			  o->jit ?: "(default)", strerror(err));
		return EXIT_USAGE;
	}
	cli_error(cli, "cannot start: %s", strerror(err));
	return EXIT_BROKEN;
}

/* So that whoever waits for us sees what it would see of the command. */
static void die_by(int sig)
{
	struct rlimit no_core = { 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &no_core);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}

int main(int argc, char **argv)
{
	struct cli cli = { .system_opts.sz = sizeof(cli.system_opts), .out = stdout };
	const struct command *cmd;
	int status;

	cli.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	status = global_options(&cli, &argc, argv);
	if (status)
		return status;
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) {
		puts("skep " SKEP_VERSION);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		cmd = argc > 2 ? find_command(argv[2]) : NULL;
		if (cmd)
			printf("usage: skep %s\n\n%s\n%s", cmd->synopsis, cmd->help, global_help);
		else
			print_help(stdout);
		return EXIT_DONE;
	}
	cmd = find_command(argv[1]);
	if (!cmd) {
		fprintf(stderr, "skep: no command '%s'; skep --help lists them\n", argv[1]);
		return EXIT_USAGE;
	}
	if (wants_help(argc - 1, argv + 1)) {
		printf("usage: skep %s\n\n%s\n%s", cmd->synopsis, cmd->help, global_help);
		return EXIT_DONE;
	}
	if (cli.all_kernels && (cmd != &cmd_verify || cli.engine == ENGINE_KERNEL)) {
		fprintf(stderr, "skep: --kernel all is for skep verify, by skep's own verifier\n");
		return EXIT_USAGE;
	}
	if (cli.engine == ENGINE_KERNEL)
		skep_front_use(NULL); /* else the first call would make a system */
	if (cmd == &cmd_prog && !getenv("SKEP_TEST_RUN"))
		cli.system_opts.test_run = "all";
	if (cmd->judges)
		cli.system_opts.verdict = "1";
	if (cmd->needs_system && cli.engine == ENGINE_SKEP) {
		status = cli_start_system(&cli);
		if (status)
			return status;
	}
	status = cmd->run(&cli, argc - 1, argv + 1);
	skep_front_use(NULL);
	skep_system_free(cli.system);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "skep: cannot write the output: %s\n", strerror(errno));
		return EXIT_BROKEN;
	}
	if (cli.die_by)
		die_by(cli.die_by);
	return status;
}
