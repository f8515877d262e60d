#include "common/ca/service/est_route.h"

#include "common/ca/service/est_client.h"
#include "common/ca/store/revoke.h"
#include "common/crypto/base64.h"
#include "common/crypto/key_file.h"
#include "common/x509/csr.h"
#include "common/x509/pem.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ca_fixture fixture;
static struct shared_keys keys;
static struct shared_key key;
static char password[EST_PASSWORD_SIZE];

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(fixture.layout, "client1", &key, &fault));
	OK(init_shared_keys(&keys, fixture.layout, NULL, &fault));
	derive_est_password(&key, password);
}

static void tear_down(void)
{
	clear_shared_keys(&keys);
	remove_ca(&fixture);
}

TestSuite(est_route, .init = set_up, .fini = tear_down);

/* The value of an Authorization field. */
static struct buffer basic(const char *scheme, const char *credentials)
{
	struct buffer field = {0};

	append_string(&field, scheme);
	append_base64(&field, bytes_of_string(credentials));
	append_string(&field, "");
	return field;
}

static enum est_denial find(const struct http_request *request, int64_t now_s,
			    struct est_client *client, struct refusal *refusal)
{
	OK(find_est_client(fixture.authority, &keys, request, now_s, client, &fault));
	*refusal = client->refusal;
	return client->denial;
}

Test(est_route, refuses_every_other_authorization)
{
	static const struct {
		const char *scheme;
		const char *name;
		const char *more; /* after the password */
		const char *part;
	} rows[] = {
		{"Basic ", "client1:", "x", "expected the password of the client"},
		{"Basic ", "client2:", "", "expected the password of the client"},
		{"Basic ", "nobody:", "", "expected the password of the client"},
		{"Basic ", "", "", "expected Basic with a client's name"},
		{"Basic ", "../x:", "", "expected Basic with a client's name"},
		{"Basic  ", "client1:", "", "expected Basic with a client's name"},
		{"Bearer ", "client1:", "", "expected Basic with a client's name"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_est_client) struct est_client client = {0};
		CLEANUP(clear_buffer) struct buffer credentials = {0};
		CLEANUP(clear_buffer) struct buffer field = {0};
		struct refusal refusal = {0};

		append_format(&credentials, "%s%s%s", rows[i].name, password, rows[i].more);
		field = basic(rows[i].scheme, (const char *)credentials.data);
		cr_expect_eq(find(&(struct http_request){.authorization = (const char *)field.data},
				  NOW_S, &client, &refusal),
			     EST_UNAUTHENTICATED, "row %zu", i);
		cr_expect_str_eq(refusal.type, "unauthenticated");
		cr_expect_not_null(strstr(refusal.detail, rows[i].part), "row %zu: %s", i,
				   refusal.detail);
		cr_expect_null(strstr(refusal.detail, password));
	}
}

Test(est_route, knows_a_client_by_its_password)
{
	CLEANUP(clear_est_client) struct est_client client = {0};
	CLEANUP(clear_buffer) struct buffer credentials = {0};
	CLEANUP(clear_buffer) struct buffer field = {0};
	struct refusal refusal = {0};

	append_format(&credentials, "client1:%s", password);
	field = basic("bASIC ", (const char *)credentials.data);
	cr_expect_eq(find(&(struct http_request){.authorization = (const char *)field.data}, NOW_S,
			  &client, &refusal),
		     EST_ADMITTED);
	cr_expect_str_eq(client.name, "client1");
	cr_expect_str_eq(client.kid, key.kid);
	cr_expect_null(client.certificate);
}

Test(est_route, knows_a_member_by_its_certificate_until_it_ends_or_is_revoked)
{
	CLEANUP(free_certificate) struct certificate *certificate = certify_one(&fixture, NOW_S);
	const struct bytes peer = certificate_der(certificate);
	const struct http_request request = {.authorization = "", .peer = &peer, .peer_count = 1};
	CLEANUP(clear_est_client) struct est_client first = {0};
	CLEANUP(clear_est_client) struct est_client second = {0};
	CLEANUP(clear_est_client) struct est_client third = {0};
	struct revocation_summary summary;
	uint8_t serial[1][SERIAL_MAX];
	struct refusal refusals[3] = {0};

	cr_expect_eq(find(&request, NOW_S, &first, &refusals[0]), EST_ADMITTED);
	cr_expect_str_eq(first.name, "client1");
	cr_expect_not_null(first.certificate);
	cr_expect_eq(find(&request, certificate_not_after(certificate) + 1, &second, &refusals[1]),
		     EST_UNAUTHENTICATED);
	cr_expect_not_null(strstr(refusals[1].detail, "has expired"));
	memcpy(serial[0], certificate_serial(certificate).data, SERIAL_MAX);
	OK(revoke_certificates(authority_store(fixture.authority),
			       &(struct revocation){.serials = (const uint8_t(*)[SERIAL_MAX])serial,
						    .serial_count = 1,
						    .by = CA_NAME,
						    .now_s = NOW_S},
			       NULL, NULL, &summary, &fault));
	cr_expect_eq(find(&request, NOW_S, &third, &refusals[2]), EST_FORBIDDEN);
	cr_expect_not_null(strstr(refusals[2].detail, "was revoked"));
}

