#include "common/ca/signer/signer.h"

#include "common/ca/signer/signed_log.h"
#include "common/ca/store/clients.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/distinguished_name.h"
#include "common/x509/signing_order.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

/* What a front that was taken over could order, of the signer of a CA. */

#define HOUR_S INT64_C(3600)

static struct ca_fixture fixture;
static struct private_key *key;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	key = make_key(KEY_ECDSA_P256);
}

static void tear_down(void)
{
	free_private_key(&key);
	remove_ca(&fixture);
}

TestSuite(signer, .init = set_up, .fini = tear_down);

static const struct issuer *issuer(void)
{
	return authority_issuer(fixture.authority);
}

static struct signed_result order_at(enum signing_kind kind, const char *client,
				     const struct buffer *body, int64_t now_s)
{
	const struct signing_order order = {
		.kind = kind, .client = client, .bodies = body, .count = 1, .now_s = now_s};
	struct signed_result result = {0};

	OK(sign_order(issuer(), &order, &result, &fault));
	cr_expect_eq(result.verdict.invalid, result.der.len == 0);
	return result;
}

static struct signed_result order_one(enum signing_kind kind, const char *client,
				      const struct buffer *body)
{
	return order_at(kind, client, body, NOW_S);
}

/* A certificate's body, by default a good one of client1's. */
struct plan {
	const char *issuer;   /* NULL: the CA's */
	const char *subject;  /* NULL: CN=client1-1 */
	const char *alt_name; /* NULL: none */
	int64_t begin_s;      /* after the CA's now - backdate */
	int64_t end_s;        /* after the CA's now + 90 days */
	uint8_t first_octet;  /* of the serial; 0: 1 */
	size_t serial_len;    /* 0: SERIAL_MAX */
	bool ca;              /* CA:TRUE and keyCertSign */
	bool more_extensions; /* one more, not critical */
	bool own_key;         /* the CA's */
	bool responder;       /* extensions of one */
	unsigned int usages;  /* of the certificate; 0: USE_SIGN */
	int64_t later_s;      /* when it is ordered, after NOW_S */
};

static void append_extensions(const struct plan *plan, struct bytes spki, struct buffer *extensions)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (plan->alt_name != NULL) {
		OK(add_alt_name(&names, plan->alt_name, &fault));
		append_alt_names(&der, &names);
	}
	if (plan->ca) {
		append_basic_constraints(extensions, true, 0);
		append_key_usage(extensions, USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN);
		OK(append_subject_key_id(extensions, spki, &fault));
		append_authority_key_id(extensions, find_subject_key_id(certificate_fields(
							    issuer_certificate(issuer()))));
	} else if (plan->responder) {
		OK(append_responder_extensions(extensions, issuer(), spki, &fault));
	} else {
		const struct member_names shown = {{(const uint8_t *)"\x30\x02\x31\x00", 4},
						   bytes_of_buffer(&der)};

		OK(append_member_extensions(extensions, issuer(), &shown,
					    plan->usages != 0 ? plan->usages : USE_SIGN, spki,
					    &fault));
	}
	if (plan->more_extensions)
		append_ce_extension(
			extensions, EXTENSION_EXTENDED_KEY_USAGE, false,
			bytes_of_string("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"));
}

static struct buffer make_body(const struct plan *plan)
{
	const struct private_key *subject_key = plan->own_key ? issuer_key(issuer()) : key;
	const struct ca_node *ca = &fixture.manifest->ca;
	const int64_t now_s = NOW_S + plan->later_s;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer extensions = {0};
	CLEANUP(clear_buffer) struct buffer issuer_name = {0};
	CLEANUP(clear_buffer) struct buffer subject = {0};
	uint8_t serial[SERIAL_MAX];
	struct buffer body = {0};
	struct tbs_certificate fields = {
		.validity = {now_s - ca->certificate_backdate_s + plan->begin_s,
			     now_s + ca->certificate_validity_s + plan->end_s}};

