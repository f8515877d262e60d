#include "common/x509/csr.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct csr *parse(struct bytes der)
{
	struct csr *csr = NULL;

	OK(parse_csr_der(der, &csr, &fault));
	return csr;
}

static struct csr *read_vector(const char *name)
{
	struct csr *csr = NULL;

	OK(parse_csr_pem(vector_text(name), &csr, &fault), "%s", name);
	return csr;
}

static void expect_refused(struct bytes der, enum fault_class class, const char *reason)
{
	struct csr *csr = NULL;

	REFUSED(parse_csr_der(der, &csr, &fault), class, reason);
	cr_expect_null(csr);
}

static void expect_no_proof(const struct csr *csr, const char *reason)
{
	struct verdict verdict = {0};

	OK(verify_csr(csr, &verdict, &fault));
	cr_expect(verdict.invalid, "expected: %s", reason);
	cr_expect(strstr(verdict.reason, "proof of possession (RFC 2986 section 4.2)") != NULL,
		  "%s", verdict.reason);
	cr_expect(strstr(verdict.reason, reason) != NULL, "expected %s, found %s", reason,
		  verdict.reason);
}

/* catalogue 42 */
Test(csr, has_no_proof_by_another_key_or_of_another_body)
{
	struct forged_csr forged = forged_request();
	struct bytes good = forge_csr(&forged, member_key());
	struct csr *csr = NULL;

	csr = parse(forge_csr(&forged, other_key()));
	expect_no_proof(csr, "the signature is not by the key");
	free_csr(&csr);
	/* the subject's last letter, which is followed by the key */
	for (size_t i = 0; i + 4 < good.len; i++) {
		if (memcmp(good.data + i, "t1-1", 4) != 0)
			continue;
		csr = parse(patched(good, i + 3, '2'));
		cr_expect_str_eq(csr_subject(csr), "CN=client1-2");
		expect_no_proof(csr, "the signature is not by the key");
		free_csr(&csr);
	}
}

/* catalogue 42: a signature with a digest that can be made to collide, or in an unsupported form
 */
Test(csr, has_no_proof_by_an_algorithm_that_is_not_taken)
{
	static const char *const names[] = {"signed-sha1.csr", "signed-md5.csr",
					    "signed-ecdsa-sha1.csr", "signed-pss.csr"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct csr *csr = read_vector(names[i]);

		expect_no_proof(csr, "another algorithm");
		free_csr(&csr);
	}
}

/* The signature's DER, r with a superfluous zero before it. */
static struct bytes malleable(struct bytes der)
{
	struct bytes rest = der;
	struct der_item outer;
	struct der_item body;
	struct der_item algorithm;
	struct der_item bits;
	struct der_item pair;
	struct der_item r;
	struct der_item s;
	struct bytes signature;

	cr_assert(read_der(&rest, &outer) && read_der(&outer.content, &body) &&
		  read_der(&outer.content, &algorithm) && read_der(&outer.content, &bits));
	signature = (struct bytes){bits.content.data + 1, bits.content.len - 1};
	cr_assert(read_der(&signature, &pair) && read_der(&pair.content, &r) &&
		  read_der(&pair.content, &s));
	signature =
		item(DER_SEQUENCE, JOIN(item(DER_INTEGER, JOIN(OCTETS("\0"), r.content)), s.whole));
	return item(DER_SEQUENCE, JOIN(body.whole, algorithm.whole,
				       item(DER_BIT_STRING, JOIN(OCTETS("\0"), signature))));
}

/* catalogue 51 */
Test(csr, has_no_proof_by_a_malleable_signature)
{
	struct forged_csr forged = forged_request();
	struct csr *csr = parse(malleable(forge_csr(&forged, member_key())));

	expect_no_proof(csr, "not in its one DER form");
	free_csr(&csr);
}

