/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
long in_library(long n);
static long ten = 10;

long in_library(long n)
{
	return n + ten;
}
