#include "common/x509/issuer.h"

#include "common/base/workers.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"
#include "common/x509/profile.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/issuers.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

/* The extensions of both URLs, and none after both were removed. */
Test(issuer, writes_where_a_certificate_can_be_looked_up)
{
	static const char crl[] = "http://ca.example.org/crl";
	static const char ocsp[] = "http://ca.example.org/ocsp";
	static const char cer[] = "http://ca.example.org/ca.cer";
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = make_csr(member_key(), NULL);
	struct bytes point =
		item(DER_SEQUENCE,
		     item(DER_SEQUENCE, item(DER_CONTEXT_CONSTRUCTED,
					     item(DER_CONTEXT_CONSTRUCTED,
						  item(DER_CONTEXT + 6, bytes_of_string(crl))))));
	struct bytes access = item(
		DER_SEQUENCE,
		item(DER_SEQUENCE, JOIN(item(DER_OID, OCTETS("\x2b\x06\x01\x05\x05\x07\x30\x01")),
					item(DER_CONTEXT + 6, bytes_of_string(ocsp)))));
	struct bytes info_access =
		item(DER_SEQUENCE, JOIN(item(DER_OID, OCTETS("\x2b\x06\x01\x05\x05\x07\x01\x01")),
					item(DER_OCTET_STRING, access)));
	struct bytes issuers = item(
		DER_SEQUENCE,
		item(DER_SEQUENCE, JOIN(item(DER_OID, OCTETS("\x2b\x06\x01\x05\x05\x07\x30\x02")),
					item(DER_CONTEXT + 6, bytes_of_string(cer)))));
	struct bytes issuers_access =
		item(DER_SEQUENCE, JOIN(item(DER_OID, OCTETS("\x2b\x06\x01\x05\x05\x07\x01\x01")),
					item(DER_OCTET_STRING, issuers)));
	static const struct published_urls rows[] = {
		{crl, ocsp, NULL}, {crl, NULL, NULL}, {NULL, ocsp, NULL}, {NULL, NULL, cer}, {0}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificate *certificate = NULL;
		struct verdict verdict = {0};
		size_t count = (size_t)4 + (rows[i].crl != NULL ? 1 : 0) +
			       (rows[i].ocsp != NULL ? 1 : 0) + (rows[i].issuer != NULL ? 1 : 0);

		OK(set_published_urls(issuer, &rows[i], &fault));
		certificate = certify(issuer, csr, &ninety_days);
		cr_expect_eq(count_extensions(certificate), count, "row %zu", i);
		cr_expect_eq(has_extension(certificate, extension(31, false, point)),
			     rows[i].crl != NULL, "row %zu", i);
		cr_expect_eq(has_extension(certificate, info_access), rows[i].ocsp != NULL,
			     "row %zu", i);
		cr_expect_eq(has_extension(certificate, issuers_access), rows[i].issuer != NULL,
			     "row %zu", i);
		OK(check_profile(certificate, PROFILE_MEMBER, &verdict, &fault));
		cr_expect_str_eq(verdict.reason, "");
		free_certificate(&certificate);
	}
	free_csr(&csr);
	free_issuer(&issuer);
}

Test(issuer, makes_certificates_with_exactly_their_extensions)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	const struct certificate_fields *root = certificate_fields(issuer_certificate(issuer));
	struct csr *csr = make_csr(member_key(), "DNS:client1.example.org");
	struct certificate *certificate = certify(issuer, csr, &ninety_days);
	struct bytes root_id = item(DER_CONTEXT, find_subject_key_id(root));
	struct bytes own_id = item(DER_OCTET_STRING, expected_key_id(spki_of(member_key())));

	cr_expect_str_eq(certificate_subject(certificate), "CN=client1-1,O=Example");
	cr_expect(equal_bytes(certificate_raw_issuer(certificate), root->subject));
	cr_expect_eq(certificate_not_before(certificate), ninety_days.not_before_s);
	cr_expect_eq(certificate_not_after(certificate), ninety_days.not_after_s);
	cr_expect(equal_bytes(public_key_spki(certificate_public_key(certificate)),
			      spki_of(member_key())));
	cr_expect_eq(count_extensions(certificate), (size_t)5);
	cr_expect(has_extension(certificate, extension(19, true, OCTETS("\x30\x00"))));
	cr_expect(has_extension(certificate, member_key_usage()));
	cr_expect(has_extension(certificate, extension(14, false, own_id)));
	cr_expect(has_extension(certificate, extension(35, false, item(DER_SEQUENCE, root_id))));
	cr_expect(has_extension(
		certificate, extension(17, false,
				       item(DER_SEQUENCE, item(DER_CONTEXT + 2,
							       OCTETS("client1.example.org"))))));
	free_certificate(&certificate);
	free_csr(&csr);
	free_issuer(&issuer);
}

