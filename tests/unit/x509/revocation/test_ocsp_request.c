#include "common/x509/revocation/ocsp_request.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>

#define SHA1_ID "\x06\x05\x2b\x0e\x03\x02\x1a"
#define SHA256_ID "\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"
#define NONCE_ID "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x02"
#define RESPONSE_TYPES_ID "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x04"

static struct bytes zeros(size_t len)
{
	static const uint8_t octets[OCSP_REQUEST_MAX];

	return (struct bytes){octets, len};
}

static struct bytes cert_id_with(struct bytes algorithm, size_t hash_len, struct bytes serial)
{
	return item(DER_SEQUENCE,
		    JOIN(item(DER_SEQUENCE, algorithm), item(DER_OCTET_STRING, zeros(hash_len)),
			 item(DER_OCTET_STRING, zeros(hash_len)), item(DER_INTEGER, serial)));
}

static struct bytes cert_id(void)
{
	return cert_id_with(OCTETS(SHA1_ID "\x05\x00"), 20, OCTETS("\x01"));
}

static struct bytes single(void)
{
	return item(DER_SEQUENCE, cert_id());
}

/* An extension whose OCTET STRING holds these octets. */
static struct bytes extension_with(struct bytes oid, bool critical, struct bytes value)
{
	return item(DER_SEQUENCE, JOIN(oid, critical ? OCTETS("\x01\x01\xff") : OCTETS(""),
				       item(DER_OCTET_STRING, value)));
}

static struct bytes nonce_of(size_t len)
{
	return extension_with(OCTETS(NONCE_ID), false, item(DER_OCTET_STRING, zeros(len)));
}

static struct bytes extensions_under(uint8_t tag, struct bytes extensions)
{
	return item(tag, item(DER_SEQUENCE, extensions));
}

/* A request with these octets before and after its list. */
static struct bytes request_with(struct bytes before, struct bytes list, struct bytes after)
{
	return item(DER_SEQUENCE,
		    item(DER_SEQUENCE, JOIN(before, item(DER_SEQUENCE, list), after)));
}

static struct bytes request_for(struct bytes id)
{
	return request_with(OCTETS(""), item(DER_SEQUENCE, id), OCTETS(""));
}

static struct bytes request_extended(struct bytes extensions)
{
	return request_with(OCTETS(""), single(), extensions_under(0xa2, extensions));
}

static struct bytes repeated(struct bytes octets, size_t count)
{
	struct bytes all = OCTETS("");

	for (size_t i = 0; i < count; i++)
		all = JOIN(all, octets);
	return all;
}

static void expect_refused(struct bytes der, enum fault_class class, const char *part, size_t row)
{
	struct ocsp_request request = {0};

	REFUSED(parse_ocsp_request(der, &request, &fault), class, part, "row %zu", row);
	cr_expect_eq(request.count, 0, "row %zu", row);
}