	OK(generate_serial(serial, &fault));
	serial[0] = plan->first_octet != 0 ? plan->first_octet : 1;
	OK(get_public_key(subject_key, &public_key, &fault));
	OK(append_name(&subject, plan->subject != NULL ? plan->subject : "CN=client1-1", &fault));
	if (plan->issuer != NULL)
		OK(append_name(&issuer_name, plan->issuer, &fault));
	else
		append_bytes(&issuer_name,
			     certificate_fields(issuer_certificate(issuer()))->subject);
	append_extensions(plan, public_key_spki(public_key), &extensions);
	fields.serial =
		(struct bytes){serial, plan->serial_len != 0 ? plan->serial_len : SERIAL_MAX};
	fields.issuer = bytes_of_buffer(&issuer_name);
	fields.subject = bytes_of_buffer(&subject);
	fields.spki = public_key_spki(public_key);
	fields.extensions = bytes_of_buffer(&extensions);
	OK(build_certificate_body(&fields, issuer_algorithm(issuer()), &body, &fault));
	return body;
}

static void expect_refused(enum signing_kind kind, const struct plan *plan, const char *part)
{
	CLEANUP(clear_buffer) struct buffer body = make_body(plan);
	CLEANUP(clear_signed_result)
	struct signed_result result = order_at(kind, "client1", &body, NOW_S + plan->later_s);

	cr_expect(result.verdict.invalid, "expected a refusal: %s", part);
	cr_expect_not_null(strstr(result.verdict.reason, part), "expected \"%s\" in \"%s\"", part,
			   result.verdict.reason);
}

