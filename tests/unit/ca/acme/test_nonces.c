#include "common/ca/acme/nonces.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static struct nonces *nonces;

static void set_up(void)
{
	OK(new_nonces(&nonces, &fault));
}

static void tear_down(void)
{
	free_nonces(&nonces);
}

TestSuite(nonces, .init = set_up, .fini = tear_down);

/* RFC 8555 section 6.5.1: never twice. */
Test(nonces, are_good_once)
{
	char nonce[NONCE_SIZE];

	make_nonce(nonces, nonce);
	cr_expect_eq(strlen(nonce), NONCE_SIZE - 1);
	cr_expect(is_fresh_nonce(nonces, nonce));
	cr_expect(is_fresh_nonce(nonces, nonce));
	cr_expect(use_nonce(nonces, nonce));
	cr_expect(!is_fresh_nonce(nonces, nonce));
	cr_expect(!use_nonce(nonces, nonce));
}

Test(nonces, are_nobody_elses)
{
	static const char *const rows[] = {
		"", "A", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
	struct nonces *others = NULL;
	char nonce[NONCE_SIZE];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect(!use_nonce(nonces, rows[i]), "row %zu", i);
	OK(new_nonces(&others, &fault));
	make_nonce(others, nonce);
	cr_expect(!use_nonce(nonces, nonce));
	cr_expect(use_nonce(others, nonce));
	free_nonces(&others);
	for (size_t i = 0; i < NONCE_SIZE - 1; i++) {
		make_nonce(nonces, nonce);
		nonce[i] = nonce[i] == 'A' ? 'B' : 'A';
		cr_expect(!use_nonce(nonces, nonce), "character %zu", i);
	}
}

/* What is remembered of used ones is bounded. */
Test(nonces, end_when_many_were_given_out_since)
{
	char first[NONCE_SIZE];
	char second[NONCE_SIZE];
	char nonce[NONCE_SIZE];

	make_nonce(nonces, first);
	make_nonce(nonces, second);
	for (int i = 0; i < NONCES_MAX - 1; i++)
		make_nonce(nonces, nonce);
	cr_expect(!use_nonce(nonces, first));
	cr_expect(use_nonce(nonces, second));
	cr_expect(use_nonce(nonces, nonce));
}

enum { RACERS = 8 };

struct race {
	char nonce[NONCE_SIZE];
	atomic_int winners;
};

static void *race_for_nonce(void *context)
{
	struct race *race = context;

	if (use_nonce(nonces, race->nonce))
		atomic_fetch_add(&race->winners, 1);
	return NULL;
}

Test(nonces, are_good_for_one_of_several_threads)
{
	struct race race = {.winners = 0};
	pthread_t threads[RACERS];

	make_nonce(nonces, race.nonce);
	for (int i = 0; i < RACERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, race_for_nonce, &race), 0);
	for (int i = 0; i < RACERS; i++)
		(void)pthread_join(threads[i], NULL);
	cr_expect_eq(race.winners, 1);
}