/* catalogue 31, 47 */
Test(ocsp_request, refuses_octets_that_are_not_a_request)
{
	const struct {
		struct bytes der;
		const char *part;
	} rows[] = {
		{OCTETS(""), "not DER"},
		{OCTETS("\x30\x80\x00\x00"), "not DER"},
		{OCTETS("\x30\x81\x02\x30\x00"), "not DER"},
		{OCTETS("\x30\x00"), "TBSRequest"},
		{OCTETS("\x04\x02\x30\x00"), "TBSRequest"},
		{OCTETS("\x30\x02\x30\x00"), "requestList"},
		{JOIN(request_for(cert_id()), OCTETS("\x05\x00")), "expected the end"},
		{request_with(OCTETS(""), OCTETS(""), OCTETS("")), "at least one CertID"},
		{request_with(OCTETS("\xa0\x03\x02\x01\x00"), single(), OCTETS("")),
		 "expected version 1"},
		{request_with(OCTETS("\xa0\x03\x02\x01\x01"), single(), OCTETS("")),
		 "expected version 1"},
		{request_with(OCTETS(""), single(), OCTETS("\x05\x00")), "or the end"},
		{request_with(OCTETS(""), JOIN(single(), OCTETS("\x05\x00")), OCTETS("")),
		 "expected a CertID"},
		{request_with(OCTETS(""), item(DER_SEQUENCE, JOIN(cert_id(), OCTETS("\x05\x00"))),
			      OCTETS("")),
		 "or the end"},
		{item(DER_SEQUENCE,
		      JOIN(item(DER_SEQUENCE, item(DER_SEQUENCE, single())), OCTETS("\x05\x00"))),
		 "at most, a signature"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused(rows[i].der, FAULT_MALFORMED, rows[i].part, i);
}

Test(ocsp_request, refuses_items_that_are_not_a_cert_id)
{
	const struct bytes rows[] = {
		item(DER_SEQUENCE, OCTETS("")),
		cert_id_with(OCTETS(""), 20, OCTETS("\x01")),
		cert_id_with(OCTETS(SHA1_ID "\x04\x00"), 20, OCTETS("\x01")),
		cert_id_with(OCTETS(SHA1_ID "\x05\x00\x05\x00"), 20, OCTETS("\x01")),
		cert_id_with(OCTETS(SHA1_ID "\x05\x00"), 120, OCTETS("\x01")),
		cert_id_with(OCTETS(SHA1_ID "\x05\x00"), 20, JOIN(OCTETS("\x01"), zeros(250))),
		item(DER_SEQUENCE, OCTETS("\x30\x07" SHA1_ID "\x04\x00\x02\x01\x01")),
		item(DER_SEQUENCE,
		     OCTETS("\x30\x07" SHA1_ID "\x04\x00\x04\x00\x02\x01\x01\x05\x00")),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused(request_for(rows[i]), FAULT_MALFORMED, "expected a CertID", i);
}

/* catalogue 57 */
Test(ocsp_request, refuses_nonces_and_extensions)
{
	const struct bytes bare = extension_with(OCTETS(NONCE_ID), false, zeros(16));
	const struct bytes unknown = extension_with(OCTETS("\x06\x03\x2a\x03\x04"), true, zeros(1));
	const struct {
		struct bytes der;
		const char *part;
	} rows[] = {
		{request_extended(nonce_of(0)), "1 to 128 octets"},
		{request_extended(nonce_of(129)), "1 to 128 octets"},
		{request_extended(nonce_of(60000)), "1 to 128 octets"},
		{request_extended(bare), "1 to 128 octets"},
		{request_extended(JOIN(nonce_of(16), nonce_of(16))), "the nonce is there twice"},
		{request_extended(unknown), "critical extension"},
		{request_extended(JOIN(nonce_of(16), unknown)), "critical extension"},
		{request_extended(OCTETS("")), "at least one"},
		{request_extended(OCTETS("\x05\x00")), "not in DER"},
		{request_with(OCTETS(""), single(), OCTETS("\xa2\x02\x05\x00")),
		 "sequence of extensions"},
		{request_with(OCTETS(""),
			      item(DER_SEQUENCE, JOIN(cert_id(), extensions_under(0xa0, unknown))),
			      OCTETS("")),
		 "critical extension"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused(rows[i].der, FAULT_MALFORMED, rows[i].part, i);
	expect_refused(zeros(OCSP_REQUEST_MAX + 1), FAULT_TOO_LARGE, "at most 65536 octets", 0);
}

/* catalogue 57 */
Test(ocsp_request, bounds_the_list)
{
	struct ocsp_request request = {0};
	struct bytes many = repeated(single(), OCSP_CERTIFICATES_MAX);

	OK(parse_ocsp_request(request_with(OCTETS(""), many, OCTETS("")), &request, &fault));
	cr_expect_eq(request.count, OCSP_CERTIFICATES_MAX);
	expect_refused(request_with(OCTETS(""), JOIN(many, single()), OCTETS("")), FAULT_TOO_LARGE,
		       "at most 10 certificates", 0);
}

/* A critical nonce is known; unknown extensions that are not critical are ignored. */
Test(ocsp_request, accepts_optional_fields)
{
	const struct bytes types =
		extension_with(OCTETS(RESPONSE_TYPES_ID), false, OCTETS("\x30\x00"));
	const struct bytes critical = extension_with(OCTETS(NONCE_ID), true, OCTETS("\x04\x01z"));
	const struct bytes name = item(0xa1, item(0xa4, common_name("somebody")));
	const struct bytes signature = item(0xa0, item(DER_SEQUENCE, OCTETS("\x05\x00")));
	const struct bytes body = JOIN(name, item(DER_SEQUENCE, single()),
				       extensions_under(0xa2, JOIN(types, critical)));
	const struct bytes der = item(DER_SEQUENCE, JOIN(item(DER_SEQUENCE, body), signature));
	struct ocsp_request request = {0};

	OK(parse_ocsp_request(der, &request, &fault));
	cr_expect_eq(request.count, 1);
	cr_expect(equal_bytes(request.nonce, OCTETS("z")));
	cr_expect(equal_bytes(request.ids[0].whole, cert_id()));
	for (size_t len = 1; len <= 128; len++) {
		OK(parse_ocsp_request(request_extended(nonce_of(len)), &request, &fault));
		cr_expect_eq(request.nonce.len, len);
	}
}

Test(ocsp_request, distinguishes_the_digests)
{
	const struct {
		struct bytes id;
		enum ocsp_hash hash;
	} rows[] = {
		{cert_id_with(OCTETS(SHA1_ID), 20, OCTETS("\x01")), OCSP_SHA1},
		{cert_id_with(OCTETS(SHA1_ID "\x05\x00"), 20, OCTETS("\x01")), OCSP_SHA1},
		{cert_id_with(OCTETS(SHA256_ID), 32, OCTETS("\x01")), OCSP_SHA256},
		{cert_id_with(OCTETS(SHA256_ID "\x05\x00"), 32, OCTETS("\x01")), OCSP_SHA256},
		{cert_id_with(OCTETS("\x06\x03\x2a\x03\x04\x04\x00"), 48, OCTETS("\x01")),
		 OCSP_HASH_COUNT},
	};
	struct ocsp_request request = {0};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		OK(parse_ocsp_request(request_for(rows[i].id), &request, &fault), "row %zu", i);
		cr_expect_eq(request.ids[0].hash, rows[i].hash, "row %zu", i);
	}
}

Test(ocsp_request, reads_the_requests_that_it_writes)
{
	const struct bytes serial = OCTETS("\x00\xff\x01");
	const struct bytes nonces[] = {OCTETS(""), OCTETS("n"), zeros(OCSP_NONCE_MAX)};
	const struct forged_certificate forged = forged_root();
	CLEANUP(free_certificate) struct certificate *root = forge_parsed(&forged, root_key());
	struct issuer_hashes issuer;

	OK(digest_issuer(root, &issuer, &fault));
	for (int hash = 0; hash < OCSP_HASH_COUNT; hash++) {
		for (size_t i = 0; i < COUNT_OF(nonces); i++) {
			CLEANUP(clear_buffer) struct buffer der = {0};
			struct ocsp_request request = {0};

			OK(format_ocsp_request(&issuer, (enum ocsp_hash)hash, serial, nonces[i],
					       &der, &fault));
			OK(parse_ocsp_request(bytes_of_buffer(&der), &request, &fault));
			cr_expect_eq(request.count, 1);
			cr_expect_eq((int)request.ids[0].hash, hash);
			cr_expect(cert_id_matches_issuer(&request.ids[0], &issuer));
			cr_expect(equal_bytes(request.ids[0].serial, serial));
			cr_expect(equal_bytes(request.nonce, nonces[i]));
		}
	}
}

/* The digests are those of the issuer's name and of the bits of its key. */
Test(ocsp_request, names_the_issuer)
{
	const struct forged_certificate forged = forged_root();
	const struct bytes id = cert_id_with(OCTETS(SHA256_ID), 32, OCTETS("\x01"));
	CLEANUP(free_certificate) struct certificate *root = forge_parsed(&forged, root_key());
	struct ocsp_request request = {0};
	struct issuer_hashes issuer;
	uint8_t name_sha256[SHA256_LEN];

	OK(digest_issuer(root, &issuer, &fault));
	digest_sha256(forged.subject, name_sha256);
	cr_expect_arr_eq(issuer.name[OCSP_SHA256], name_sha256, SHA256_LEN);
	cr_expect(equal_bytes((struct bytes){issuer.key[OCSP_SHA1], 20},
			      expected_key_id(forged.spki)));
	OK(parse_ocsp_request(request_for(id), &request, &fault));
	cr_expect(!cert_id_matches_issuer(&request.ids[0], &issuer));
}