/* catalogue 45 */
Test(csr, refuses_weak_keys_and_other_types)
{
	static const struct {
		const char *name;
		const char *reason;
	} rows[] = {
		{"weak-rsa-1024.csr", "found 1024"},
		{"weak-rsa-e3.csr", "exponent"},
		{"other-secp224r1.csr", "P-256 or P-384"},
		{"other-secp521r1.csr", "P-256 or P-384"},
	};
	static const char *const others[] = {"other-prime192v1.csr", "other-secp256k1.csr",
					     "explicit-p256.csr", "other-ed448.csr",
					     "other-rsa-pss.csr"};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused(vector_der(rows[i].name), FAULT_REFUSED, rows[i].reason);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct csr *csr = NULL;

		REFUSED(parse_csr_der(vector_der(others[i]), &csr, &fault), ANY_CLASS, NULL, "%s",
			others[i]);
		cr_expect(last_refusal()->class == FAULT_REFUSED ||
			  last_refusal()->class == FAULT_MALFORMED);
		cr_expect(strncmp(last_refusal()->text, "request: ", 9) == 0, "%s: %s", others[i],
			  last_refusal()->text);
	}
}

/* catalogue 45: even modulus, a point off the curve, the identity point, compressed, huge exponent
 */
Test(csr, refuses_keys_that_are_none)
{
	struct forged_csr forged = forged_request();
	struct bytes point = forged.spki;
	struct bytes algorithm = {point.data + 2, 21};
	struct csr *rsa = read_vector("rsa-2048.csr");
	struct bytes modulus = JOIN(public_key_spki(csr_public_key(rsa)));
	uint8_t odd = modulus.data[modulus.len - 6];

	free_csr(&rsa);
	forged.spki = patched(modulus, modulus.len - 6, odd & 0xfe);
	expect_refused(forge_csr(&forged, member_key()), FAULT_REFUSED, "modulus is even");
	forged.spki = patched(modulus, modulus.len - 1, 0);
	expect_refused(forge_csr(&forged, member_key()), FAULT_REFUSED, "exponent");
	forged.spki = patched(point, point.len - 1, (uint8_t)(point.data[point.len - 1] ^ 1));
	expect_refused(forge_csr(&forged, member_key()), FAULT_REFUSED, "point of the curve");
	forged.spki = item(DER_SEQUENCE, JOIN(algorithm, OCTETS("\x03\x02\x00\x00")));
	expect_refused(forge_csr(&forged, member_key()), FAULT_MALFORMED, "SubjectPublicKeyInfo");
	forged.spki = item(DER_SEQUENCE, JOIN(algorithm, OCTETS("")));
	expect_refused(forge_csr(&forged, member_key()), FAULT_MALFORMED, "SubjectPublicKeyInfo");
}

/* catalogue 46 */
Test(csr, refuses_hostile_subjects)
{
	static const char attributes_65[] =
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789abc";
	struct bytes crowd[24];
	const struct {
		struct bytes subject;
		const char *reason;
	} rows[] = {
		{item(DER_SEQUENCE, OCTETS("")), "at least one attribute"},
		{name_with(3, DER_UTF8_STRING, OCTETS("a\0b")), "U+0000"},
		{common_name("a\r\nb"), "U+000D"},
		{common_name("a\xe2\x80\xae"
			     "b"),
		 "U+202E"},
		{common_name("a\xe2\x81\xa7"), "U+2067"},
		{common_name(attributes_65), "1 to 64"},
		{common_name(""), "1 to 64"},
		{name_with(3, DER_IA5_STRING, OCTETS("a")), "PrintableString or UTF8String"},
		{name_with(3, 0x1e, OCTETS("\0a")), "PrintableString or UTF8String"},
		{name_with(3, DER_PRINTABLE_STRING, OCTETS("a@b")), "PrintableString in its one"},
		{name_with(3, DER_UTF8_STRING, OCTETS("\xff")), "UTF8String in its one"},
		{item(DER_SET, OCTETS("")), "RFC 2986 section 4.1"},
	};
	struct forged_csr forged = forged_request();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		forged.subject = rows[i].subject;
		expect_refused(forge_csr(&forged, member_key()), FAULT_MALFORMED, rows[i].reason);
	}
	/* a text over its limit though each component is within its own */
	for (size_t i = 0; i < COUNT_OF(crowd); i++) {
		struct bytes name = name_with(11, DER_UTF8_STRING,
					      OCTETS("an organizational unit of some length"));

		crowd[i] = (struct bytes){name.data + 2, name.len - 2};
	}
	forged.subject = item(DER_SEQUENCE, joined(crowd, COUNT_OF(crowd)));
	expect_refused(forge_csr(&forged, member_key()), FAULT_MALFORMED, "fewer than 512 octets");
}