/* catalogue 123 */
Test(signer, refuses_a_ca_certificate_and_whatever_else_no_member_has)
{
	static const struct {
		struct plan plan;
		const char *part;
	} rows[] = {
		{{.ca = true}, "CA:TRUE"},
		{{.more_extensions = true}, "expected the extensions"},
		{{.responder = true}, "expects no id-kp-OCSPSigning"},
		{{.issuer = "CN=Another Root"}, "expected this CA as its issuer"},
		{{.own_key = true}, "expected another key than the CA's"},
		{{.serial_len = 8}, "expected a serial of 20 octets, found 8"},
		{{.first_octet = 0x80}, "serial"},
		{{.begin_s = -HOUR_S}, "expected it to begin at"},
		{{.end_s = HOUR_S}, "expected it to end at"},
		{{.later_s = 10 * 365 * DAY_S - 30 * DAY_S}, "within the CA's own"},
		{{.subject = "CN=client2-1"}, "subject: expected \"CN={client}-{index}\""},
		{{.alt_name = "DNS:bank.example"}, "\"DNS:bank.example\" is not allowed"},
		{{.usages = USE_SERVER}, "usages: expected of \"sign\", found \"server\""},
		{{.usages = USE_SIGN | USE_CLIENT}, "found \"sign,client\""},
		{{.usages = USE_SIGN | USE_KEY_ENCIPHERMENT}, "found \"sign,key-encipherment\""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused(SIGN_MEMBERS, &rows[i].plan, rows[i].part);
	cr_expect_eq(count_signed(&fixture, SIGNED_CERTIFICATE), 0);
}

/* Of a window that began before the CA, and of two that are to come. */
Test(signer, signs_for_a_window_and_for_no_other_time_to_come)
{
	struct ca_node *ca = &fixture.manifest->ca;
	struct window window;
	struct plan plan = {0};

	ca->windows = (struct pool_windows){7 * DAY_S, HOUR_S, 2, 0};
	for (int64_t i = 0; i <= 3; i++) {
		CLEANUP(clear_buffer) struct buffer body = {0};
		CLEANUP(clear_signed_result) struct signed_result result = {0};

		window = window_at(&ca->windows, NOW_S + i * 7 * DAY_S);
		plan.begin_s = window.begin_s - (NOW_S - ca->certificate_backdate_s);
		plan.end_s = window.end_s - (NOW_S + ca->certificate_validity_s);
		if (i == 3) {
			expect_refused(SIGN_MEMBERS, &plan, "expected at most 2 windows ahead");
			continue;
		}
		body = make_body(&plan);
		result = order_one(SIGN_MEMBERS, "client1", &body);
		cr_expect_not(result.verdict.invalid, "%s", result.verdict.reason);
	}
	plan.later_s = 4 * 7 * DAY_S;
	plan.end_s -= 4 * 7 * DAY_S;
	plan.begin_s -= 4 * 7 * DAY_S;
	expect_refused(SIGN_MEMBERS, &plan, "expected a window that is not over");
	plan = (struct plan){.begin_s = -7 * DAY_S};
	expect_refused(SIGN_MEMBERS, &plan, "expected it to begin at");
}

Test(signer, signs_nothing_for_every_purpose_where_the_policy_has_more_than_sign)
{
	static const struct plan unnamed = {0};
	static const struct plan named = {.usages = USE_SIGN | USE_NAMED_SIGN};
	struct store *store = authority_store(fixture.authority);
	CLEANUP(clear_client) struct client client = {0};
	CLEANUP(clear_buffer) struct buffer body = make_body(&named);
	CLEANUP(clear_signed_result) struct signed_result result = {0};
	bool found;

	OK(read_client(store, "client1", &client, &found, &fault));
	client.policy.usages = USE_SIGN | USE_CLIENT;
	OK(write_client(store, &client, CLIENT_CHANGE, NOW_S, &fault));
	expect_refused(SIGN_MEMBERS, &unnamed, "expected extKeyUsage with id-kp-documentSigning");
	result = order_one(SIGN_MEMBERS, "client1", &body);
	cr_expect_not(result.verdict.invalid, "%s", result.verdict.reason);
}

Test(signer, signs_a_certificate_that_the_policy_allows_and_logs_it)
{
	const struct plan plan = {0};
	CLEANUP(clear_buffer) struct buffer body = make_body(&plan);
	CLEANUP(clear_signed_result)
	struct signed_result result = order_one(SIGN_MEMBERS, "client1", &body);

	cr_expect_not(result.verdict.invalid, "%s", result.verdict.reason);
	cr_expect_eq(count_signed(&fixture, SIGNED_CERTIFICATE), 1);
	cr_expect_eq(count_signed(&fixture, SIGNED_AUTHORITY), 1, "the root, by init");
}

Test(signer, signs_the_good_ones_of_a_batch)
{
	const struct plan good = {0};
	const struct plan bad = {.ca = true};
	struct buffer bodies[] = {make_body(&good), make_body(&bad), make_body(&good)};
	struct signed_result results[COUNT_OF(bodies)] = {0};
	const struct signing_order order = {.kind = SIGN_MEMBERS,
					    .client = "client1",
					    .bodies = bodies,
					    .count = COUNT_OF(bodies),
					    .now_s = NOW_S};

	OK(sign_order(issuer(), &order, results, &fault));
	cr_expect_not(results[0].verdict.invalid);
	cr_expect(results[1].verdict.invalid);
	cr_expect_not(results[2].verdict.invalid);
	cr_expect_eq(count_signed(&fixture, SIGNED_CERTIFICATE), 2);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		clear_buffer(&bodies[i]);
		clear_signed_result(&results[i]);
	}
}

/* As after certpool rotate ca. */
struct rotated {
	struct issuer_set issuers;
	unsigned int looks;
};

static int learn_second(void *context, struct fault *problem)
{
	const struct validity validity = {NOW_S - HOUR_S, NOW_S + DAY_S};
	struct rotated *rotated = context;
	struct private_key *second_key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_issuer) struct issuer *second = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct certificate *certificate = NULL;

	(void)problem;
	rotated->looks++;
	OK(create_root(second_key, "CN=Second", &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	OK(new_issuer(&certificate, &second_key, &second, &fault));
	OK(add_issuer(&rotated->issuers, &second, &fault));
	return 0;
}

Test(signer, looks_for_a_newer_issuer_that_the_front_does_not_name)
{
	const struct plan plan = {0};
	struct rotated rotated = {0};
	const struct signer_settings settings = {.layout = fixture.layout,
						 .ca = &fixture.manifest->ca,
						 .store = authority_store(fixture.authority),
						 .learn = learn_second,
						 .learn_context = &rotated};
	CLEANUP(clear_buffer) struct buffer body = make_body(&plan);
	const struct signing_order order = {.kind = SIGN_MEMBERS,
					    .issuer = 1,
					    .client = "client1",
					    .bodies = &body,
					    .count = 1,
					    .now_s = NOW_S};
	CLEANUP(free_issuer) struct issuer *first = NULL;
	struct private_key *first_key = NULL;
	struct certificate *copy = NULL;
	struct signer *signer = NULL;

	OK(parse_certificate_der(certificate_der(issuer_certificate(issuer())), &copy, &fault));
	OK(open_key_file(fixture.layout, "root.key", &fixture.access, &first_key, &fault));
	OK(new_issuer(&copy, &first_key, &first, &fault));
	OK(add_issuer(&rotated.issuers, &first, &fault));
	OK(new_signer(&settings, &rotated.issuers, &signer, &fault));
	for (int i = 0; i < 2; i++) {
		CLEANUP(clear_signed_result) struct signed_result result = {0};

		OK(sign_checked(signer, &order, &result, &fault));
		cr_expect(result.verdict.invalid);
		cr_expect_not_null(strstr(result.verdict.reason, "CN=Second, which is the newest"),
				   "%s", result.verdict.reason);
	}
	cr_expect_eq(rotated.looks, 1);
	free_signer(&signer);
	clear_issuer_set(&rotated.issuers);
}

/* catalogue 123 */
Test(signer, refuses_certificates_for_who_is_no_client_or_is_barred)
{
	static const struct {
		const char *client;
		const char *part;
	} rows[] = {{NULL, "no such client"},
		    {"nobody", "no such client"},
		    {"client2", "is disabled or revoked"}};
	const struct plan plan = {0};
	CLEANUP(clear_buffer) struct buffer body = make_body(&plan);
	bool changed;

	OK(set_client_disabled(authority_store(fixture.authority), "client2", true, NOW_S, &changed,
			       &fault));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_signed_result)
		struct signed_result result = order_one(SIGN_MEMBERS, rows[i].client, &body);

		cr_expect(result.verdict.invalid, "row %zu", i);
		cr_expect_not_null(strstr(result.verdict.reason, rows[i].part), "row %zu: %s", i,
				   result.verdict.reason);
	}
	cr_expect_eq(count_signed(&fixture, SIGNED_CERTIFICATE), 0);
}

