#include "common/crypto/agreement/key_agreement.h"

#include "common/base/hex.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

static const char context[] = "a test";

static struct buffer seal_text(const struct agreement_key *key, const char *text)
{
	struct buffer sealed = {0};

	OK(seal_to_key(key->public_half, context, bytes_of_string(text), &sealed, &fault));
	return sealed;
}

/* RFC 7748 section 6.1: Alice's private and public half. */
Test(key_agreement, has_the_public_half_of_rfc_7748)
{
	static const char text[] =
		"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a\n";
	struct agreement_key key;
	char digits[2 * AGREEMENT_KEY_LEN + 1];

	OK(parse_agreement_key(bytes_of_string(text), &key, &fault));
	format_hex((struct bytes){key.public_half, AGREEMENT_KEY_LEN}, digits);
	cr_expect_str_eq(digits,
			 "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
}

Test(key_agreement, opens_what_was_sealed_to_the_key)
{
	CLEANUP(clear_agreement_key) struct agreement_key key = {0};
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	CLEANUP(clear_buffer) struct buffer again = {0};
	CLEANUP(clear_secret) struct secret opened = {0};

	OK(generate_agreement_key(&key, &fault));
	sealed = seal_text(&key, "a secret");
	again = seal_text(&key, "a secret");
	cr_expect(!equal_bytes(bytes_of_buffer(&sealed), bytes_of_buffer(&again)));
	OK(open_with_key(&key, context, bytes_of_buffer(&sealed), &opened, &fault));
	cr_expect_str_eq((const char *)opened.data, "a secret");
}

Test(key_agreement, opens_nothing_that_is_to_another_key_or_was_changed)
{
	CLEANUP(clear_agreement_key) struct agreement_key key = {0};
	CLEANUP(clear_agreement_key) struct agreement_key other = {0};
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	CLEANUP(clear_secret) struct secret opened = {0};

	OK(generate_agreement_key(&key, &fault));
	OK(generate_agreement_key(&other, &fault));
	sealed = seal_text(&key, "a secret");
	REFUSED(open_with_key(&other, context, bytes_of_buffer(&sealed), &opened, &fault),
		FAULT_UNDECRYPTABLE, "a test: cannot be decrypted");
	REFUSED(open_with_key(&key, "another", bytes_of_buffer(&sealed), &opened, &fault),
		FAULT_UNDECRYPTABLE, "another: cannot be decrypted");
	/* An octet of the public half for once, of the text, of the tag; the highest bit of the
	   half is none of it (RFC 7748 section 5), but of what the key is derived from. */
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 0x80;
		REFUSED(open_with_key(&key, context, bytes_of_buffer(&sealed), &opened, &fault),
			FAULT_UNDECRYPTABLE, "a test: cannot be decrypted");
		sealed.data[i] ^= 0x80;
	}
	for (size_t len = 0; len < sealed.len; len++)
		REFUSED(open_with_key(&key, context, (struct bytes){sealed.data, len}, &opened,
				      &fault),
			FAULT_UNDECRYPTABLE, "a test: c");
	cr_expect_eq(opened.len, 0);
}

/* RFC 7748 section 6.1: points of small order lead to zeros, whatever the private half. */
Test(key_agreement, refuses_a_public_half_that_leads_to_zeros)
{
	static const uint8_t points[][AGREEMENT_KEY_LEN] = {{0}, {1}};
	CLEANUP(clear_agreement_key) struct agreement_key key = {0};
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	CLEANUP(clear_secret) struct secret opened = {0};
	uint8_t forged[AGREEMENT_KEY_LEN + 64] = {0};

	OK(generate_agreement_key(&key, &fault));
	for (size_t i = 0; i < COUNT_OF(points); i++) {
		REFUSED(seal_to_key(points[i], context, bytes_of_string("a secret"), &sealed,
				    &fault),
			FAULT_MALFORMED, "a test: expected a public key of X25519");
		memcpy(forged, points[i], AGREEMENT_KEY_LEN);
		REFUSED(open_with_key(&key, context, (struct bytes){forged, sizeof(forged)},
				      &opened, &fault),
			FAULT_UNDECRYPTABLE, "a test: cannot be decrypted");
	}
}

Test(key_agreement, keeps_its_private_half_as_text)
{
	CLEANUP(clear_agreement_key) struct agreement_key key = {0};
	CLEANUP(clear_agreement_key) struct agreement_key again = {0};
	CLEANUP(clear_secret) struct secret text = {0};

	OK(generate_agreement_key(&key, &fault));
	OK(format_agreement_key(&key, &text, &fault));
	cr_expect_eq(text.len, 65);
	OK(parse_agreement_key(bytes_of_secret(&text), &again, &fault));
	cr_expect_arr_eq(&key, &again, sizeof(key));
	text.data[5] = 'x';
	REFUSED(parse_agreement_key(bytes_of_secret(&text), &again, &fault), FAULT_MALFORMED,
		"expected the private half of a key pair");
	REFUSED(parse_agreement_key((struct bytes){text.data, 63}, &again, &fault), FAULT_MALFORMED,
		"expected the private half of a key pair");
	REFUSED(parse_agreement_key((struct bytes){0}, &again, &fault), FAULT_MALFORMED,
		"expected the private half of a key pair");
}
