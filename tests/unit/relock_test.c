/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The lock that its holder may take again: depth, others kept out, breaking. */
#include "base/relock.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define ROUNDS 200000

static struct relock lock;
static u64 count;

static void *add(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		relock_take(&lock);
		if (i % 3 == 0) {
			relock_take(&lock);
			count++;
			relock_give(&lock);
		} else {
			count++;
		}
		relock_give(&lock);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(count, ARRAY_SIZE(threads) * ROUNDS);
	assert_int_equal(lock.word, 0);
}

static void *try(void *arg)
{
	bool *got = arg;

	*got = relock_try(&lock);
	relock_break(&lock); /* frees nothing of another's */
	return NULL;
}

static bool another_gets_it(void)
{
	pthread_t thread;
	bool got;

	assert_int_equal(pthread_create(&thread, NULL, try, &got), 0);
	pthread_join(thread, NULL);
	return got;
}

static void test_depth(void **state)
{
	(void)state;
	assert_true(relock_try(&lock));
	assert_true(relock_try(&lock));
	relock_take(&lock);
	relock_give(&lock);
	relock_give(&lock);
	assert_false(another_gets_it());
	relock_give(&lock);
	assert_true(another_gets_it());
}

static void test_break(void **state)
{
	(void)state;
	relock_take(&lock);
	relock_take(&lock);
	relock_break(&lock);
	assert_true(another_gets_it());
	relock_break(&lock);
	assert_int_equal(lock.word, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_break),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
