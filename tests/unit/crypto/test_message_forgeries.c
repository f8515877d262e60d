/*
 * Messages that somebody who has a key put together in another way than ours: each is parsed, and
 * refused for its wrapped key or its tag.
 */
#include "tests/unit/crypto/jwe_specimens.h"

#include <criterion/criterion.h>
#include <nettle/gcm.h>
#include <nettle/nist-keywrap.h>
#include <string.h>

static struct specimens specimens;

static void set_up(void)
{
	make_specimens(&specimens);
}

static void tear_down(void)
{
	clear_specimens(&specimens);
}

TestSuite(message_forgeries, .init = set_up, .fini = tear_down);

/* Takes the JWE: see expect_stage. */
static void expect(struct jwe jwe, enum stage stage, const char *what, size_t i)
{
	expect_stage(&specimens.ring, jwe, stage, what, i);
}

/* catalogue 14. RFC 3394 section 2.2.3.1 has one initial value; RFC 5649's carries the key's
 * length. */
Test(message_forgeries, refuses_a_key_wrapped_with_another_initial_value_or_padded)
{
	static const struct {
		uint8_t iv[8];
		size_t len; /* of the content key's octets that are wrapped; the others are 0 */
		enum stage stage;
	} rows[] = {
		{{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}, 32, STAGE_NONE},
		{{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}, 24, STAGE_TAG},
		{{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}, 16, STAGE_TAG},
		{{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}, 0, STAGE_TAG},
		{{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa7}, 32, STAGE_KEY},
		{{0xa7, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}, 32, STAGE_KEY},
		{{0xa6, 0xa6, 0xa6, 0xa6, 0, 0, 0, 0}, 32, STAGE_KEY},
		{{0, 0, 0, 0, 0xa6, 0xa6, 0xa6, 0xa6}, 32, STAGE_KEY},
		{{0}, 32, STAGE_KEY},
		{{0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, 32}, 32, STAGE_KEY},
		{{0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, 31}, 31, STAGE_KEY},
		{{0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, 25}, 25, STAGE_KEY},
		{{0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, 24}, 24, STAGE_KEY},
		{{0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, 16}, 16, STAGE_KEY},
	};

	for (size_t i = 0; i < SPECIMEN_COUNT; i++) {
		for (size_t row = 0; row < COUNT_OF(rows); row++) {
			struct jwe jwe = copy_jwe(&specimens.rows[i].jwe);
			uint8_t content_key[CONTENT_KEY_LEN] = {0};
			struct aes256_ctx context;

			memcpy(content_key, specimens.rows[i].content_key, rows[row].len);
			aes256_set_encrypt_key(&context, specimens.rows[i].key->key);
			aes256_keywrap(&context, rows[row].iv, WRAPPED_KEY_LEN,
				       jwe.parts[PART_KEY].data, content_key);
			expect(jwe, rows[row].stage, "initial value", row);
		}
	}
}

typedef void damage_function(struct jwe *jwe, const struct specimen *from);

struct damage {
	const char *what;
	damage_function *damage;
};

static void refuse_damages(const struct damage *damages, size_t count, enum stage stage)
{
	for (size_t i = 0; i < SPECIMEN_COUNT; i++) {
		for (size_t j = 0; j < count; j++) {
			struct jwe jwe = copy_jwe(&specimens.rows[i].jwe);

			damages[j].damage(&jwe, &specimens.rows[i]);
			expect(jwe, stage, damages[j].what, i);
		}
	}
}

static void wrap_under_another_key(struct jwe *jwe, const struct specimen *from)
{
	const struct peer_key *peer = find_key_id(&specimens.ring, bytes_of_string("link-2"));

	wrap_key(peer->key.key, from->content_key, jwe->parts[PART_KEY].data);
}

/* The right key in all but its last bit. */
static void wrap_under_a_key_nearby(struct jwe *jwe, const struct specimen *from)
{
	struct shared_key key = *from->key;

	key.key[SHARED_KEY_LEN - 1] ^= 1;
	wrap_key(key.key, from->content_key, jwe->parts[PART_KEY].data);
}

static void wrap_under_itself(struct jwe *jwe, const struct specimen *from)
{
	wrap_key(from->content_key, from->content_key, jwe->parts[PART_KEY].data);
}

static const uint8_t wrap_iv[8] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};

/* A128KW, by the first half of the key. */
static void wrap_under_half_the_key(struct jwe *jwe, const struct specimen *from)
{
	struct aes128_ctx context;

	aes128_set_encrypt_key(&context, from->key->key);
	aes128_keywrap(&context, wrap_iv, WRAPPED_KEY_LEN, jwe->parts[PART_KEY].data,
		       from->content_key);
}