/* catalogue 123 */
Test(signer, signs_a_responder_for_a_week_and_for_nothing_else)
{
	const int64_t week_s = 7 * DAY_S - fixture.manifest->ca.certificate_validity_s;
	const struct plan good = {.responder = true, .begin_s = 300, .end_s = week_s};
	const struct plan long_lived = {
		.responder = true, .begin_s = 300, .end_s = week_s + HOUR_S};
	const struct plan member = {.begin_s = 300, .end_s = week_s};
	const struct plan authority = {.ca = true, .begin_s = 300, .end_s = week_s};
	CLEANUP(clear_buffer) struct buffer body = make_body(&good);
	CLEANUP(clear_signed_result)
	struct signed_result result = order_one(SIGN_RESPONDER, NULL, &body);

	cr_expect_not(result.verdict.invalid, "%s", result.verdict.reason);
	expect_refused(SIGN_RESPONDER, &long_lived, "expected it to end at");
	expect_refused(SIGN_RESPONDER, &member, "expected id-kp-OCSPSigning");
	expect_refused(SIGN_RESPONDER, &authority, "CA:TRUE");
	cr_expect_eq(count_signed(&fixture, SIGNED_RESPONDER), 1);
}

/* The names of the fixture's endpoint, 127.0.0.1, and no others; for servers alone. */
Test(signer, signs_the_cas_own_server_under_the_names_of_the_manifest)
{
	const int64_t ninety_days_s = 90 * DAY_S - fixture.manifest->ca.certificate_validity_s;
	const struct plan good = {.subject = "CN=127.0.0.1",
				  .alt_name = "IP:127.0.0.1",
				  .usages = USE_SERVER,
				  .end_s = ninety_days_s};
	struct plan plan = good;
	CLEANUP(clear_buffer) struct buffer body = make_body(&good);
	CLEANUP(clear_signed_result)
	struct signed_result result = order_one(SIGN_SERVER, NULL, &body);

	cr_expect_not(result.verdict.invalid, "%s", result.verdict.reason);
	cr_expect_eq(count_signed(&fixture, SIGNED_CERTIFICATE), 1);
	plan.alt_name = "IP:127.0.0.2";
	expect_refused(SIGN_SERVER, &plan, "endpoint and names, found IP:127.0.0.2");
	plan = good;
	plan.subject = "CN=bank.example";
	expect_refused(SIGN_SERVER, &plan, "subject CN=127.0.0.1, found CN=bank.example");
	plan.alt_name = NULL;
	expect_refused(SIGN_SERVER, &plan, "subject CN=127.0.0.1, found CN=bank.example");
	plan = good;
	plan.end_s += HOUR_S;
	expect_refused(SIGN_SERVER, &plan, "expected it to end at");
	plan = good;
	plan.usages = USE_SERVER | USE_CLIENT;
	expect_refused(SIGN_SERVER, &plan, "expected the extensions");
	plan.usages = USE_SIGN;
	expect_refused(SIGN_SERVER, &plan, "expected the extensions");
	expect_refused(SIGN_SERVER, &(struct plan){.responder = true}, "id-kp-OCSPSigning");
	expect_refused(SIGN_SERVER, &(struct plan){.ca = true}, "CA:TRUE");
}

