#include "common/crypto/message.h"

#include "common/crypto/aes.h"
#include "common/crypto/base64.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct shared_key key;
static struct key_ring ring;

static void set_up(void)
{
	OK(generate_shared_key(&key, &fault));
	OK(add_peer_key(&ring, "client1", &key, &fault));
}

static void tear_down(void)
{
	clear_key_ring(&ring);
}

TestSuite(message, .init = set_up, .fini = tear_down);

/* What a hostile sender who has the key can put together; NULL parts are the proper ones. */
struct forgery {
	const char *header;
	size_t wrapped_len; /* octets of encrypted_key sent, when not 40 */
	size_t iv_len;
	size_t tag_len;
	const char *tail; /* after the tag */
};

static void append_part(struct buffer *jwe, const uint8_t *octets, size_t len)
{
	append_string(jwe, ".");
	append_base64url(jwe, (struct bytes){octets, len});
}

static struct buffer forge(const struct forgery *forgery)
{
	const char *kid = strchrnul(forgery->header, '%'); /* where "%s" stands for it */
	struct buffer jwe = {0};
	struct buffer header = {0};
	uint8_t content_key[CONTENT_KEY_LEN] = {5};
	uint8_t wrapped[64] = {0};
	uint8_t iv[64] = {1};
	uint8_t tag[64] = {0};
	uint8_t ciphertext[5];

	append_bytes(&header, (struct bytes){(const uint8_t *)forgery->header,
					     (size_t)(kid - forgery->header)});
	append_string(&header, kid[0] != '\0' ? key.kid : "");
	append_string(&header, kid[0] != '\0' ? kid + 2 : "");
	append_base64url(&jwe, bytes_of_buffer(&header));
	wrap_key(key.key, content_key, wrapped);
	seal(content_key, iv, bytes_of_buffer(&jwe), bytes_of_string("hello"), ciphertext, tag);
	append_part(&jwe, wrapped, forgery->wrapped_len);
	append_part(&jwe, iv, forgery->iv_len);
	append_part(&jwe, ciphertext, sizeof(ciphertext));
	append_part(&jwe, tag, forgery->tag_len);
	append_string(&jwe, forgery->tail);
	cr_assert_not(jwe.failed);
	clear_buffer(&header);
	return jwe;
}

static int decrypt(struct bytes jwe, struct fault *fault)
{
	struct decrypted_message message = {0};
	int code = decrypt_message(&ring, jwe, &message, fault);

	if (code == 0)
		clear_decrypted_message(&message);
	else
		cr_expect_null(message.plaintext.data);
	return code;
}

#define GOOD "\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"%s\""