/* The first octets of the content key, wrapped as a key of that length; zeros fill the 40. */
static void wrap_short(struct jwe *jwe, const struct specimen *from, size_t len)
{
	struct aes256_ctx context;

	memset(jwe->parts[PART_KEY].data, 0, WRAPPED_KEY_LEN);
	aes256_set_encrypt_key(&context, from->key->key);
	aes256_keywrap(&context, wrap_iv, len + 8, jwe->parts[PART_KEY].data, from->content_key);
}

static void wrap_16_octets(struct jwe *jwe, const struct specimen *from)
{
	wrap_short(jwe, from, 16);
}

static void wrap_24_octets(struct jwe *jwe, const struct specimen *from)
{
	wrap_short(jwe, from, 24);
}

static void send_the_key_in_clear(struct jwe *jwe, const struct specimen *from)
{
	memcpy(jwe->parts[PART_KEY].data, wrap_iv, sizeof(wrap_iv));
	memcpy(jwe->parts[PART_KEY].data + sizeof(wrap_iv), from->content_key, CONTENT_KEY_LEN);
}

static void swap_two_blocks_of_the_key(struct jwe *jwe, const struct specimen *from)
{
	memcpy(jwe->parts[PART_KEY].data + 8, from->jwe.parts[PART_KEY].data + 16, 8);
	memcpy(jwe->parts[PART_KEY].data + 16, from->jwe.parts[PART_KEY].data + 8, 8);
}

static void send_zeros_as_key(struct jwe *jwe, const struct specimen *from)
{
	(void)from;
	memset(jwe->parts[PART_KEY].data, 0, WRAPPED_KEY_LEN);
}

static void send_ones_as_key(struct jwe *jwe, const struct specimen *from)
{
	(void)from;
	memset(jwe->parts[PART_KEY].data, 0xff, WRAPPED_KEY_LEN);
}

/* The message is sealed anew, so that only the key is not the kid's. */
static void name_the_key_of_another_peer(struct jwe *jwe, const struct specimen *from)
{
	set_part(jwe, PART_HEADER, bytes_of_string(JOSE_HEADER("link-2")));
	seal_properly(jwe, from);
}

static void name_a_key_that_nobody_has(struct jwe *jwe, const struct specimen *from)
{
	set_part(jwe, PART_HEADER, bytes_of_string(JOSE_HEADER("link-3")));
	seal_properly(jwe, from);
}

/* Zeros are what the key is unwrapped with when the kid is unknown. */
static void wrap_under_the_key_of_nobody(struct jwe *jwe, const struct specimen *from)
{
	static const uint8_t zeros[SHARED_KEY_LEN] = {0};

	name_a_key_that_nobody_has(jwe, from);
	wrap_key(zeros, from->content_key, jwe->parts[PART_KEY].data);
}

/* catalogue 19 */
Test(message_forgeries, refuses_keys_that_are_wrapped_otherwise)
{
	static const struct damage damages[] = {
		{"under another key", wrap_under_another_key},
		{"under a key nearby", wrap_under_a_key_nearby},
		{"under itself", wrap_under_itself},
		{"under half the key", wrap_under_half_the_key},
		{"16 octets", wrap_16_octets},
		{"24 octets", wrap_24_octets},
		{"in clear", send_the_key_in_clear},
		{"two blocks swapped", swap_two_blocks_of_the_key},
		{"zeros", send_zeros_as_key},
		{"ones", send_ones_as_key},
		{"another peer's kid", name_the_key_of_another_peer},
		{"nobody's kid", name_a_key_that_nobody_has},
		{"nobody's key", wrap_under_the_key_of_nobody},
	};

	refuse_damages(damages, COUNT_OF(damages), STAGE_KEY);
}

static void authenticate_nothing(struct jwe *jwe, const struct specimen *from)
{
	seal_with(jwe, from->content_key, bytes_of_string(""), bytes_of_buffer(&from->plaintext));
}

/* The header's JSON, not the characters that are sent. */
static void authenticate_json(struct jwe *jwe, const struct specimen *from)
{
	seal_with(jwe, from->content_key, bytes_of_buffer(&from->jwe.parts[PART_HEADER]),
		  bytes_of_buffer(&from->plaintext));
}

/* More of the message than its header. */
static void authenticate_the_key_too(struct jwe *jwe, const struct specimen *from)
{
	struct buffer text = put_together(&from->jwe);
	const uint8_t *dot = memchr(text.data, '.', text.len);
	const size_t header = (size_t)(dot - text.data);

	seal_with(jwe, from->content_key, (struct bytes){text.data, header + 1 + 54},
		  bytes_of_buffer(&from->plaintext));
	clear_buffer(&text);
}

static void seal_under_the_shared_key(struct jwe *jwe, const struct specimen *from)
{
	struct buffer header = encode_header(jwe);

	seal_with(jwe, from->key->key, bytes_of_buffer(&header), bytes_of_buffer(&from->plaintext));
	clear_buffer(&header);
}

