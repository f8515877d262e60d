#include "common/crypto/base64.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

/* catalogue 12 */
Test(base64, refuses_texts_that_encoding_does_not_give)
{
	static const char *const url[] = {"A",    "AA==", "AAA=",  "AA A",  "AA\nAA",
					  "AA+A", "AA/A", "AB",    "AAB",   "AAAAA",
					  "=",    "AA=",  " AAAA", "AAAA ", "A\xc3\xa9"};
	static const char *const plain[] = {"A",     "AA",   "AAA",     "AA=",  "AA===",
					    "AB==",  "AAB=", "AA-A",    "AA_A", "AAAA ",
					    "A AAA", "====", "AA==AAAA"};

	for (size_t i = 0; i < COUNT_OF(url); i++) {
		struct buffer data = {0};
		struct secret secret = {0};

		REFUSED(decode_base64url(bytes_of_string(url[i]), &data, &fault), FAULT_MALFORMED,
			"base64url", "\"%s\"", url[i]);
		cr_expect_eq(decode_base64url_secret(bytes_of_string(url[i]), &secret, NULL), -1,
			     "\"%s\"", url[i]);
	}
	for (size_t i = 0; i < COUNT_OF(plain); i++) {
		struct buffer data = {0};

		REFUSED(decode_base64(bytes_of_string(plain[i]), &data, &fault), FAULT_MALFORMED,
			"base64 ", "\"%s\"", plain[i]);
	}
}

Test(base64, refuses_a_nul_inside)
{
	struct buffer data = {0};

	REFUSED(decode_base64url((struct bytes){(const uint8_t *)"AA\0A", 4}, &data, &fault),
		FAULT_MALFORMED, NULL);
}

/* RFC 4648 section 10 */
Test(base64, knows_the_vectors_of_rfc_4648)
{
	static const struct {
		const char *data;
		const char *text;
	} rows[] = {{"", ""},
		    {"f", "Zg=="},
		    {"fo", "Zm8="},
		    {"foo", "Zm9v"},
		    {"foob", "Zm9vYg=="},
		    {"fooba", "Zm9vYmE="},
		    {"foobar", "Zm9vYmFy"}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer text = {0};
		struct buffer data = {0};

		append_base64(&text, bytes_of_string(rows[i].data));
		cr_expect_str_eq((char *)text.data, rows[i].text);
		OK(decode_base64(bytes_of_string(rows[i].text), &data, &fault));
		cr_expect(equal_bytes(bytes_of_buffer(&data), bytes_of_string(rows[i].data)));
		clear_buffer(&text);
		clear_buffer(&data);
	}
}

Test(base64, decodes_its_own_text_of_every_length)
{
	uint8_t octets[300];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7 + 0xf8);
	for (size_t len = 0; len <= sizeof(octets); len++) {
		struct buffer text = {0};
		struct buffer data = {0};
		struct secret secret = {0};

		append_string(&text, "");
		append_base64url(&text, (struct bytes){octets, len});
		OK(decode_base64url(bytes_of_buffer(&text), &data, &fault), "%zu", len);
		cr_expect(equal_bytes(bytes_of_buffer(&data), (struct bytes){octets, len}));
		OK(decode_base64url_secret(bytes_of_buffer(&text), &secret, &fault));
		cr_expect(equal_bytes(bytes_of_secret(&secret), (struct bytes){octets, len}));
		cr_expect_null(strpbrk((char *)text.data, "+/="));
		clear_buffer(&text);
		clear_buffer(&data);
		clear_secret(&secret);
	}
}