Test(est_route, takes_no_certificate_before_it_begins)
{
	CLEANUP(free_certificate) struct certificate *certificate = certify_one(&fixture, NOW_S);
	const struct bytes peer = certificate_der(certificate);
	const struct http_request request = {.authorization = "", .peer = &peer, .peer_count = 1};
	CLEANUP(clear_est_client) struct est_client client = {0};
	struct refusal refusal = {0};

	cr_expect_eq(find(&request, certificate_not_before(certificate) - 1, &client, &refusal),
		     EST_UNAUTHENTICATED);
	cr_expect_not_null(strstr(refusal.detail, "is not valid yet"), "%s", refusal.detail);
}

/* Its client was removed, and another one has the name now. */
Test(est_route, takes_no_certificate_of_an_earlier_client_of_the_name)
{
	CLEANUP(free_certificate) struct certificate *certificate = certify_one(&fixture, NOW_S);
	const struct bytes peer = certificate_der(certificate);
	const struct http_request request = {.authorization = "", .peer = &peer, .peer_count = 1};
	struct store *store = authority_store(fixture.authority);
	CLEANUP(clear_client) struct client client = {0};
	CLEANUP(clear_est_client) struct est_client member = {0};
	CLEANUP(clear_est_client) struct est_client earlier = {0};
	struct refusal refusal = {0};
	bool found;

	OK(read_client(store, "client1", &client, &found, &fault));
	OK(write_client(store, &client, CLIENT_CHANGE, NOW_S + 1, &fault));
	cr_expect_eq(find(&request, NOW_S + 1, &member, &refusal), EST_ADMITTED, "%s",
		     refusal.detail);
	OK(remove_client(store, "client1", NOW_S + 1, &found, &fault));
	OK(write_client(store, &client, CLIENT_ADD, NOW_S + 1, &fault));
	cr_expect_eq(find(&request, NOW_S + 1, &earlier, &refusal), EST_FORBIDDEN);
	cr_expect_not_null(strstr(refusal.detail, "an earlier client client1"), "%s",
			   refusal.detail);
}

/* Its key is another's, or it is of another CA. */
Test(est_route, takes_no_certificate_that_it_did_not_issue)
{
	CLEANUP(free_certificate) struct certificate *certificate = certify_one(&fixture, NOW_S);
	CLEANUP(clear_buffer) struct buffer changed = {0};
	struct bytes peer;
	const struct http_request request = {.authorization = "", .peer = &peer, .peer_count = 1};

	append_bytes(&changed, certificate_der(certificate));
	for (size_t i = 0; i < changed.len; i += 7) {
		CLEANUP(clear_est_client) struct est_client client = {0};
		struct refusal refusal = {0};

		changed.data[i] ^= 1;
		peer = bytes_of_buffer(&changed);
		cr_expect_eq(find(&request, NOW_S, &client, &refusal), EST_UNAUTHENTICATED,
			     "octet %zu", i);
		changed.data[i] ^= 1;
	}
	peer = certificate_der(issuer_certificate(authority_issuer(fixture.authority)));
	{
		CLEANUP(clear_est_client) struct est_client client = {0};
		struct refusal refusal = {0};

		cr_expect_eq(find(&request, NOW_S, &client, &refusal), EST_UNAUTHENTICATED);
	}
}

Test(est_route, takes_password_and_certificate_of_one_client_alone)
{
	CLEANUP(free_certificate) struct certificate *certificate = certify_one(&fixture, NOW_S);
	const struct bytes peer = certificate_der(certificate);
	CLEANUP(clear_est_client) struct est_client client = {0};
	CLEANUP(clear_buffer) struct buffer credentials = {0};
	CLEANUP(clear_buffer) struct buffer field = {0};
	struct shared_key other;
	char other_password[EST_PASSWORD_SIZE];
	struct refusal refusal = {0};

	OK(generate_shared_key(&other, &fault));
	OK(write_shared_key(fixture.layout, "client2", &other, &fault));
	derive_est_password(&other, other_password);
	append_format(&credentials, "client2:%s", other_password);
	field = basic("Basic ", (const char *)credentials.data);
	cr_expect_eq(find(&(struct http_request){.authorization = (const char *)field.data,
						 .peer = &peer,
						 .peer_count = 1},
			  NOW_S, &client, &refusal),
		     EST_FORBIDDEN);
	cr_expect_not_null(strstr(refusal.detail, "client client2's"), "%s", refusal.detail);
}

