/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep link: what programs of an instance are attached to. */
#include "instance.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct link {
	struct bpf_link_info info;
	char name[128]; /* of what it is attached to, where the link tells it */
	char prog[BPF_OBJ_NAME_LEN];
};

static const char *type_name(__u32 type)
{
	const char *name = libbpf_bpf_link_type_str((enum bpf_link_type)type);

	return name ? name : "unknown";
}

/* 0 or -errno. */
static int link_get(struct link *l, int fd)
{
	struct bpf_prog_info prog = { 0 };
	__u32 len = sizeof(l->info), prog_len = sizeof(prog);
	int prog_fd;

	memset(l, 0, sizeof(*l));
	if (bpf_obj_get_info_by_fd(fd, &l->info, &len))
		return -errno;
	prog_fd = bpf_prog_get_fd_by_id(l->info.prog_id);
	if (prog_fd >= 0 && !bpf_obj_get_info_by_fd(prog_fd, &prog, &prog_len))
		memcpy(l->prog, prog.name, sizeof(l->prog));
	if (prog_fd >= 0)
		close(prog_fd);
	if (l->info.type == BPF_LINK_TYPE_RAW_TRACEPOINT) {
		l->info.raw_tracepoint.tp_name = (unsigned long)l->name;
		l->info.raw_tracepoint.tp_name_len = sizeof(l->name);
	} else if (l->info.type == BPF_LINK_TYPE_ITER) {
		l->info.iter.target_name = (unsigned long)l->name;
		l->info.iter.target_name_len = sizeof(l->name);
	} else {
		return 0;
	}
	len = sizeof(l->info);
	return bpf_obj_get_info_by_fd(fd, &l->info, &len) ? -errno : 0;
}

/* "cgroup 12, connect4" */
static void place(const struct link *l, char *text, size_t size)
{
	const struct bpf_link_info *i = &l->info;
	const char *attach;
	char name[IF_NAMESIZE] = "";

	*text = 0;
	switch (i->type) {
	case BPF_LINK_TYPE_RAW_TRACEPOINT:
	case BPF_LINK_TYPE_ITER:
		snprintf(text, size, "%s", l->name);
		break;
	case BPF_LINK_TYPE_TRACING:
		attach = libbpf_bpf_attach_type_str((enum bpf_attach_type)i->tracing.attach_type);
		snprintf(text, size, "%s", attach ? attach : "");
		break;
	case BPF_LINK_TYPE_CGROUP:
		attach = libbpf_bpf_attach_type_str((enum bpf_attach_type)i->cgroup.attach_type);
		snprintf(text, size, "cgroup %llu, %s", (unsigned long long)i->cgroup.cgroup_id,
			 attach ? attach : "");
		break;
	case BPF_LINK_TYPE_NETNS:
		attach = libbpf_bpf_attach_type_str((enum bpf_attach_type)i->netns.attach_type);
		snprintf(text, size, "network namespace %u, %s", i->netns.netns_ino,
			 attach ? attach : "");
		break;
	case BPF_LINK_TYPE_XDP:
		if_indextoname(i->xdp.ifindex, name);
		snprintf(text, size, "interface %u %s", i->xdp.ifindex, name);
		break;
	default:
		break;
	}
}

static cJSON *link_json(const struct link *l, const char *at)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddNumberToObject(j, "id", l->info.id);
	cJSON_AddStringToObject(j, "type", type_name(l->info.type));
	cJSON_AddNumberToObject(j, "prog_id", l->info.prog_id);
	cJSON_AddStringToObject(j, "prog", l->prog);
	if (*at)
		cJSON_AddStringToObject(j, "attached_to", at);
	return j;
}

/* The id of the link that @what names, an id or the path of a pin; 0, and a message: there is none. */
static __u32 find(const struct cli *cli, const char *what)
{
	char *end;
	__u32 id = (__u32)strtoul(what, &end, 10);
	int fd = *what && !*end ? bpf_link_get_fd_by_id(id) : bpf_obj_get(what);
	struct link l = { .info.id = 0 };

	int err = fd < 0 ? -errno : link_get(&l, fd);

	if (fd >= 0)
		close(fd);
	if (err == -ENOENT)
		cli_error(cli, "there is no link %s here: skep link lists those that there are",
			  what);
	else if (err)
		cli_error(cli, "%s is no link: %s", what, strerror(-err));
	return err ? 0 : l.info.id;
}

/* All, or the one with id @only. */
static int list(struct cli *cli, const char *where, __u32 only)
{
	cJSON *json = cli->json ? cJSON_CreateArray() : NULL;
	bool any = false;
	struct link l;
	char at[192];
	__u32 id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue; /* it has just ended */
		if (!link_get(&l, fd) && (!only || l.info.id == only)) {
			place(&l, at, sizeof(at));
			if (json)
				cJSON_AddItemToArray(json, link_json(&l, at));
			else if (!any)
				fprintf(cli->out, "%6s  %-16s %6s  %-16s  %s\n", "id", "type",
					"prog", "name", "attached to");
			if (!json)
				fprintf(cli->out, "%6u  %-16s %6u  %-16s  %s\n", l.info.id,
					type_name(l.info.type), l.info.prog_id, l.prog, at);
			any = true;
		}
		close(fd);
	}
	if (json)
		cli_print_json(cli, json);
	else if (!any)
		fprintf(cli->out, "no links in %s\n", where);
	return EXIT_DONE;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const char *instance = NULL, *where = NULL, *args[2], *v;
	int status, n = 0;
	__u32 only = 0;

	for (int i = 1; i < argc; i++) {
		if ((v = cli_option("--instance", argc, argv, &i)))
			instance = v;
		else if (n == 2 || *argv[i] == '-')
			return cli_usage(&cmd_link, "unknown argument %s", argv[i]);
		else
			args[n++] = argv[i];
	}
	if (n && strcmp(args[0], "show") && (n == 2 || strcmp(args[0], "list")))
		return cli_usage(&cmd_link, "unknown argument %s",
				 args[strcmp(args[0], "list") ? 0 : 1]);
	status = cli_enter_instance(cli, instance, argc, argv, &where);
	if (status != CLI_HERE)
		return status;
	if (n == 2) {
		only = find(cli, args[1]);
		if (!only)
			return EXIT_REFUSED;
	}
	return list(cli, where, only);
}

const struct command cmd_link = {
	.name = "link",
	.synopsis = "link [--instance NAME] [list | show LINK]",
	.help = "Lists the links of an instance: what its programs are attached to. The instance "
		"is the "
		"one that\n"
		"skep link runs in, else NAME (default: $SKEP_INSTANCE, else \"default\"); with "
		"--engine kernel\n"
		"they are the kernel's. LINK is an id or the path of a pin.\n",
	.run = run,
};
