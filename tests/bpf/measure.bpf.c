/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Tells the hash of each file named "measured" that is opened, executed or looked at: tests/script/lsm. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

static void tell(struct file *file, const char *when)
{
	u8 hash[32] = {}, few[4] = {};
	char name[16] = "";
	long algo, again;

	bpf_probe_read_kernel_str(name, sizeof(name),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (bpf_strncmp(name, 9, "measured") != 0)
		return;
	algo = bpf_ima_file_hash(file, hash, sizeof(hash));
	again = bpf_ima_file_hash(file, few, sizeof(few));
	bpf_printk("%s %ld %ld %ld", when, algo, again == algo,
		   bpf_ima_inode_hash(file->f_inode, few, sizeof(few)));
	for (int i = 0; i < 32; i += 16) {
		u64 *w = (u64 *)&hash[i];

		bpf_printk("%016llx %016llx %d", bpf_be64_to_cpu(w[0]), bpf_be64_to_cpu(w[1]),
			   hash[0] == few[0] && hash[3] == few[3]);
	}
}

SEC("lsm.s/file_open")
int BPF_PROG(opened, struct file *file)
{
	tell(file, "opened");
	return 0;
}

SEC("lsm.s/bprm_check_security")
int BPF_PROG(checked, struct linux_binprm *bprm)
{
	tell(bprm->file, "checked");
	return 0;
}

SEC("lsm.s/bprm_committed_creds")
int BPF_PROG(executed, struct linux_binprm *bprm)
{
	tell(bprm->file, "executed");
	return 0;
}

char _license[] SEC("license") = "GPL";
