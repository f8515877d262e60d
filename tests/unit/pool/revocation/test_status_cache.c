#include "common/pool/revocation/status_cache.h"

#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/pool/fake_ca.h"

#include <criterion/criterion.h>
#include <string.h>

static struct fixture fixture;
static struct fake_ca fake_ca;

static void set_up(void)
{
	open_fixture(&fixture);
	make_certified_pool(&fixture, 0);
	start_fake_ca(&fake_ca, &fixture);
}

static void tear_down(void)
{
	stop_fake_ca(&fake_ca);
	close_fixture(&fixture);
}

TestSuite(status_cache, .init = set_up, .fini = tear_down);

static void say_revoked(struct fake_ca *ca, struct status_answer *answer)
{
	answer->status = STATUS_REVOKED;
	answer->revoked_at_s = ca->fixture->now_s - 100;
	(void)strcpy(answer->reason, "keyCompromise");
	(void)strcpy(answer->serial, "0a0b");
}

static void say_unknown(struct fake_ca *ca, struct status_answer *answer)
{
	(void)ca;
	answer->status = STATUS_UNKNOWN;
}

static void refuse(struct fake_ca *ca, struct status_answer *answer)
{
	(void)ca;
	set_refusal(&answer->refusal, "stale", "your clock is wrong");
}

Test(status_cache, rejects_what_the_ca_does_not_call_good)
{
	static const struct {
		spoil_status *spoil;
		enum envelope_mischief mischief;
		const char *reason;
		spoil_claims *spoil_claims;
	} rows[] = {
		{say_revoked, 0, "the CA says that the certificate was revoked at ", NULL},
		{say_unknown, 0, "the CA says that the certificate is unknown", NULL},
		{refuse, 0, "did not give the certificate's status: the CA refused (stale)", NULL},
		{NULL, ENVELOPE_HTML, "did not give the certificate's status", NULL},
		{NULL, 0, "did not give the certificate's status", change_digest},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_certificate)
		struct certificate *certificate = first_certificate(&fixture);
		CLEANUP(free_status_cache) struct status_cache *cache = NULL;
		struct verdict verdict = {0};

		fake_ca.spoil_status = rows[i].spoil;
		fake_ca.spoil_claims = rows[i].spoil_claims;
		fake_ca.envelope.mischief = rows[i].mischief;
		OK(new_status_cache(fixture.layouts[1], "client2", &fake_ca.endpoint, &cache,
				    &fault));
		check_cached_status(cache, certificate, fixture.now_s, &verdict);
		cr_assert(verdict.invalid, "%zu", i);
		cr_assert_not_null(strstr(verdict.reason, rows[i].reason), "%s", verdict.reason);
	}
}

Test(status_cache, caches_an_answer_for_a_few_seconds)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_status_cache) struct status_cache *cache = NULL;
	struct verdict verdict = {0};

	certificate = first_certificate(&fixture);
	OK(new_status_cache(fixture.layouts[1], "client2", &fake_ca.endpoint, &cache, &fault));
	check_cached_status(cache, certificate, fixture.now_s, &verdict);
	fake_ca.spoil_status = say_revoked;
	check_cached_status(cache, certificate, fixture.now_s + STATUS_CACHED_S - 1, &verdict);
	cr_assert(!verdict.invalid, "%s", verdict.reason);
	cr_assert_eq(fake_ca.questions, 1);
	check_cached_status(cache, certificate, fixture.now_s + STATUS_CACHED_S, &verdict);
	cr_assert(verdict.invalid);
	cr_assert_eq(fake_ca.questions, 2);
}

/* catalogue 94: an answer of the future is not used */
Test(status_cache, asks_again_when_the_clock_went_back)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_status_cache) struct status_cache *cache = NULL;
	struct verdict verdict = {0};

	certificate = first_certificate(&fixture);
	OK(new_status_cache(fixture.layouts[1], "client2", &fake_ca.endpoint, &cache, &fault));
	check_cached_status(cache, certificate, fixture.now_s + 100, &verdict);
	check_cached_status(cache, certificate, fixture.now_s, &verdict);
	cr_assert(!verdict.invalid, "%s", verdict.reason);
	cr_assert_eq(fake_ca.questions, 2);
}

/* catalogue 118: who accepts and says nothing is waited for once, and not for each message */
Test(status_cache, waits_for_a_silent_ca_once)
{
	const struct script script = {.silent = true};
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(&script, &endpoint);
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct status_cache *cache = NULL;

	certificate = first_certificate(&fixture);
	OK(new_status_cache(fixture.layouts[1], "client2", &endpoint, &cache, &fault));
	for (int i = 0; i < 100; i++) {
		struct verdict verdict = {0};

		check_cached_status(cache, certificate, fixture.now_s, &verdict);
		cr_assert(verdict.invalid);
		cr_expect_not_null(strstr(verdict.reason, "no answer in time"), "%s",
				   verdict.reason);
	}
	free_status_cache(&cache);
	/* The cache asks again by itself every few seconds; 100 questions would take minutes. */
	cr_expect_lt(stop_scripted_server(&server, &request), 10);
}

/* catalogue 118 */
Test(status_cache, does_not_wait_any_more_when_it_is_stopped)
{
	const struct script script = {.silent = true};
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(&script, &endpoint);
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_status_cache) struct status_cache *cache = NULL;
	struct verdict verdict = {0};

	certificate = first_certificate(&fixture);
	OK(new_status_cache(fixture.layouts[1], "client2", &endpoint, &cache, &fault));
	stop_status_cache(cache);
	check_cached_status(cache, certificate, fixture.now_s, &verdict);
	cr_assert(verdict.invalid);
	cr_expect_not_null(strstr(verdict.reason, "stops and waits no longer"), "%s",
			   verdict.reason);
	(void)stop_scripted_server(&server, &request);
}
