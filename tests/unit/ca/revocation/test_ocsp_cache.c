#include "common/ca/revocation/ocsp_cache.h"

#include "common/x509/revocation/ocsp_verify.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct ocsp_cache *cache;

static void set_up(void)
{
	OK(new_ocsp_cache(&cache, &fault));
}

static void tear_down(void)
{
	free_ocsp_cache(&cache);
}

TestSuite(ocsp_cache, .init = set_up, .fini = tear_down);

static void keep(const char *question, const char *text, int64_t revision)
{
	struct cached_answer answer = {
		.revision = revision, .this_update_s = 1000, .next_update_s = 2000};

	append_string(&answer.der, text);
	cache_answer(cache, bytes_of_string(question), &answer);
	clear_buffer(&answer.der);
}

static void expect_kept(const char *question, int64_t revision, int64_t now_s, const char *text)
{
	struct cached_answer answer = {0};
	bool found = text == NULL;

	OK(find_cached_answer(cache, bytes_of_string(question), revision, now_s, &answer, &found,
			      &fault));
	cr_expect_eq(found, text != NULL, "%s at %lld", question, (long long)now_s);
	if (text != NULL)
		cr_expect(equal_bytes(bytes_of_buffer(&answer.der), bytes_of_string(text)));
	clear_buffer(&answer.der);
}

Test(ocsp_cache, gives_nothing_that_is_not_current)
{
	expect_kept("one", 0, 1000, NULL);
	keep("one", "first", 7);
	expect_kept("two", 7, 1000, NULL);
	expect_kept("one", 6, 1000, NULL);
	expect_kept("one", 8, 1000, NULL);
	expect_kept("one", 7, 1500, NULL);
	expect_kept("one", 7, 1499, "first");
	/* catalogue 106: it is from the future, if the clock was wrong then */
	expect_kept("one", 7, 1000 - OCSP_SKEW_S, "first");
	expect_kept("one", 7, 1000 - OCSP_SKEW_S - 1, NULL);
}

Test(ocsp_cache, gives_the_last_one)
{
	keep("one", "first", 7);
	keep("one", "second", 8);
	keep("two", "other", 8);
	expect_kept("one", 7, 1000, NULL);
	expect_kept("one", 8, 1000, "second");
	expect_kept("two", 8, 1000, "other");
}

/* More CertIDs than entries: an answer is never given for another CertID. */
Test(ocsp_cache, is_bounded)
{
	size_t found = 0;
	char text[16];

	for (int i = 0; i < 2 * OCSP_CACHE_ENTRIES; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		keep(text, text, 1);
	}
	for (int i = 0; i < 2 * OCSP_CACHE_ENTRIES; i++) {
		struct cached_answer answer = {0};
		bool is_found = false;

		(void)snprintf(text, sizeof(text), "%d", i);
		OK(find_cached_answer(cache, bytes_of_string(text), 1, 1000, &answer, &is_found,
				      &fault));
		cr_expect(!is_found ||
			  equal_bytes(bytes_of_buffer(&answer.der), bytes_of_string(text)));
		found += is_found;
		clear_buffer(&answer.der);
	}
	cr_expect_gt(found, OCSP_CACHE_ENTRIES / 2);
	cr_expect_leq(found, OCSP_CACHE_ENTRIES);
}
