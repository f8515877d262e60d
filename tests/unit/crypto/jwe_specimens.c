#include "tests/unit/crypto/jwe_specimens.h"

#include "common/crypto/base64.h"
#include "common/crypto/jws_compact.h"
#include "common/crypto/message.h"
#include "tests/support/expect.h"
#include "tests/unit/crypto/jose_objects.h"

#include <criterion/criterion.h>
#include <string.h>

void set_part(struct jwe *jwe, size_t part, struct bytes octets)
{
	struct buffer copy = {0};

	append_string(&copy, "");
	append_bytes(&copy, octets);
	cr_assert_not(copy.failed);
	clear_buffer(&jwe->parts[part]);
	jwe->parts[part] = copy;
}

struct jwe copy_jwe(const struct jwe *jwe)
{
	struct jwe copy = {0};

	for (size_t i = 0; i < PART_COUNT; i++)
		set_part(&copy, i, bytes_of_buffer(&jwe->parts[i]));
	return copy;
}

void clear_jwe(struct jwe *jwe)
{
	for (size_t i = 0; i < PART_COUNT; i++)
		clear_buffer(&jwe->parts[i]);
}

struct jwe take_apart(struct bytes text)
{
	struct bytes parts[COMPACT_PARTS_MAX];
	struct jwe jwe = {0};

	OK(split_compact(text, PART_COUNT, parts, &fault));
	for (size_t i = 0; i < PART_COUNT; i++) {
		struct buffer octets = {0};

		OK(decode_base64url(parts[i], &octets, &fault));
		set_part(&jwe, i, bytes_of_buffer(&octets));
		clear_buffer(&octets);
	}
	return jwe;
}

struct buffer put_together(const struct jwe *jwe)
{
	struct buffer text = {0};

	for (size_t i = 0; i < PART_COUNT; i++) {
		if (i > 0)
			append_string(&text, ".");
		append_base64url(&text, bytes_of_buffer(&jwe->parts[i]));
	}
	cr_assert_not(text.failed);
	return text;
}

struct buffer encode_header(const struct jwe *jwe)
{
	struct buffer text = {0};

	append_base64url(&text, bytes_of_buffer(&jwe->parts[PART_HEADER]));
	return text;
}

void seal_with(struct jwe *jwe, const uint8_t *content_key, struct bytes associated,
	       struct bytes plaintext)
{
	uint8_t ciphertext[64];
	uint8_t tag[GCM_TAG_LEN];

	cr_assert_leq(plaintext.len, sizeof(ciphertext));
	seal(content_key, jwe->parts[PART_IV].data, associated, plaintext, ciphertext, tag);
	set_part(jwe, PART_CIPHERTEXT, (struct bytes){ciphertext, plaintext.len});
	set_part(jwe, PART_TAG, (struct bytes){tag, sizeof(tag)});
}

void seal_properly(struct jwe *jwe, const struct specimen *from)
{
	struct buffer header = encode_header(jwe);

	seal_with(jwe, from->content_key, bytes_of_buffer(&header),
		  bytes_of_buffer(&from->plaintext));
	clear_buffer(&header);
}

int decrypt_jwe(const struct key_ring *ring, const struct jwe *jwe, struct fault *fault)
{
	struct buffer text = put_together(jwe);
	struct decrypted_message message = {0};
	int code = decrypt_message(ring, bytes_of_buffer(&text), &message, fault);

	if (code < 0) {
		cr_expect_null(message.plaintext.data);
		cr_expect_str_eq(message.peer, "");
		cr_expect_eq(fault->class, FAULT_UNDECRYPTABLE, "%s", fault->text);
	}
	clear_decrypted_message(&message);
	clear_buffer(&text);
	return code;
}