Test(signer, gives_nothing_out_that_cannot_be_logged)
{
	const struct plan plan = {0};
	CLEANUP(clear_buffer) struct buffer body = make_body(&plan);
	const struct signing_order order = {.kind = SIGN_MEMBERS,
					    .client = "client1",
					    .bodies = &body,
					    .count = 1,
					    .now_s = NOW_S};
	struct signed_result result = {0};

	OK(remove_file(fixture.layout->state, SIGNED_LOG_FILE, &fault));
	cr_assert_eq(symlinkat("/dev/full", fixture.layout->state, SIGNED_LOG_FILE), 0);
	REFUSED(sign_order(issuer(), &order, &result, &fault), FAULT_FAILED, "state/signed.log");
	cr_expect_eq(result.der.len, 0);
}

/* The subject that the CA draws, and whole days. */
Test(signer, signs_pseudonyms_alone_with_that_profile)
{
	static const char pseudonym[] = "CN=0123456789abcdef0123456789abcdef";
	const int64_t end_s = -(NOW_S % DAY_S);
	const int64_t begin_s = end_s + fixture.manifest->ca.certificate_backdate_s;
	const struct {
		struct plan plan;
		const char *problem; /* NULL: none */
	} rows[] = {
		{{.subject = pseudonym, .begin_s = begin_s, .end_s = end_s}, NULL},
		{{.begin_s = begin_s, .end_s = end_s}, "subject: expected \"CN={random}\""},
		{{.subject = pseudonym, .begin_s = begin_s + 1, .end_s = end_s}, "whole windows"},
		{{.subject = pseudonym, .begin_s = begin_s, .end_s = end_s + 1}, "whole windows"},
		{{.subject = pseudonym, .begin_s = begin_s, .end_s = end_s + DAY_S},
		 "within the policy"},
		{{.subject = pseudonym, .begin_s = begin_s - DAY_S, .end_s = end_s - DAY_S},
		 "begin with the window of now"},
		{{.subject = pseudonym, .begin_s = begin_s + DAY_S, .end_s = end_s},
		 "begin with the window of now"},
	};

	fixture.manifest->ca.pseudonymous = true;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer body = make_body(&rows[i].plan);
		CLEANUP(clear_signed_result)
		struct signed_result result = order_one(SIGN_MEMBERS, "client1", &body);

		cr_expect_eq(result.verdict.invalid, rows[i].problem != NULL, "row %zu: %s", i,
			     result.verdict.reason);
		if (rows[i].problem != NULL)
			cr_expect_not_null(strstr(result.verdict.reason, rows[i].problem),
					   "row %zu: %s", i, result.verdict.reason);
	}
}