/* catalogue 1 to 8, 11, 13, 15, 16, 18 */
Test(message, refuses_what_is_not_as_the_format_says)
{
	static const struct {
		struct forgery forgery;
		const char *part;
	} rows[] = {
		{{"{" GOOD "}", 40, 12, 16, ""}, NULL},
		{{"{" GOOD ",\"typ\":\"a\",\"cty\":\"b/c\"}", 40, 12, 16, ""}, NULL},
		{{"{\"alg\":\"none\",\"enc\":\"A256GCM\",\"kid\":\"%s\"}", 40, 12, 16, ""},
		 "alg: expected \"A256KW\", found \"none\""},
		{{"{\"enc\":\"A256GCM\",\"kid\":\"%s\"}", 40, 12, 16, ""}, "found none"},
		{{"{\"alg\":\"A128KW\",\"enc\":\"A256GCM\",\"kid\":\"%s\"}", 40, 12, 16, ""},
		 "A128KW"},
		{{"{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"%s\"}", 40, 12, 16, ""}, "dir"},
		{{"{\"alg\":\"RSA1_5\",\"enc\":\"A256GCM\",\"kid\":\"%s\"}", 40, 12, 16, ""},
		 "RSA1_5"},
		{{"{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"%s\"}", 40, 12, 16, ""},
		 "ECDH-ES"},
		{{"{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A256GCM\",\"kid\":\"%s\"}", 40, 12, 16,
		  ""},
		 "PBES2"},
		{{"{\"alg\":\"a256kw\",\"enc\":\"A256GCM\",\"kid\":\"%s\"}", 40, 12, 16, ""},
		 "a256kw"},
		{{"{\"alg\":1,\"enc\":\"A256GCM\",\"kid\":\"%s\"}", 40, 12, 16, ""}, "alg"},
		{{"{\"alg\":\"A256KW\",\"enc\":\"A128GCM\",\"kid\":\"%s\"}", 40, 12, 16, ""},
		 "enc: expected \"A256GCM\", found \"A128GCM\""},
		{{"{\"alg\":\"A256KW\",\"enc\":\"A256CBC-HS512\",\"kid\":\"%s\"}", 40, 12, 16, ""},
		 "A256CBC-HS512"},
		{{"{\"alg\":\"A256KW\",\"kid\":\"%s\"}", 40, 12, 16, ""}, "enc"},
		{{"{\"alg\":\"A256KW\",\"enc\":\"A256GCM\"}%s", 40, 12, 16, ""}, "JSON"},
		{{"{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"a b\"}", 40, 12, 16, ""},
		 "kid"},
		{{"{" GOOD ",\"p2c\":2147483648}", 40, 12, 16, ""}, "p2c"},
		{{"{" GOOD ",\"zip\":\"DEF\"}", 40, 12, 16, ""}, "zip"},
		{{"{" GOOD ",\"crit\":[\"exp\"]}", 40, 12, 16, ""}, "crit"},
		{{"{" GOOD ",\"crit\":[]}", 40, 12, 16, ""}, "crit"},
		{{"{" GOOD ",\"jku\":\"http://127.0.0.1/\"}", 40, 12, 16, ""}, "jku"},
		{{"{" GOOD ",\"typ\":\"a b\"}", 40, 12, 16, ""}, "typ"},
		{{"{" GOOD ",\"cty\":7}", 40, 12, 16, ""}, "cty"},
		{{"{" GOOD ",\"alg\":\"A256KW\"}", 40, 12, 16, ""}, "JSON"},
		{{"{" GOOD "}", 0, 12, 16, ""}, "encrypted_key: expected 40"},
		{{"{" GOOD "}", 8, 12, 16, ""}, "encrypted_key: expected 40"},
		{{"{" GOOD "}", 17, 12, 16, ""}, "encrypted_key: expected 40"},
		{{"{" GOOD "}", 24, 12, 16, ""}, "encrypted_key: expected 40"},
		{{"{" GOOD "}", 32, 12, 16, ""}, "encrypted_key: expected 40"},
		{{"{" GOOD "}", 41, 12, 16, ""}, "encrypted_key: expected 40"},
		{{"{" GOOD "}", 40, 0, 16, ""}, "iv: expected 12"},
		{{"{" GOOD "}", 40, 11, 16, ""}, "iv: expected 12"},
		{{"{" GOOD "}", 40, 16, 16, ""}, "iv: expected 12"},
		{{"{" GOOD "}", 40, 12, 0, ""}, "tag: expected 16"},
		{{"{" GOOD "}", 40, 12, 4, ""}, "tag: expected 16"},
		{{"{" GOOD "}", 40, 12, 12, ""}, "tag: expected 16"},
		{{"{" GOOD "}", 40, 12, 15, ""}, "tag: expected 16"},
		{{"{" GOOD "}", 40, 12, 17, ""}, "tag: expected 16"},
		{{"{" GOOD "}", 40, 12, 16, "."}, "expected 5 parts"},
		{{"{" GOOD "}", 40, 12, 16, "=="}, "tag: expected base64url"},
		{{"{" GOOD "}", 40, 12, 16, "\n"}, "tag: expected base64url"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer jwe = forge(&rows[i].forgery);
		struct fault fault = {0};

		cr_expect_eq(decrypt(bytes_of_buffer(&jwe), &fault), rows[i].part == NULL ? 0 : -1,
			     "row %zu: %s", i, fault.text);
		if (rows[i].part != NULL) {
			cr_expect_eq(fault.class, FAULT_UNDECRYPTABLE);
			cr_expect(strstr(fault.text, rows[i].part) != NULL, "row %zu: %s", i,
				  fault.text);
		}
		clear_buffer(&jwe);
	}
}

/* catalogue 11 */
Test(message, refuses_other_serialisations)
{
	static const char *const rows[] = {
		"", ".", "....", "a.b.c", "{\"protected\":\"\"}", "{\"recipients\":[]}", "....."};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		REFUSED(decrypt(bytes_of_string(rows[i]), &fault), FAULT_UNDECRYPTABLE, NULL, "%s",
			rows[i]);
}

/* catalogue 14: an encrypted key of 40 octets unwraps to 32 or to nothing */
Test(message, refuses_a_wrapped_key_of_another_length)
{
	static const size_t lens[] = {16, 24, 25, 33, 48, 56};

	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		struct forgery forgery = {"{" GOOD "}", lens[i], 12, 16, ""};
		struct buffer jwe = forge(&forgery);

		REFUSED(decrypt(bytes_of_buffer(&jwe), &fault), FAULT_UNDECRYPTABLE,
			"encrypted_key");
		clear_buffer(&jwe);
	}
}