/* "" when it is not refused. */
static void append_refusal(struct buffer *text, enum stage stage, const char *kid)
{
	switch (stage) {
	case STAGE_NONE:
		append_string(text, "");
		break;
	case STAGE_KEY:
		append_format(text,
			      "JWE: encrypted_key: not wrapped under a key that we share (kid "
			      "\"%s\")",
			      kid);
		break;
	case STAGE_TAG:
		append_format(text, "JWE: tag: the message under kid \"%s\" was altered", kid);
		break;
	}
}

void expect_stage(const struct key_ring *ring, struct jwe jwe, enum stage stage, const char *what,
		  size_t i)
{
	json_t *header = json_loadb((const char *)jwe.parts[PART_HEADER].data,
				    jwe.parts[PART_HEADER].len, 0, NULL);
	struct buffer expected = {0};
	struct fault fault = {0};

	append_refusal(&expected, stage, text_member(header, "kid"));
	cr_assert_not(expected.failed);
	cr_expect_eq(decrypt_jwe(ring, &jwe, &fault), stage == STAGE_NONE ? 0 : -1, "%s, %zu", what,
		     i);
	cr_expect_str_eq(fault.text, (char *)expected.data, "%s, %zu: %s", what, i, fault.text);
	json_decref(header);
	clear_buffer(&expected);
	clear_jwe(&jwe);
}

/* Opens with the sender's key, so that what the sender knew is known. */
static void open_specimen(struct specimen *specimen)
{
	const struct buffer *parts = specimen->jwe.parts;
	struct buffer header = encode_header(&specimen->jwe);

	cr_assert_eq(parts[PART_KEY].len, WRAPPED_KEY_LEN);
	cr_assert(unwrap_key(specimen->key->key, parts[PART_KEY].data, specimen->content_key));
	cr_assert(open_sealed(specimen->content_key,
			      &(const struct sealed){parts[PART_IV].data, bytes_of_buffer(&header),
						     bytes_of_buffer(&parts[PART_CIPHERTEXT]),
						     parts[PART_TAG].data},
			      extend_buffer(&specimen->plaintext, parts[PART_CIPHERTEXT].len)));
	clear_buffer(&header);
}

static struct jwe encrypt(const struct shared_key *key, const char *typ, const char *plaintext)
{
	struct buffer text = {0};
	struct jwe jwe;

	OK(encrypt_message(key, typ, "jose", bytes_of_string(plaintext), &text, &fault));
	jwe = take_apart(bytes_of_buffer(&text));
	clear_buffer(&text);
	return jwe;
}

static void make_ours(struct specimen *specimen, const char *plaintext)
{
	specimen->jwe = encrypt(specimen->key, "certpool.message", plaintext);
	open_specimen(specimen);
}

/* Under the same content key and IV the ciphertext is the published one; only the tag is not. */
static void make_theirs(struct specimen *specimen, struct bytes published, const char *header)
{
	struct buffer ciphertext = {0};

	specimen->jwe = take_apart(published);
	open_specimen(specimen);
	append_bytes(&ciphertext, bytes_of_buffer(&specimen->jwe.parts[PART_CIPHERTEXT]));
	set_part(&specimen->jwe, PART_HEADER, bytes_of_string(header));
	seal_properly(&specimen->jwe, specimen);
	cr_assert(equal_bytes(bytes_of_buffer(&ciphertext),
			      bytes_of_buffer(&specimen->jwe.parts[PART_CIPHERTEXT])));
	clear_buffer(&ciphertext);
}

const json_t *find_our_case(const json_t *suite, const json_t **ret_private)
{
	/* {"alg":"A256KW","enc":"A256GCM"} */
	static const char start[] = "eyJhbGciOiJBMjU2S1ciLCJlbmMiOiJBMjU2R0NNIn0.";
	const json_t *found = NULL;
	size_t i;
	size_t j;
	json_t *group;
	json_t *test;

	json_array_foreach(json_object_get(suite, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, test)
		{
			const char *jwe = json_string_value(json_object_get(test, "jwe"));

			if (jwe == NULL || strncmp(jwe, start, strlen(start)) != 0 ||
			    strcmp(text_member(test, "result"), "valid") != 0)
				continue;
			cr_assert_null(found);
			found = test;
			*ret_private = json_object_get(group, "private");
		}
	}
	cr_assert_not_null(found);
	return found;
}