static struct csr *make_named_csr(const char *subject, const char *alt_name)
{
	CLEANUP(free_private_key) struct private_key *own = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer pem = make_csr(own, subject, alt_name);
	struct csr *csr = NULL;

	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	return csr;
}

Test(est_route, renews_for_the_same_names_and_another_key_alone)
{
	CLEANUP(free_certificate) struct certificate *certificate = certify_one(&fixture, NOW_S);
	static const struct {
		const char *alt_name;
		const char *part;
		bool other_subject;
	} rows[] = {
		{NULL, "", false},
		{NULL, "subject: expected that of the certificate", true},
		{"DNS:a.example", "alternative names: expected those of the certificate", false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_csr)
		struct csr *csr = make_named_csr(
			rows[i].other_subject ? "CN=client1-999" : certificate_subject(certificate),
			rows[i].alt_name);
		struct refusal refusal = {0};

		check_renewal(certificate, csr, false, &refusal);
		cr_expect_eq(is_refused(&refusal), rows[i].part[0] != '\0', "row %zu", i);
		cr_expect_not_null(strstr(refusal.detail, rows[i].part), "row %zu: %s", i,
				   refusal.detail);
		refusal = (struct refusal){0};
		check_renewal(certificate, csr, true, &refusal);
		cr_expect_eq(is_refused(&refusal), rows[i].alt_name != NULL, "row %zu: a pseudonym",
			     i);
	}
}

/* A certificate of client1-1 for that key, and a request of the same key. */
Test(est_route, answers_with_an_earlier_certificate_only_if_it_is_what_was_asked_for)
{
	CLEANUP(free_private_key) struct private_key *own = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	static const struct {
		const char *subject;
		const char *alt_name;
		unsigned int label;
		bool refused;
	} rows[] = {
		{"CN=client1-1", NULL, 0, false},           {"CN=client1-1", NULL, USE_SIGN, false},
		{"CN=client1-1", NULL, USE_SERVER, true},   {"CN=client1-2", NULL, 0, true},
		{"CN=client1-1", "DNS:a.example", 0, true},
	};

	add_member(&request, "key1", make_csr(own, "CN=client1-1", NULL));
	certify(&fixture, "client1", &request, NOW_S, &answer);
	certificate = parse_member_certificate(&answer, "key1");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer)
		struct buffer pem = make_csr(own, rows[i].subject, rows[i].alt_name);
		CLEANUP(free_csr) struct csr *csr = NULL;
		struct refusal refusal = {0};

		OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
		check_granted(certificate, csr, rows[i].label, false, &refusal);
		cr_expect_eq(is_refused(&refusal), rows[i].refused, "row %zu", i);
		refusal = (struct refusal){0};
		check_renewal(certificate, csr, false, &refusal);
		cr_expect(is_refused(&refusal), "row %zu: the key is the certificate's", i);
	}
}

/* RFC 8951: clients differ in line breaks, and some send PEM. */
Test(est_route, reads_a_request_in_base64_with_any_white_space_or_in_pem)
{
	CLEANUP(free_private_key) struct private_key *own = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer pem = make_csr(own, "CN=client1-1", NULL);
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer base64 = {0};
	struct buffer bodies[5] = {{0}};

	OK(unwrap_pem(bytes_of_buffer(&pem), "CERTIFICATE REQUEST", NULL, CSR_PEM_MAX, &der,
		      &fault));
	append_base64(&base64, bytes_of_buffer(&der));
	append_bytes(&bodies[0], bytes_of_buffer(&base64));
	for (size_t i = 0; i < base64.len; i += 64) {
		append_bytes(&bodies[1], (struct bytes){base64.data + i,
							base64.len - i < 64 ? base64.len - i : 64});
		append_string(&bodies[1], "\r\n");
	}
	append_format(&bodies[2], " \n\t%.*s\n\n", (int)base64.len, (const char *)base64.data);
	append_bytes(&bodies[3], bytes_of_buffer(&pem));
	append_format(&bodies[4], "\n\n%.*s\n", (int)pem.len, (const char *)pem.data);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		CLEANUP(free_csr) struct csr *csr = NULL;

		OK(parse_est_csr(bytes_of_buffer(&bodies[i]), &csr, &fault));
		cr_expect_str_eq(csr_subject(csr), "CN=client1-1", "body %zu", i);
		clear_buffer(&bodies[i]);
	}
}

Test(est_route, refuses_a_body_that_is_no_request)
{
	static const char *const bodies[] = {
		"",
		" ",
		"MII",
		"!!!!",
		"MIIB",
		"AAAA",
		"-----BEGIN CERTIFICATE REQUEST-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		CLEANUP(free_csr) struct csr *csr = NULL;

		REFUSED(parse_est_csr(bytes_of_string(bodies[i]), &csr, &fault), FAULT_MALFORMED,
			"");
		cr_expect_null(csr);
	}
}
