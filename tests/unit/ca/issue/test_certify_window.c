#include "common/ca/issue/certify_batch.h"

#include "common/x509/signing_order.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>

/* Windows of a week, which began before the CA was made. */
enum { EVERY_S = 7 * 86400, OVERLAP_S = 3600 };

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	fixture.manifest->ca.windows = (struct pool_windows){EVERY_S, OVERLAP_S, 2, 0};
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(certify_window, .init = set_up, .fini = tear_down);

static struct window window_after(int64_t windows)
{
	return window_at(&fixture.manifest->ca.windows, NOW_S + windows * EVERY_S);
}

static void ask(const struct window *window, struct certificates_answer *answer)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_request)
	struct certificates_request request = {.window = *window};

	add_member(&request, "key1", make_csr(key, "CN=client1-1", NULL));
	certify(&fixture, "client1", &request, NOW_S, answer);
}

/* A wide jitter and a policy's validity change nothing. */
Test(certify_window, gives_exactly_the_window_that_is_asked_for)
{
	fixture.manifest->ca.certificate_jitter_percent = 50;
	for (int64_t i = 0; i <= 2; i++) {
		CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
		CLEANUP(free_certificate) struct certificate *certificate = NULL;
		struct window window = window_after(i);

		ask(&window, &answer);
		certificate = parse_member_certificate(&answer, "key1");
		cr_expect_eq(certificate_not_before(certificate), window.begin_s);
		cr_expect_eq(certificate_not_after(certificate), window.end_s);
	}
	cr_expect_eq(count_rows(&fixture), 3);
}

static void expect_refused(const struct window *window, const char *part)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	ask(window, &answer);
	cr_expect_str_eq(answer.refusal.type, "policy");
	cr_expect_not_null(strstr(answer.refusal.detail, part), "expected \"%s\" in \"%s\"", part,
			   answer.refusal.detail);
	cr_expect_eq(answer.certificate_count, 0);
}

Test(certify_window, refuses_every_other_validity)
{
	struct window window = window_after(0);

	expect_refused(&(struct window){window.begin_s + 1, window.end_s + 1},
		       "validity: expected a window of the CA");
	expect_refused(&(struct window){window.begin_s, window.end_s - 1}, "expected a window of");
	window = window_after(-2);
	expect_refused(&window, "expected a window that is not over, found ");
	window = window_after(3);
	expect_refused(&window, "expected at most 2 windows ahead, found ");
	fixture.manifest->ca.certificate_validity_s = EVERY_S;
	window = window_after(0);
	expect_refused(&window, "expected at most 604800 s, found a window of 608400 s: raise "
				"ca.certificates.validity");
	fixture.manifest->ca.windows = (struct pool_windows){0};
	expect_refused(&window, "expected none in the request, as the CA has no windows in its "
				"manifest, found ");
	cr_expect_eq(count_rows(&fixture), 0);
}

/* A clock that is a little ahead of the CA's asks for the next window before the CA has it. */
Test(certify_window, takes_the_clock_of_a_client_that_is_ahead)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_request)
	struct certificates_request request = {.window = window_after(3)};
	int64_t next_s = window_after(1).begin_s;

	add_member(&request, "key1", make_csr(key, "CN=client1-1", NULL));
	certify(&fixture, "client1", &request, next_s - 60, &answer);
	cr_expect_eq(answer.certificate_count, 1, "%s", answer.refusal.detail);
}