/* catalogue 46: 64 KiB of common name */
Test(csr, refuses_more_than_the_limit)
{
	static char long_name[65537];
	struct forged_csr forged = forged_request();

	memset(long_name, 'a', sizeof(long_name) - 1);
	forged.subject = common_name(long_name);
	expect_refused(forge_csr(&forged, member_key()), FAULT_TOO_LARGE, "at most 16384 octets");
	expect_refused((struct bytes){(const uint8_t *)long_name, SIZE_MAX}, FAULT_TOO_LARGE,
		       "at most 16384 octets");
}

/* catalogue 31, 47 */
Test(csr, refuses_trailing_octets_and_other_encodings)
{
	struct forged_csr forged = forged_request();
	struct bytes der = forge_csr(&forged, member_key());
	struct bytes nested = OCTETS("\x05\x00");
	struct bytes huge_oid =
		item(DER_OID, OCTETS("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
	struct bytes content;

	expect_refused(JOIN(der, OCTETS("\0")), FAULT_MALFORMED, "expected the end");
	expect_refused(JOIN(der, der), FAULT_MALFORMED, "expected the end");
	expect_refused((struct bytes){der.data, der.len - 1}, FAULT_MALFORMED, "not DER");
	content = (struct bytes){der.data + 3, der.len - 3};
	cr_assert_eq(der.data[1], 0x81);
	expect_refused(JOIN(OCTETS("\x30\x80"), content, OCTETS("\0\0")), FAULT_MALFORMED,
		       "not DER");
	expect_refused(JOIN(OCTETS("\x30\x82\x00"), ((struct bytes){der.data + 2, 1}), content),
		       FAULT_MALFORMED, "not DER");
	for (int depth = 0; depth < 1000; depth++)
		nested = item(DER_SET, nested);
	forged.attributes = item(DER_SEQUENCE, JOIN(OCTETS("\x06\x01\x2a"), nested));
	expect_refused(forge_csr(&forged, member_key()), FAULT_MALFORMED, "depth of at most 16");
	forged.attributes = item(DER_SEQUENCE, JOIN(huge_oid, OCTETS("\x31\x00")));
	expect_refused(forge_csr(&forged, member_key()), FAULT_MALFORMED, "OBJECT IDENTIFIER");
}

/* catalogue 47: as many attributes as fit; more do not pass the limit */
Test(csr, bears_many_attributes)
{
	struct forged_csr forged = forged_request();
	CLEANUP(clear_buffer) struct buffer attributes = {0};
	struct csr *csr = NULL;

	for (unsigned int i = 0; i < 1200; i++) {
		uint8_t attribute[] = {0x30, 0x08, 0x06, 0x04, 0x2a, 0x03, 0, 0, 0x31, 0x00};

		attribute[6] = (uint8_t)(0x81 + (i >> 7));
		attribute[7] = (uint8_t)(i & 0x7f);
		append_bytes(&attributes, (struct bytes){attribute, sizeof(attribute)});
	}
	forged.attributes = bytes_of_buffer(&attributes);
	csr = parse(forge_csr(&forged, member_key()));
	cr_expect_str_eq(csr_subject(csr), "CN=client1-1");
	cr_expect_eq(csr_alt_names(csr)->count, (size_t)0);
	free_csr(&csr);
	for (unsigned int i = 0; i < 100000; i++)
		append_bytes(&attributes, OCTETS("\x30\x08\x06\x04\x2a\x04\x01\x01\x31\x00"));
	forged.attributes = bytes_of_buffer(&attributes);
	expect_refused(forge_csr(&forged, member_key()), FAULT_TOO_LARGE, "at most 16384 octets");
}

Test(csr, refuses_requested_extensions_that_cannot_be_read)
{
	struct bytes alt_name = extension(17, false, OCTETS("\x30\x03\x82\x01x"));
	struct bytes request = extension_request(alt_name);
	struct bytes oid = OCTETS("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
	const struct {
		struct bytes attributes;
		const char *reason;
	} rows[] = {
		{JOIN(request, request), "one extensionRequest"},
		{item(DER_SEQUENCE, JOIN(oid, OCTETS("\x31\x00"))), "one extensionRequest"},
		{item(DER_SEQUENCE, JOIN(oid, OCTETS("\x31\x02\x31\x00"))), "one extensionRequest"},
		{item(DER_SEQUENCE, JOIN(oid, OCTETS("\x31\x04\x30\x00\x30\x00"))),
		 "one extensionRequest"},
		{item(DER_SEQUENCE, oid), "a type and a set"},
		{item(DER_SEQUENCE, JOIN(oid, OCTETS("\x31\x02\x30\x00\x05\x00"))),
		 "a type and a set"},
		{OCTETS("\x05\x00"), "a type and a set"},
		{extension_request(JOIN(alt_name, alt_name)), "2.5.29.17 is there twice"},
		{extension_request(OCTETS("\x30\x00")), "structure of RFC 5280 section 4.1"},
		{extension_request(extension(17, false, OCTETS("\x30\x00"))), "at least one name"},
		{extension_request(extension(17, false,
					     OCTETS("\x30\x05\x82\x03"
						    "a\0b"))),
		 "NUL"},
		{extension_request(extension(17, false, OCTETS("\x30\x03\x82\x01\n"))), "ASCII"},
		{extension_request(extension(17, true, OCTETS("\x30\x03\x88\x01\x2a"))),
		 "tag 0x88"},
	};
	struct forged_csr forged = forged_request();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		forged.attributes = rows[i].attributes;
		expect_refused(forge_csr(&forged, member_key()), FAULT_MALFORMED, rows[i].reason);
	}
	expect_refused(vector_der("other-name.csr"), FAULT_MALFORMED, "tag 0xa0");
}

Test(csr, refuses_text_that_is_not_one_pem_block)
{
	struct bytes pem = vector_text("ecdsa-p256.csr");
	struct bytes rows[] = {
		OCTETS(""),
		JOIN(OCTETS("Certificate Request:\n"), pem),
		JOIN(pem, OCTETS("trailing")),
		JOIN(pem, pem),
		vector_text("openssl-member.crt"),
		{pem.data, pem.len - 10},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct csr *csr = NULL;

		REFUSED(parse_csr_pem(rows[i], &csr, &fault), FAULT_MALFORMED, "PEM", "row %zu", i);
		cr_expect_null(csr);
	}
}

Test(csr, reads_requests_of_openssl_and_certtool)
{
	static const struct {
		const char *name;
		enum key_type type;
		const char *subject;
	} rows[] = {
		{"ecdsa-p256.csr", KEY_ECDSA_P256, "CN=openssl-ecdsa-p256"},
		{"ecdsa-p384.csr", KEY_ECDSA_P384, "CN=openssl-ecdsa-p384"},
		{"ed25519.csr", KEY_ED25519, "CN=openssl-ed25519"},
		{"rsa-2048.csr", KEY_RSA_2048, "CN=openssl-rsa-2048"},
		{"rsa-3072.csr", KEY_RSA_3072, "CN=openssl-rsa-3072"},
		{"rsa-4096.csr", KEY_RSA_4096, "CN=openssl-rsa-4096"},
		{"certtool.csr", KEY_ECDSA_P256, "CN=certtool,O=Example"},
		{"names.csr", KEY_ECDSA_P256, "CN=café,O=Ex\\, Ltd,C=FR"},
		{"greedy.csr", KEY_ECDSA_P256, "CN=greedy"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct csr *csr = read_vector(rows[i].name);
		struct verdict verdict = {0};

		cr_expect_str_eq(csr_subject(csr), rows[i].subject);
		cr_expect_eq(public_key_type(csr_public_key(csr)), rows[i].type);
		OK(verify_csr(csr, &verdict, &fault));
		cr_expect(!verdict.invalid, "%s: %s", rows[i].name, verdict.reason);
		free_csr(&csr);
	}
}

Test(csr, reads_alternative_names)
{
	static const char *const expected[] = {"DNS:a.example.org", "URI:urn:example:1",
					       "email:a@example.org", "IP:192.0.2.1",
					       "IP:2001:db8::1"};
	struct csr *csr = read_vector("names.csr");

	cr_assert_eq(csr_alt_names(csr)->count, COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		cr_expect_str_eq(csr_alt_names(csr)->names[i], expected[i]);
	cr_expect_gt(csr_alt_names_der(csr).len, (size_t)0);
	free_csr(&csr);
}

Test(csr, refuses_to_create_requests_that_it_would_not_parse)
{
	static const struct {
		const char *subject;
		const char *reason;
	} rows[] = {
		{"", "at least one attribute"},
		{"client1", "expected RFC 4514"},
		{"CN=", "RFC"},
		{"XX=a", "expected RFC 4514"},
		{"CN=a\nb", "expected RFC 4514"},
		{"CN=a\xc2\x85", "U+0085"},
		{"CN=a\xe2\x80\xae"
		 "b",
		 "U+202E"},
		{"C=FRA", "countryName"},
		{"CN=abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789abc", "1 to 64"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer pem = {0};

		REFUSED(create_csr(member_key(), rows[i].subject, NULL, USE_SIGN, &pem, &fault),
			FAULT_MALFORMED, rows[i].reason, "%s", rows[i].subject);
		cr_expect_null(pem.data);
	}
}

Test(csr, refuses_to_make_a_request_over_the_limit)
{
	struct alt_names names = {0};
	struct buffer pem = {0};
	char name[ALT_NAME_MAX + 1] = "URI:x:";

	memset(name + 6, 'y', sizeof(name) - 7);
	for (int i = 0; i < 40; i++)
		OK(add_alt_name(&names, name, &fault));
	REFUSED(create_csr(member_key(), "CN=a", &names, USE_SIGN, &pem, &fault), FAULT_TOO_LARGE,
		"at most 16384 octets");
	clear_alt_names(&names);
}

static void make_and_read(enum key_type type, const char *subject, const struct alt_names *names)
{
	struct private_key *key = NULL;
	struct public_key *public = NULL;
	struct csr *csr = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct verdict verdict = {0};
	uint8_t sha256[SHA256_LEN];
	uint8_t read[SHA256_LEN];

	OK(generate_private_key(type, &key, &fault));
	OK(get_public_key(key, &public, &fault));
	OK(create_csr(key, subject, names, USE_SIGN, &pem, &fault));
	cr_expect_eq(strncmp((char *)pem.data, "-----BEGIN CERTIFICATE REQUEST-----\n", 36), 0);
	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	cr_expect_str_eq(csr_subject(csr), subject);
	cr_expect(equal_bytes(public_key_spki(csr_public_key(csr)), public_key_spki(public)));
	public_key_sha256(public, sha256);
	OK(read_csr_key_sha256(bytes_of_buffer(&pem), read, &fault));
	cr_expect_arr_eq(read, sha256, SHA256_LEN);
	cr_assert_eq(csr_alt_names(csr)->count, names->count);
	for (size_t i = 0; i < names->count; i++)
		cr_expect_str_eq(csr_alt_names(csr)->names[i], names->names[i]);
	OK(verify_csr(csr, &verdict, &fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	free_csr(&csr);
	free_public_key(&public);
	free_private_key(&key);
}

Test(csr, reads_and_verifies_its_own_requests_with_every_key_type)
{
	struct alt_names names = {0};

	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++)
		make_and_read((enum key_type)type, "CN=client1-1", &names);
	cr_assert_eq(add_alt_name(&names, "DNS:client1.example.org", NULL), 0);
	cr_assert_eq(add_alt_name(&names, "IP:::1", NULL), 0);
	make_and_read(KEY_ECDSA_P256, "CN=Zoé \\\"Z\\\"\\, 1,OU=a\\+b,O=Example,C=FR", &names);
	clear_alt_names(&names);
}
