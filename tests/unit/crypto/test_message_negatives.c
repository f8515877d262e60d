/*
 * Messages that were changed by somebody who has no key, in what only the cryptography can see:
 * each is parsed, and refused for its wrapped key or its tag. test_message.c has those that are not
 * parsed, test_message_forgeries.c what somebody sends who has a key.
 */
#include "tests/unit/crypto/jwe_specimens.h"

#include <criterion/criterion.h>
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

TestSuite(message_negatives, .init = set_up, .fini = tear_down);

/* Takes the JWE: see expect_stage. */
static void expect(struct jwe jwe, enum stage stage, const char *what, size_t i)
{
	expect_stage(&specimens.ring, jwe, stage, what, i);
}

/* catalogue 17. Octets, not characters: no flip is lost to the form of base64url. */
Test(message_negatives, refuses_every_flipped_bit_of_every_part)
{
	for (size_t i = 0; i < SPECIMEN_COUNT; i++) {
		for (size_t part = PART_KEY; part < PART_COUNT; part++) {
			const size_t len = specimens.rows[i].jwe.parts[part].len;

			for (size_t bit = 0; bit < len * 8; bit++) {
				struct jwe jwe = copy_jwe(&specimens.rows[i].jwe);

				jwe.parts[part].data[bit / 8] ^= (uint8_t)(1U << bit % 8);
				expect(jwe, part == PART_KEY ? STAGE_KEY : STAGE_TAG, "bit", bit);
			}
		}
	}
}

/* Every mixture of two messages of one sender. */
Test(message_negatives, refuses_parts_of_another_message)
{
	enum { ALL = (1U << PART_COUNT) - 1 };

	for (size_t i = 0; i < SPECIMEN_COUNT; i++) {
		for (unsigned int mask = 0; mask <= ALL; mask++) {
			struct jwe jwe = copy_jwe(&specimens.rows[i].jwe);

			for (size_t part = 0; part < PART_COUNT; part++)
				if ((mask & 1U << part) != 0)
					set_part(&jwe, part,
						 bytes_of_buffer(
							 &specimens.rows[i].other.parts[part]));
			expect(jwe, mask == 0 || mask == ALL ? STAGE_NONE : STAGE_TAG, "mixture",
			       mask);
		}
	}
}

/* GCM's ciphertext has no blocks and no padding by which a length could be found wrong. */
Test(message_negatives, refuses_a_ciphertext_that_was_cut_or_goes_on)
{
	static const uint8_t zeros[17] = {0};

	for (size_t i = 0; i < SPECIMEN_COUNT; i++) {
		const struct buffer *whole = &specimens.rows[i].jwe.parts[PART_CIPHERTEXT];

		for (size_t len = 0; len < whole->len; len++) {
			struct jwe jwe = copy_jwe(&specimens.rows[i].jwe);

			jwe.parts[PART_CIPHERTEXT].len = len;
			expect(jwe, STAGE_TAG, "cut to", len);
		}
		for (size_t more = 1; more <= sizeof(zeros); more++) {
			struct jwe jwe = copy_jwe(&specimens.rows[i].jwe);

			append_bytes(&jwe.parts[PART_CIPHERTEXT], (struct bytes){zeros, more});
			expect(jwe, STAGE_TAG, "longer by", more);
		}
	}
}

/* A tag of which a part is right, as if it were compared in part. */
Test(message_negatives, refuses_a_tag_that_begins_or_ends_well)
{
	for (size_t i = 0; i < SPECIMEN_COUNT; i++) {
		for (size_t wrong = 1; wrong <= GCM_TAG_LEN; wrong++) {
			struct jwe begins = copy_jwe(&specimens.rows[i].jwe);
			struct jwe ends = copy_jwe(&specimens.rows[i].jwe);

			for (size_t at = 0; at < wrong; at++) {
				begins.parts[PART_TAG].data[GCM_TAG_LEN - 1 - at] ^= 0xff;
				ends.parts[PART_TAG].data[at] ^= 0xff;
			}
			expect(begins, STAGE_TAG, "wrong at the end", wrong);
			expect(ends, STAGE_TAG, "wrong at the beginning", wrong);
		}
	}
}

Test(message_negatives, refuses_blocks_in_another_order)
{
	const struct buffer *whole = &specimens.rows[OURS_LONG].jwe.parts[PART_CIPHERTEXT];
	struct jwe jwe = copy_jwe(&specimens.rows[OURS_LONG].jwe);

	cr_assert_eq(whole->len, 48);
	memcpy(jwe.parts[PART_CIPHERTEXT].data, whole->data + 16, 16);
	memcpy(jwe.parts[PART_CIPHERTEXT].data + 16, whole->data, 16);
	expect(jwe, STAGE_TAG, "blocks", 0);
}

/*
 * Headers that may be sent, and are not the one that was: the same in other octets, and others.
 * Each is decrypted when its sender sealed with it, so that it is not the header that is refused.
 */