/* catalogue 17 */
Test(message, refuses_every_flipped_bit)
{
	struct buffer jwe = {0};

	OK(encrypt_message(&key, "certpool.status", NULL, bytes_of_string("hello"), &jwe, &fault));
	for (size_t bit = 0; bit < jwe.len * 8; bit++) {
		jwe.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		REFUSED(decrypt(bytes_of_buffer(&jwe), &fault), FAULT_UNDECRYPTABLE, NULL,
			"bit %zu", bit);
		jwe.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	OK(decrypt(bytes_of_buffer(&jwe), &fault));
	clear_buffer(&jwe);
}

/* catalogue 19 */
Test(message, refuses_an_unknown_kid_as_it_does_a_wrong_key)
{
	struct shared_key other = key;
	struct buffer jwe = {0};
	struct fault wrong_key = {0};

	other.key[0] ^= 1;
	cr_assert_eq(encrypt_message(&other, "a", NULL, bytes_of_string("x"), &jwe, &wrong_key), 0);
	cr_expect_eq(decrypt(bytes_of_buffer(&jwe), &wrong_key), -1);
	clear_buffer(&jwe);
	other.kid[0] = other.kid[0] == 'A' ? 'B' : 'A';
	OK(encrypt_message(&other, "a", NULL, bytes_of_string("x"), &jwe, &fault));
	REFUSED(decrypt(bytes_of_buffer(&jwe), &fault), ANY_CLASS,
		"not wrapped under a key that we share");
	cr_expect_eq(wrong_key.class, last_refusal()->class);
	cr_expect(strstr(wrong_key.text, "not wrapped under a key that we share") != NULL);
	clear_buffer(&jwe);
}

/* A key of zeros is what an unknown kid is tried with: it must not open anything either. */
Test(message, refuses_an_unknown_kid_under_a_key_of_zeros)
{
	struct shared_key zeros = {.kid = "unknown"};
	struct buffer jwe = {0};

	OK(encrypt_message(&zeros, "a", NULL, bytes_of_string("x"), &jwe, &fault));
	REFUSED(decrypt(bytes_of_buffer(&jwe), &fault), FAULT_UNDECRYPTABLE, NULL);
	clear_buffer(&jwe);
}

Test(message, refuses_to_write_types_that_are_none)
{
	static const char *const types[] = {"", "a b", "\"", "a\"b", "é"};

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct buffer jwe = {0};

		REFUSED(encrypt_message(&key, types[i], NULL, bytes_of_string("x"), &jwe, &fault),
			FAULT_MALFORMED, "typ and cty");
	}
}