static void add_key(struct key_ring *ring, const char *peer, const char *kid, struct bytes octets)
{
	struct shared_key key = {0};

	cr_assert_eq(octets.len, SHARED_KEY_LEN);
	memcpy(key.key, octets.data, SHARED_KEY_LEN);
	memcpy(key.kid, kid, strlen(kid) + 1);
	OK(add_peer_key(ring, peer, &key, &fault));
}

static void add_jwk(struct key_ring *ring, const char *peer, const char *kid, const json_t *jwk)
{
	struct buffer octets = octets_of(text_member(jwk, "k"));

	add_key(ring, peer, kid, bytes_of_buffer(&octets));
	clear_buffer(&octets);
}

static const struct shared_key *find_key(const struct key_ring *ring, const char *kid)
{
	const struct peer_key *peer = find_key_id(ring, bytes_of_string(kid));

	cr_assert_not_null(peer, "%s", kid);
	return &peer->key;
}

static void make_rows(struct specimens *specimens, const char *wycheproof, struct bytes npm)
{
	static const char *const kids[] = {"link-1", "link-1", "link-1", "wycheproof", "npm"};
	struct specimen *rows = specimens->rows;

	for (size_t i = 0; i < SPECIMEN_COUNT; i++)
		rows[i].key = find_key(&specimens->ring, kids[i]);
	make_ours(&rows[OURS_EMPTY], "");
	make_ours(&rows[OURS], "hello");
	make_ours(&rows[OURS_LONG], "forty-eight octets, which are three blocks of it");
	make_theirs(&rows[WYCHEPROOF], bytes_of_string(wycheproof), JOSE_HEADER("wycheproof"));
	make_theirs(&rows[NPM], npm, JOSE_HEADER("npm"));
	for (size_t i = 0; i < SPECIMEN_COUNT; i++) {
		rows[i].other = encrypt(rows[i].key, "certpool.status", "another");
		expect_stage(&specimens->ring, copy_jwe(&rows[i].jwe), STAGE_NONE, "specimen", i);
	}
}

void make_specimens(struct specimens *ret_specimens)
{
	static const uint8_t first[SHARED_KEY_LEN] = {1};
	static const uint8_t second[SHARED_KEY_LEN] = {2};
	json_t *suite = load_vectors("tests/vectors/wycheproof/json_web_encryption_test.json");
	json_t *npm_key = load_vectors("tests/vectors/jose/kek.jwk");
	struct buffer npm = load_text("tests/vectors/jose/npm-a256kw-a256gcm.compact.jwe");
	const json_t *private = NULL;
	const json_t *test = find_our_case(suite, &private);
	struct key_ring *ring = &ret_specimens->ring;

	*ret_specimens = (struct specimens){0};
	add_key(ring, "client1", "link-1", (struct bytes){first, sizeof(first)});
	add_key(ring, "client2", "link-2", (struct bytes){second, sizeof(second)});
	add_jwk(ring, "client3", "wycheproof", private);
	add_jwk(ring, "client4", "npm", npm_key);
	strip_line_end(&npm);
	make_rows(ret_specimens, text_member(test, "jwe"), bytes_of_buffer(&npm));
	clear_buffer(&npm);
	json_decref(npm_key);
	json_decref(suite);
}

void clear_specimens(struct specimens *specimens)
{
	for (size_t i = 0; i < SPECIMEN_COUNT; i++) {
		clear_jwe(&specimens->rows[i].jwe);
		clear_jwe(&specimens->rows[i].other);
		clear_buffer(&specimens->rows[i].plaintext);
	}
	clear_key_ring(&specimens->ring);
	*specimens = (struct specimens){0};
}