Test(message_negatives, refuses_another_header_that_would_do)
{
#define START "\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"link-1\""
#define TYPES ",\"typ\":\"certpool.message\",\"cty\":\"jose\""
	static const char *const headers[] = {
		"{" START TYPES " }",
		"{ " START TYPES "}",
		"{" START TYPES "}\n",
		" {" START TYPES "}",
		"{\r\n\t" START TYPES "}",
		"{\"typ\":\"certpool.message\",\"cty\":\"jose\"," START "}",
		"{\"alg\" : \"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"link-1\"" TYPES "}",
		"{\"enc\":\"A256GCM\",\"alg\":\"A256KW\",\"kid\":\"link-1\"" TYPES "}",
		"{\"kid\":\"link-1\",\"enc\":\"A256GCM\",\"alg\":\"A256KW\"" TYPES "}",
		"{\"\\u0061lg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"link-1\"" TYPES "}",
		"{\"alg\":\"\\u0041256KW\",\"enc\":\"A256GCM\",\"kid\":\"link-1\"" TYPES "}",
		"{\"alg\":\"A256KW\",\"enc\":\"A256GC\\u004d\",\"kid\":\"link-1\"" TYPES "}",
		"{\"alg\":\"A256KW\",\"enc\":\"A256GC\\u004D\",\"kid\":\"link-1\"" TYPES "}",
		"{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"link\\u002d1\"" TYPES "}",
		"{" START ",\"typ\":\"certpool.messag\\u0065\",\"cty\":\"jose\"}",
		"{" START ",\"cty\":\"jose\",\"typ\":\"certpool.message\"}",
		"{" START ",\"typ\":\"certpool.message\"}",
		"{" START ",\"cty\":\"jose\"}",
		"{" START "}",
		"{" START ",\"typ\":\"certpool.status\",\"cty\":\"jose\"}",
		"{" START ",\"typ\":\"certpool.message\",\"cty\":\"JOSE\"}",
		"{" START ",\"typ\":\"jose\",\"cty\":\"certpool.message\"}",
	};

	for (size_t i = OURS_EMPTY; i <= OURS_LONG; i++) {
		for (size_t j = 0; j < COUNT_OF(headers); j++) {
			struct jwe jwe = copy_jwe(&specimens.rows[i].jwe);
			struct jwe sealed;

			set_part(&jwe, PART_HEADER, bytes_of_string(headers[j]));
			sealed = copy_jwe(&jwe);
			seal_properly(&sealed, &specimens.rows[i]);
			expect(sealed, STAGE_NONE, headers[j], j);
			expect(jwe, STAGE_TAG, headers[j], j);
		}
	}
}

/* How far a header gets in which a bit was flipped. */
static enum stage find_stage(const struct fault *fault)
{
	if (strncmp(fault->text, "JWE: tag: the message", 21) == 0)
		return STAGE_TAG;
	if (strncmp(fault->text, "JWE: encrypted_key: not wrapped", 31) == 0)
		return STAGE_KEY;
	return STAGE_NONE;
}

Test(message_negatives, refuses_every_flipped_bit_of_the_header)
{
	const size_t len = specimens.rows[OURS].jwe.parts[PART_HEADER].len;
	size_t counts[] = {[STAGE_NONE] = 0, [STAGE_KEY] = 0, [STAGE_TAG] = 0};

	for (size_t bit = 0; bit < len * 8; bit++) {
		struct jwe jwe = copy_jwe(&specimens.rows[OURS].jwe);
		struct fault fault = {0};

		jwe.parts[PART_HEADER].data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		cr_expect_eq(decrypt_jwe(&specimens.ring, &jwe, &fault), -1, "bit %zu", bit);
		counts[find_stage(&fault)]++;
		clear_jwe(&jwe);
	}
	/* Another kid, and another typ or cty. */
	cr_expect_eq(counts[STAGE_KEY], 27, "%zu", counts[STAGE_KEY]);
	cr_expect_eq(counts[STAGE_TAG], 115, "%zu", counts[STAGE_TAG]);
}

/* Whether the two primitives open it, whatever the header says. */
static bool opens(const struct buffer parts[static PART_COUNT], const uint8_t *kek)
{
	uint8_t content_key[CONTENT_KEY_LEN];
	uint8_t plaintext[64];

	return unwrap_key(kek, parts[PART_KEY].data, content_key) &&
	       open_sealed(content_key,
			   &(const struct sealed){
				   parts[PART_IV].data, bytes_of_buffer(&parts[PART_HEADER]),
				   bytes_of_buffer(&parts[PART_CIPHERTEXT]), parts[PART_TAG].data},
			   plaintext);
}

/* As it was published, with its own tag. Its header, which names no kid, is not one of ours. */
Test(message_negatives, opens_no_flipped_bit_of_the_case_of_wycheproof)
{
	json_t *suite = load_vectors("tests/vectors/wycheproof/json_web_encryption_test.json");
	const json_t *private = NULL;
	struct bytes text = bytes_of_string(text_member(find_our_case(suite, &private), "jwe"));
	struct jwe jwe = take_apart(text);
	struct buffer header = encode_header(&jwe);

	set_part(&jwe, PART_HEADER, bytes_of_buffer(&header));
	cr_assert(opens(jwe.parts, specimens.rows[WYCHEPROOF].key->key));
	for (size_t part = 0; part < PART_COUNT; part++) {
		for (size_t bit = 0; bit < jwe.parts[part].len * 8; bit++) {
			jwe.parts[part].data[bit / 8] ^= (uint8_t)(1U << bit % 8);
			cr_expect_not(opens(jwe.parts, specimens.rows[WYCHEPROOF].key->key),
				      "part %zu, bit %zu", part, bit);
			jwe.parts[part].data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
	}
	cr_expect(opens(jwe.parts, specimens.rows[WYCHEPROOF].key->key));
	clear_buffer(&header);
	clear_jwe(&jwe);
	json_decref(suite);
}