/* catalogue 24, on a scale that a test can have */
Test(message, never_uses_a_content_key_or_iv_twice)
{
	enum { COUNT = 2048 };
	struct buffer keys = {0};

	append_string(&keys, "");
	for (size_t i = 0; i < COUNT; i++) {
		struct buffer jwe = {0};
		const char *dot;

		OK(encrypt_message(&key, "a", NULL, bytes_of_string(""), &jwe, &fault));
		dot = strchr((char *)jwe.data, '.');
		/* encrypted_key and IV are 54 and 16 characters. */
		cr_assert_null(memmem(keys.data, keys.len, dot + 56, 16), "message %zu", i);
		append_bytes(&keys, (struct bytes){(const uint8_t *)dot, 1 + 54 + 1 + 16});
		clear_buffer(&jwe);
	}
	clear_buffer(&keys);
}

Test(message, decrypts_what_it_encrypts)
{
	static const size_t lens[] = {0, 1, 15, 16, 17, 1000, 1048576};

	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		struct buffer plaintext = {0};
		struct buffer jwe = {0};
		struct decrypted_message message = {0};

		memset(extend_buffer(&plaintext, lens[i]), 'x', lens[i]);
		OK(encrypt_message(&key, "certpool.message", "jose", bytes_of_buffer(&plaintext),
				   &jwe, &fault));
		OK(decrypt_message(&ring, bytes_of_buffer(&jwe), &message, &fault));
		cr_expect(equal_bytes(bytes_of_secret(&message.plaintext),
				      bytes_of_buffer(&plaintext)));
		cr_expect_str_eq(message.peer, "client1");
		cr_expect_str_eq(message.typ, "certpool.message");
		cr_expect_str_eq(message.cty, "jose");
		clear_decrypted_message(&message);
		clear_buffer(&jwe);
		clear_buffer(&plaintext);
	}
}

/* catalogue 111: the sender is known before most of the message is there */
Test(message, names_its_sender_at_its_beginning)
{
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	char peer[NAME_SIZE] = "";
	size_t header;

	OK(encrypt_message(&key, "a.type", "jose", bytes_of_string("hello"), &jwe, &fault));
	header = (size_t)(strchr((const char *)jwe.data, '.') - (const char *)jwe.data);
	OK(find_sender(&ring, bytes_of_buffer(&jwe), peer, &fault));
	cr_expect_str_eq(peer, "client1");
	OK(find_sender(&ring, (struct bytes){jwe.data, header + 1}, peer, &fault));
	REFUSED(find_sender(&ring, (struct bytes){jwe.data, header}, peer, &fault),
		FAULT_UNDECRYPTABLE, "JWE: expected a header and a point in the first");
}

/* catalogue 111 */
Test(message, names_no_sender_without_a_key_of_his)
{
	static const struct {
		const char *header; /* NULL: none */
		const char *part;
	} rows[] = {
		{NULL, "expected a header and a point in the first 0 octets"},
		{"", "JWE: "},
		{"{}", "header: alg: expected"},
		{"{" GOOD ",\"zip\":\"DEF\"}", "zip"},
		{"{" GOOD ",\"kid\":\"a\"}", "JWE: "},
		{"{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"another\"}",
		 "header: kid: expected that of a key that we share, found \"another\""},
		{"{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":7}", "kid: expected the name"},
		{"{\"alg\":\"A256KW\",\"enc\":\"A256GCM\"}", "kid: expected the name"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer jwe = {0};
		char peer[NAME_SIZE] = "untouched";

		if (rows[i].header != NULL) {
			append_base64url(&jwe, bytes_of_string(rows[i].header));
			append_string(&jwe, ".AAAA");
		}
		REFUSED(find_sender(&ring, bytes_of_buffer(&jwe), peer, &fault),
			FAULT_UNDECRYPTABLE, rows[i].part, "row %zu", i);
		cr_expect_str_eq(peer, "untouched");
	}
}
