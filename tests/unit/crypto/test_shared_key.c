#include "common/crypto/shared_key.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define K "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define HEAD "\"kty\":\"oct\",\"alg\":\"A256KW\",\"kid\":\"link-1\","

/* catalogue 100 */
Test(shared_key, refuses_text_that_is_not_a_shared_key)
{
	static const struct {
		const char *jwk;
		const char *part;
	} rows[] = {
		{"", "no valid JSON"},
		{"[]", "JSON object"},
		{"{" HEAD "\"k\":\"" K "\"} x", "no valid JSON"},
		{"{" HEAD HEAD "\"k\":\"" K "\"}", "no valid JSON"},
		{"{" HEAD "\"k\":\"\"}", "k: expected 32 octets"},
		{"{" HEAD "\"k\":\"AAECAwQFBgcICQoLDA0ODw\"}", "k: expected 32 octets"},
		{"{" HEAD "\"k\":\"" K "\\n\"}", "k: expected 32 octets"},
		{"{" HEAD "\"k\":\"" K "=\"}", "k: expected 32 octets"},
		{"{" HEAD "\"k\":32}", "k: expected 32 octets"},
		{"{" HEAD "\"j\":\"" K "\"}", "k: expected 32 octets"},
		{"{" HEAD "\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", "random key"},
		{"{\"kty\":\"EC\",\"alg\":\"A256KW\",\"kid\":\"a\",\"k\":\"" K "\"}", "kty"},
		{"{\"kty\":\"oct\",\"alg\":\"A128KW\",\"kid\":\"a\",\"k\":\"" K "\"}", "alg"},
		{"{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"" K "\"}", "alg"},
		{"{\"kty\":\"oct\",\"alg\":\"A256KW\",\"k\":\"" K "\"}", "kid"},
		{"{\"kty\":\"oct\",\"alg\":\"A256KW\",\"kid\":\"a b\",\"k\":\"" K "\"}", "kid"},
		{"{" HEAD "\"key_ops\":[\"encrypt\"],\"k\":\"" K "\"}", "key_ops"},
		{"{" HEAD "\"key_ops\":\"wrapKey\",\"k\":\"" K "\"}", "key_ops"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct shared_key key = {.kid = "old"};

		REFUSED(parse_shared_key(bytes_of_string(rows[i].jwk), &key, &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
		/* catalogue 99: nothing of the key in the text */
		NOT_SAID("AAEC");
		cr_expect_str_eq(key.kid, "old");
	}
}

Test(shared_key, reads_keys_with_other_members)
{
	struct shared_key key;

	OK(parse_shared_key(bytes_of_string("{" HEAD "\"k\":\"" K "\",\"use\":\"enc\"}"), &key,
			    &fault));
	cr_expect_str_eq(key.kid, "link-1");
	cr_expect_eq(key.key[31], 31);
}

Test(shared_key, reads_the_keys_that_it_writes_and_generates_different_ones)
{
	struct shared_key previous = {0};

	for (int i = 0; i < 200; i++) {
		struct shared_key key;
		struct shared_key parsed;
		struct secret jwk = {0};

		OK(generate_shared_key(&key, &fault));
		cr_expect_eq(strlen(key.kid), 22);
		cr_expect(valid_name(key.kid), "%s", key.kid);
		OK(format_shared_key(&key, &jwk, &fault));
		OK(parse_shared_key(bytes_of_secret(&jwk), &parsed, &fault));
		cr_expect_str_eq(parsed.kid, key.kid);
		cr_expect_arr_eq(parsed.key, key.key, SHARED_KEY_LEN);
		cr_expect_str_neq(key.kid, previous.kid);
		previous = key;
		clear_secret(&jwk);
	}
}

Test(shared_key, refuses_two_of_a_peer_or_of_a_kid)
{
	struct key_ring ring = {0};
	struct shared_key a;
	struct shared_key b;

	OK(generate_shared_key(&a, &fault));
	OK(generate_shared_key(&b, &fault));
	OK(add_peer_key(&ring, "client1", &a, &fault));
	REFUSED(add_peer_key(&ring, "client1", &b, &fault), FAULT_REFUSED, "client1");
	REFUSED(add_peer_key(&ring, "client2", &a, &fault), FAULT_REFUSED, "same kid");
	OK(add_peer_key(&ring, "client2", &b, &fault));
	cr_expect_eq(ring.count, 2);
	cr_expect_str_eq(find_peer_key(&ring, "client2")->key.kid, b.kid);
	cr_expect_str_eq(find_key_id(&ring, bytes_of_string(a.kid))->peer, "client1");
	cr_expect_null(find_peer_key(&ring, "client3"));
	cr_expect_null(find_key_id(&ring, bytes_of_string("x")));
	cr_expect_null(find_key_id(&ring, bytes_of_string("")));
	clear_key_ring(&ring);
}

/* The end-to-end tests search a process's memory for secrets. */
Test(shared_key, wipes_the_memory_that_jansson_frees)
{
	json_malloc_t allocate;
	json_free_t release;
	json_t *string;

	wipe_json_memory();
	json_get_alloc_funcs(&allocate, &release);
	cr_expect_eq(allocate, malloc);
	cr_assert_neq(release, free);
	release(NULL);
	string = json_string("kept while it is used");
	cr_assert_not_null(string);
	cr_expect_str_eq(json_string_value(string), "kept while it is used");
	json_decref(string);
}

Test(shared_key, seals_octets_that_only_the_same_key_and_context_open)
{
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	CLEANUP(clear_secret) struct secret opened = {0};
	struct shared_key keys[2];

	OK(generate_shared_key(&keys[0], &fault));
	OK(generate_shared_key(&keys[1], &fault));
	OK(seal_under_key(&keys[0], "a key", bytes_of_string("secret"), &sealed, &fault));
	OK(open_under_key(&keys[0], "a key", bytes_of_buffer(&sealed), &opened, &fault));
	cr_expect(equal_bytes(bytes_of_secret(&opened), bytes_of_string("secret")));

	REFUSED(open_under_key(&keys[1], "a key", bytes_of_buffer(&sealed), &opened, &fault),
		FAULT_UNDECRYPTABLE, "a key: cannot be decrypted");
	REFUSED(open_under_key(&keys[0], "b key", bytes_of_buffer(&sealed), &opened, &fault),
		FAULT_UNDECRYPTABLE, "b key: cannot be decrypted");
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 1;
		REFUSED(open_under_key(&keys[0], "a key", bytes_of_buffer(&sealed), &opened,
				       &fault),
			FAULT_UNDECRYPTABLE, "cannot be decrypted");
		sealed.data[i] ^= 1;
	}
	REFUSED(open_under_key(&keys[0], "a key", (struct bytes){sealed.data, 28}, &opened, &fault),
		FAULT_UNDECRYPTABLE, "a key: cut off");
}