/* catalogue 43 */
Test(issuer, copies_only_names_and_key_of_a_request)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = NULL;
	struct certificate *certificate = NULL;

	OK(parse_csr_pem(vector_text("greedy.csr"), &csr, &fault));
	certificate = certify(issuer, csr, &ninety_days);
	cr_expect_eq(count_extensions(certificate), (size_t)4);
	cr_expect(has_extension(certificate, extension(19, true, OCTETS("\x30\x00"))));
	cr_expect(has_extension(certificate, member_key_usage()));
	free_certificate(&certificate);
	free_csr(&csr);
	free_issuer(&issuer);
}

static void expect_not_certified(const struct issuer *issuer, const struct csr *csr,
				 const struct validity *validity, const char *reason)
{
	uint8_t serial[SERIAL_MAX] = {1};
	struct buffer der = {0};

	REFUSED(certify_csr(issuer, csr, serial, validity, &der, &fault), FAULT_REFUSED, reason);
	cr_expect_null(der.data);
}

/* catalogue 42 */
Test(issuer, certifies_nothing_without_proof_of_possession)
{
	static const char *const names[] = {"signed-sha1.csr", "signed-md5.csr",
					    "signed-ecdsa-sha1.csr", "signed-pss.csr"};
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct forged_csr forged = forged_request();
	struct csr *csr = NULL;

	OK(parse_csr_der(forge_csr(&forged, other_key()), &csr, &fault));
	expect_not_certified(issuer, csr, &ninety_days, "the signature is not by the key");
	free_csr(&csr);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		OK(parse_csr_pem(vector_text(names[i]), &csr, &fault));
		expect_not_certified(issuer, csr, &ninety_days, "another algorithm");
		free_csr(&csr);
	}
	free_issuer(&issuer);
}

/* catalogue 44: the CA's own key */
Test(issuer, certifies_no_request_for_its_own_key)
{
	struct forged_certificate root = forged_root();
	struct certificate *certificate = forge_parsed(&root, root_key());
	struct private_key *key = copy_key(root_key());
	struct issuer *issuer = NULL;
	struct csr *csr = make_csr(root_key(), NULL);

	OK(new_issuer(&certificate, &key, &issuer, &fault));
	expect_not_certified(issuer, csr, &ninety_days, "its public key is the issuer's");
	free_csr(&csr);
	free_issuer(&issuer);
}

/* catalogue 49, 94, 95 */
Test(issuer, certifies_only_within_its_own_validity)
{
	static const struct {
		struct validity validity;
		const char *reason;
	} rows[] = {
		{{NOW_S - 301, NOW_S + 1}, "within that of the issuer CN=Example Root CA"},
		{{NOW_S, NOW_S + 315360001}, "within that of the issuer CN=Example Root CA"},
		{{NOW_S, NOW_S}, "notBefore before notAfter"},
		{{NOW_S + 1, NOW_S}, "notBefore before notAfter"},
		{{INT64_MIN, NOW_S}, "within that of the issuer"},
		{{NOW_S, INT64_MAX}, "within that of the issuer"},
	};
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = make_csr(member_key(), NULL);
	struct certificate *certificate = NULL;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_not_certified(issuer, csr, &rows[i].validity, rows[i].reason);
	/* The issuer's own first and last second are within its validity. */
	certificate = certify(issuer, csr, &ten_years);
	cr_expect_eq(certificate_not_before(certificate), ten_years.not_before_s);
	cr_expect_eq(certificate_not_after(certificate), ten_years.not_after_s);
	free_certificate(&certificate);
	free_csr(&csr);
	free_issuer(&issuer);
}