static void seal_under_zeros(struct jwe *jwe, const struct specimen *from)
{
	static const uint8_t zeros[CONTENT_KEY_LEN] = {0};
	struct buffer header = encode_header(jwe);

	seal_with(jwe, zeros, bytes_of_buffer(&header), bytes_of_buffer(&from->plaintext));
	clear_buffer(&header);
}

/* A128GCM and A192GCM, by the first octets of the content key. */
static void seal_with_aes_128(struct jwe *jwe, const struct specimen *from)
{
	struct buffer header = encode_header(jwe);
	struct gcm_aes128_ctx context;

	gcm_aes128_set_key(&context, from->content_key);
	gcm_aes128_set_iv(&context, GCM_IV_LEN, jwe->parts[PART_IV].data);
	gcm_aes128_update(&context, header.len, header.data);
	gcm_aes128_encrypt(&context, from->plaintext.len, jwe->parts[PART_CIPHERTEXT].data,
			   from->plaintext.data);
	gcm_aes128_digest(&context, GCM_TAG_LEN, jwe->parts[PART_TAG].data);
	clear_buffer(&header);
}

static void seal_with_aes_192(struct jwe *jwe, const struct specimen *from)
{
	struct buffer header = encode_header(jwe);
	struct gcm_aes192_ctx context;

	gcm_aes192_set_key(&context, from->content_key);
	gcm_aes192_set_iv(&context, GCM_IV_LEN, jwe->parts[PART_IV].data);
	gcm_aes192_update(&context, header.len, header.data);
	gcm_aes192_encrypt(&context, from->plaintext.len, jwe->parts[PART_CIPHERTEXT].data,
			   from->plaintext.data);
	gcm_aes192_digest(&context, GCM_TAG_LEN, jwe->parts[PART_TAG].data);
	clear_buffer(&header);
}

/* The IV that was used has 16 octets, of which 12 are sent. */
static void seal_with_a_longer_iv(struct jwe *jwe, const struct specimen *from)
{
	struct buffer header = encode_header(jwe);
	uint8_t iv[16] = {0};
	struct gcm_aes256_ctx context;

	memcpy(iv, jwe->parts[PART_IV].data, GCM_IV_LEN);
	gcm_aes256_set_key(&context, from->content_key);
	gcm_aes256_set_iv(&context, sizeof(iv), iv);
	gcm_aes256_update(&context, header.len, header.data);
	gcm_aes256_encrypt(&context, from->plaintext.len, jwe->parts[PART_CIPHERTEXT].data,
			   from->plaintext.data);
	gcm_aes256_digest(&context, GCM_TAG_LEN, jwe->parts[PART_TAG].data);
	clear_buffer(&header);
}

/* What a CTR mode without a tag would let through: the sender's text, changed in place. */
static void write_another_text(struct jwe *jwe, const struct specimen *from)
{
	struct buffer *ciphertext = &jwe->parts[PART_CIPHERTEXT];

	for (size_t i = 0; i < ciphertext->len; i++)
		ciphertext->data[i] ^= from->plaintext.data[i] ^ 'x';
	append_string(ciphertext, ciphertext->len == 0 ? "x" : "");
}

/* Sealed anew, with the tag of before: the key and the IV are the same. */
static void seal_another_text(struct jwe *jwe, const struct specimen *from)
{
	struct buffer header = encode_header(jwe);

	seal_with(jwe, from->content_key, bytes_of_buffer(&header), bytes_of_string("other text"));
	set_part(jwe, PART_TAG, bytes_of_buffer(&from->jwe.parts[PART_TAG]));
	clear_buffer(&header);
}

static void send_zeros_as_tag(struct jwe *jwe, const struct specimen *from)
{
	(void)from;
	memset(jwe->parts[PART_TAG].data, 0, GCM_TAG_LEN);
}

static void send_zeros_as_iv(struct jwe *jwe, const struct specimen *from)
{
	(void)from;
	memset(jwe->parts[PART_IV].data, 0, GCM_IV_LEN);
}

Test(message_forgeries, refuses_what_is_sealed_otherwise)
{
	static const struct damage damages[] = {
		{"no associated data", authenticate_nothing},
		{"JSON as associated data", authenticate_json},
		{"the key among the associated data", authenticate_the_key_too},
		{"under the shared key", seal_under_the_shared_key},
		{"under zeros", seal_under_zeros},
		{"with AES-128", seal_with_aes_128},
		{"with AES-192", seal_with_aes_192},
		{"with an IV of 16 octets", seal_with_a_longer_iv},
		{"another text in place", write_another_text},
		{"another text under the tag", seal_another_text},
		{"a tag of zeros", send_zeros_as_tag},
		{"an IV of zeros", send_zeros_as_iv},
	};

	refuse_damages(damages, COUNT_OF(damages), STAGE_TAG);
}
