/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Calls that are for the privileged, made by a process that is not: as nobody, named "asks". */
#include <linux/reboot.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	/* where root starts it; others are nobody in particular already */
	syscall(SYS_setresgid, 65534, 65534, 65534);
	syscall(SYS_setresuid, 65534, 65534, 65534);
	prctl(PR_SET_NAME, "asks");
	syscall(SYS_sethostname, "x", 1);
	syscall(SYS_setdomainname, "x", 1);
	syscall(SYS_swapoff, "/nonexistent");
	syscall(SYS_reboot, 0, 0, 0, 0);
	syscall(SYS_acct, "/nonexistent");
	syscall(SYS_vhangup);
	syscall(SYS_setuid, 0);
	syscall(SYS_setreuid, 0, 0);
	syscall(SYS_setresuid, 0, 0, 0);
	syscall(SYS_setgid, 0);
	syscall(SYS_setregid, 0, 0);
	syscall(SYS_setresgid, 0, 0, 0);
	return 0;
}