/* catalogue 48: a serial that is not positive is refused */
Test(issuer, certifies_with_no_serial_out_of_its_form)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = make_csr(member_key(), NULL);
	uint8_t serials[3][SERIAL_MAX] = {{0}, {0xff}, {0x80}};

	for (size_t i = 0; i < COUNT_OF(serials); i++) {
		struct buffer der = {0};

		REFUSED(certify_csr(issuer, csr, serials[i], &ninety_days, &der, &fault), ANY_CLASS,
			NULL, "row %zu", i);
		cr_expect_null(der.data);
	}
	free_csr(&csr);
	free_issuer(&issuer);
}

/* catalogue 49, 95 */
Test(issuer, writes_dates_from_2050_as_generalized_time)
{
	static const struct validity rows[] = {
		{INT64_C(2524607998), INT64_C(2524607999)},
		{INT64_C(2524607999), INT64_C(2524608000)},
		{INT64_C(2524608000), INT64_C(253402300799)},
		{0, INT64_C(2147483648)},
	};
	static const uint8_t tags[][2] = {{DER_UTC_TIME, DER_UTC_TIME},
					  {DER_UTC_TIME, DER_GENERALIZED_TIME},
					  {DER_GENERALIZED_TIME, DER_GENERALIZED_TIME},
					  {DER_UTC_TIME, DER_UTC_TIME}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificate *root = NULL;
		CLEANUP(clear_buffer) struct buffer der = {0};

		OK(create_root(root_key(), "CN=a", &rows[i], &der, &fault));
		OK(parse_certificate_der(bytes_of_buffer(&der), &root, &fault));
		cr_expect_eq(certificate_not_before(root), rows[i].not_before_s);
		cr_expect_eq(certificate_not_after(root), rows[i].not_after_s);
		cr_expect_eq(certificate_fields(root)->not_before.tag, tags[i][0]);
		cr_expect_eq(certificate_fields(root)->not_after.tag, tags[i][1]);
		free_certificate(&root);
	}
}

/* catalogue 95 */
Test(issuer, writes_utc_in_every_time_zone)
{
	struct issuer *issuer = NULL;

	cr_assert_eq(setenv("TZ", "Pacific/Kiritimati", 1), 0);
	tzset();
	issuer = make_issuer(KEY_ECDSA_P256);
	cr_expect_eq(certificate_not_before(issuer_certificate(issuer)), ten_years.not_before_s);
	free_issuer(&issuer);
}

Test(issuer, certifies_every_key_type_under_every_type_of_root)
{
	struct private_key *keys[KEY_TYPE_COUNT];
	struct csr *csrs[KEY_TYPE_COUNT];

	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
		keys[type] = make_key((enum key_type)type);
		csrs[type] = make_csr(keys[type], "DNS:client1.example.org");
	}
	for (unsigned int root_type = 0; root_type < KEY_TYPE_COUNT; root_type++) {
		struct issuer *issuer = make_issuer((enum key_type)root_type);

		for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
			struct certificate *certificate = certify(issuer, csrs[type], &ninety_days);
			const struct trust trust = {.root = issuer_certificate(issuer)};
			struct verdict verdict = {0};

			OK(check_profile(certificate, PROFILE_MEMBER, &verdict, &fault));
			OK(verify_chain(&trust, certificate, NOW_S, NULL, &verdict, &fault));
			cr_expect(!verdict.invalid, "%u under %u: %s", type, root_type,
				  verdict.reason);
			free_certificate(&certificate);
		}
		free_issuer(&issuer);
	}
	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
		free_csr(&csrs[type]);
		free_private_key(&keys[type]);
	}
}

struct shared_work {
	const struct issuer *issuer;
	const struct csr *csr;
};

static int certify_once(size_t index, void *context, struct fault *fault)
{
	const struct shared_work *work = context;
	CLEANUP(clear_buffer) struct buffer der = {0};
	uint8_t serial[SERIAL_MAX];

	(void)index;
	if (generate_serial(serial, fault) < 0)
		return -1;
	return certify_csr(work->issuer, work->csr, serial, &ninety_days, &der, fault);
}

Test(issuer, certifies_on_several_threads)
{
	struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	struct csr *csr = make_csr(member_key(), "DNS:x");
	struct shared_work work = {issuer, csr};

	OK(run_tasks(400, 8, certify_once, &work, &fault));
	free_csr(&csr);
	free_issuer(&issuer);
}
