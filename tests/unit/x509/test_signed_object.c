#include "common/x509/signed_object.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

static struct signed_object split(struct bytes der)
{
	struct signed_object object = {0};

	cr_assert(split_signed_object(der, &object));
	return object;
}

static struct bytes object_of(struct bytes algorithm, struct bytes signature)
{
	return item(DER_SEQUENCE, JOIN(OCTETS("\x30\x00"), algorithm,
				       item(DER_BIT_STRING, JOIN(OCTETS("\0"), signature))));
}

Test(signed_object, refuses_another_structure)
{
	struct bytes rows[] = {
		OCTETS(""),
		OCTETS("\x30\x00"),
		OCTETS("\x30\x02\x30\x00"),
		OCTETS("\x30\x04\x30\x00\x30\x00"),
		OCTETS("\x30\x06\x30\x00\x30\x00\x03\x00"),
		OCTETS("\x30\x08\x30\x00\x30\x00\x03\x02\x01\x02"),
		OCTETS("\x30\x09\x30\x00\x30\x00\x03\x01\x00\x05\x00"),
		OCTETS("\x30\x07\x30\x00\x30\x00\x03\x01\x00\x00"),
		OCTETS("\x31\x07\x30\x00\x30\x00\x03\x01\x00"),
		OCTETS("\x30\x07\x30\x00\x30\x00\x04\x01\x00"),
	};
	struct signed_object object = {0};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect(!split_signed_object(rows[i], &object), "row %zu", i);
	cr_expect_null(object.body.data);
	cr_expect(split_signed_object(OCTETS("\x30\x07\x30\x00\x30\x00\x03\x01\x00"), &object));
}

/* SHA-1 and MD5, unknown algorithms, parameters that are missing or should not be there. */
Test(signed_object, names_algorithms_that_are_not_taken)
{
	struct bytes rows[] = {
		OCTETS("\x30\x00"),
		OCTETS("\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01"),
		OCTETS("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x01"),
		OCTETS("\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00"),
		OCTETS("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00"),
		OCTETS("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04\x05\x00"),
		OCTETS("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"),
		OCTETS("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"),
		OCTETS("\x30\x05\x06\x03\x2b\x65\x71"),
		OCTETS("\x30\x07\x06\x03\x2b\x65\x70\x05\x00"),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct signed_object object =
			split(object_of(rows[i], OCTETS("\x30\x06\x02\x01\x01\x02\x01\x01")));
		const char *problem = find_signature_problem(&object, NULL);

		cr_assert_not_null(problem, "row %zu", i);
		cr_expect(strstr(problem, "found another algorithm") != NULL, "%s", problem);
	}
}

/* catalogue 51: the same numbers in other octets */
Test(signed_object, names_signatures_that_are_not_in_their_one_form)
{
	static uint8_t zeros[513];
	struct bytes rsa = OCTETS("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00");
	struct bytes ed25519 = OCTETS("\x30\x05\x06\x03\x2b\x65\x70");
	const struct {
		struct bytes algorithm;
		struct bytes signature;
	} rows[] = {
		{ecdsa_sha256, OCTETS("")},
		{ecdsa_sha256, OCTETS("\x30\x00")},
		{ecdsa_sha256, OCTETS("\x30\x07\x02\x02\x00\x01\x02\x01\x01")},
		{ecdsa_sha256, OCTETS("\x30\x81\x06\x02\x01\x01\x02\x01\x01")},
		{ecdsa_sha256, OCTETS("\x30\x06\x02\x01\x01\x02\x01\x01\x00")},
		{ecdsa_sha256, OCTETS("\x30\x08\x02\x01\x01\x02\x01\x01\x05\x00")},
		{ecdsa_sha256, OCTETS("\x30\x06\x02\x01\xff\x02\x01\x01")},
		{ecdsa_sha256, OCTETS("\x30\x80\x02\x01\x01\x02\x01\x01\x00\x00")},
		{ed25519, {zeros, 63}},
		{ed25519, {zeros, 65}},
		{rsa, {zeros, 255}},
		{rsa, {zeros, 257}},
		{rsa, {zeros, 513}},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct signed_object object =
			split(object_of(rows[i].algorithm, rows[i].signature));
		const char *problem = find_signature_problem(&object, NULL);

		cr_assert_not_null(problem, "row %zu", i);
		cr_expect(strstr(problem, "not in its one DER form") != NULL, "%s", problem);
	}
}

Test(signed_object, verifies_signatures_by_the_key)
{
	struct forged_certificate forged = forged_member();
	struct bytes der = forge_certificate(&forged, root_key());
	struct bytes changed = patched(der, der.len / 2, (uint8_t)(der.data[der.len / 2] ^ 1));
	struct public_key *root = NULL;
	struct public_key *other = NULL;
	const struct {
		struct bytes der;
		struct public_key **key;
		const char *reason; /* NULL: valid */
	} rows[] = {
		{der, &root, NULL},
		{der, &other, "there: the signature is not by the key"},
		{changed, &root, "there: the signature is not by the key"},
	};

	OK(get_public_key(root_key(), &root, &fault));
	OK(get_public_key(other_key(), &other, &fault));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct signed_object object = split(rows[i].der);
		struct verdict verdict = {0};

		OK(verify_signed_object(&object, *rows[i].key, "there", &verdict, &fault));
		cr_expect_eq(verdict.invalid, rows[i].reason != NULL, "row %zu", i);
		cr_expect(rows[i].reason == NULL || strstr(verdict.reason, rows[i].reason) != NULL,
			  "%s", verdict.reason);
	}
	free_public_key(&root);
	free_public_key(&other);
}

Test(signed_object, refuses_an_algorithm_for_another_key)
{
	static uint8_t zeros[256];
	struct bytes rsa = OCTETS("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00");
	struct signed_object object = split(object_of(rsa, (struct bytes){zeros, sizeof(zeros)}));
	struct public_key *key = NULL;
	struct verdict verdict = {0};

	cr_expect_null(find_signature_problem(&object, NULL));
	OK(get_public_key(root_key(), &key, &fault));
	OK(verify_signed_object(&object, key, "there", &verdict, &fault));
	cr_expect_str_eq(verdict.reason, "there: the algorithm is not one for the signer's key");
	free_public_key(&key);
}

Test(signed_object, verifies_its_own_signatures_with_every_type_of_key)
{
	for (int type = 0; type < KEY_TYPE_COUNT; type++) {
		CLEANUP(free_private_key) struct private_key *key = NULL;
		CLEANUP(free_public_key) struct public_key *public_key = NULL;
		CLEANUP(clear_buffer) struct buffer der = {0};
		struct bytes body = item(DER_SEQUENCE, OCTETS("\x02\x01\x07"));
		struct signed_object object;
		struct verdict verdict = {0};

		OK(generate_private_key((enum key_type)type, &key, &fault));
		OK(get_public_key(key, &public_key, &fault));
		OK(sign_object(key, body, &der, &fault));
		object = split(bytes_of_buffer(&der));
		cr_expect(equal_bytes(object.body, body));
		cr_expect(equal_bytes(object.algorithm, signing_algorithm((enum key_type)type)));
		OK(verify_signed_object(&object, public_key, "there", &verdict, &fault));
		cr_expect(!verdict.invalid, "%s: %s", format_key_type((enum key_type)type),
			  verdict.reason);
	}
}
