#include "common/crypto/aes.h"

#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One Wycheproof AES-GCM case: open_sealed gives the message or nothing, seal the ciphertext. */
static void run_gcm_case(const json_t *test)
{
	struct buffer key = hex_member(test, "key");
	struct buffer iv = hex_member(test, "iv");
	struct buffer aad = hex_member(test, "aad");
	struct buffer message = hex_member(test, "msg");
	struct buffer ciphertext = hex_member(test, "ct");
	struct buffer tag = hex_member(test, "tag");
	bool valid = strcmp(text_member(test, "result"), "valid") == 0;
	const struct sealed sealed = {.iv = iv.data,
				      .associated = bytes_of_buffer(&aad),
				      .ciphertext = bytes_of_buffer(&ciphertext),
				      .tag = tag.data};
	json_int_t id = json_integer_value(json_object_get(test, "tcId"));
	uint8_t *out = calloc(1, ciphertext.len + 1);
	uint8_t made_tag[GCM_TAG_LEN];

	cr_assert_not_null(out);
	cr_expect_eq(open_sealed(key.data, &sealed, out), valid, "case %d", (int)id);
	if (valid) {
		cr_expect(memcmp(out, message.data, message.len) == 0, "case %d", (int)id);
		seal(key.data, iv.data, bytes_of_buffer(&aad), bytes_of_buffer(&message), out,
		     made_tag);
		cr_expect(memcmp(out, ciphertext.data, ciphertext.len) == 0, "case %d", (int)id);
		cr_expect_arr_eq(made_tag, tag.data, GCM_TAG_LEN);
	}
	free(out);
	clear_buffer(&key);
	clear_buffer(&iv);
	clear_buffer(&aad);
	clear_buffer(&message);
	clear_buffer(&ciphertext);
	clear_buffer(&tag);
}

Test(aes, agrees_with_wycheproof_aes_gcm)
{
	json_t *suite = load_vectors("tests/vectors/wycheproof/aes_gcm_test.json");
	struct tally tally = {.suite = "Wycheproof AES-GCM"};
	size_t i;
	size_t j;
	json_t *group;
	json_t *test;

	json_array_foreach(json_object_get(suite, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, test)
		{
			if (json_integer_value(json_object_get(group, "keySize")) != 256) {
				skip(&tally, "key of 128 or 192 bits");
			} else if (json_integer_value(json_object_get(group, "ivSize")) != 96) {
				skip(&tally, "IV of other than 96 bits");
			} else {
				run_gcm_case(test);
				tally.run++;
			}
		}
	}
	report_tally(&tally, 66, 316);
	json_decref(suite);
}

static void run_wrap_case(struct bytes kek, struct bytes wrapped, struct bytes key, bool valid,
			  int id)
{
	uint8_t out[CONTENT_KEY_LEN];
	uint8_t again[WRAPPED_KEY_LEN];

	cr_assert_eq(kek.len, SHARED_KEY_LEN);
	cr_expect_eq(unwrap_key(kek.data, wrapped.data, out), valid, "case %d", id);
	if (!valid)
		return;
	cr_expect(memcmp(out, key.data, CONTENT_KEY_LEN) == 0, "case %d", id);
	wrap_key(kek.data, key.data, again);
	cr_expect(memcmp(again, wrapped.data, WRAPPED_KEY_LEN) == 0, "case %d", id);
}

Test(aes, agrees_with_wycheproof_aes_wrap)
{
	json_t *suite = load_vectors("tests/vectors/wycheproof/aes_wrap_test.json");
	struct tally tally = {.suite = "Wycheproof AES-WRAP"};
	size_t i;
	size_t j;
	json_t *group;
	json_t *test;

	json_array_foreach(json_object_get(suite, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, test)
		{
			struct buffer kek = hex_member(test, "key");
			struct buffer key = hex_member(test, "msg");
			struct buffer wrapped = hex_member(test, "ct");

			if (kek.len != SHARED_KEY_LEN) {
				skip(&tally, "key-encryption key of 128 or 192 bits");
			} else if (wrapped.len != WRAPPED_KEY_LEN) {
				skip(&tally, "wrapped key of other than 40 octets: refused before");
			} else {
				run_wrap_case(
					bytes_of_buffer(&kek), bytes_of_buffer(&wrapped),
					bytes_of_buffer(&key),
					strcmp(text_member(test, "result"), "valid") == 0,
					(int)json_integer_value(json_object_get(test, "tcId")));
				tally.run++;
			}
			clear_buffer(&kek);
			clear_buffer(&key);
			clear_buffer(&wrapped);
		}
	}
	report_tally(&tally, 16, 165);
	json_decref(suite);
}

/* K, C and P of the CAVP files, which say FAIL where unwrapping must fail. */
struct cavp_case {
	struct buffer kek;
	struct buffer wrapped;
	struct buffer key;
	bool fail;
};

static void finish_cavp_case(struct cavp_case *row, struct tally *tally)
{
	if (row->wrapped.len == WRAPPED_KEY_LEN) {
		run_wrap_case(bytes_of_buffer(&row->kek), bytes_of_buffer(&row->wrapped),
			      bytes_of_buffer(&row->key), !row->fail, (int)tally->run);
		tally->run++;
	} else {
		skip(tally, "wrapped key of other than 40 octets: refused before");
	}
	clear_buffer(&row->kek);
	clear_buffer(&row->wrapped);
	clear_buffer(&row->key);
	*row = (struct cavp_case){0};
}

static void run_cavp(const char *path, char last, size_t run, size_t total)
{
	FILE *file = fopen(path, "r");
	struct cavp_case row = {0};
	struct tally tally = {.suite = path};
	char line[4096];

	cr_assert_not_null(file, "%s", path);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (strncmp(line, "K = ", 4) == 0)
			row.kek = decode_hex(line + 4);
		else if (strncmp(line, "C = ", 4) == 0)
			row.wrapped = decode_hex(line + 4);
		else if (strncmp(line, "P = ", 4) == 0)
			row.key = decode_hex(line + 4);
		else if (strcmp(line, "FAIL") == 0)
			row.fail = true;
		if ((line[0] == last && line[1] == ' ') || row.fail)
			finish_cavp_case(&row, &tally);
	}
	fclose(file);
	report_tally(&tally, run, total);
}

Test(aes, agrees_with_nist_key_wrap)
{
	run_cavp("tests/vectors/keywrap/KW_AE_256.txt", 'C', 100, 500);
	run_cavp("tests/vectors/keywrap/KW_AD_256.txt", 'P', 100, 500);
}
