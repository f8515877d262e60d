#include "common/ca/service/seen_requests.h"

#include "common/wire/claims.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define S_US INT64_C(1000000)

static struct seen_requests seen;

static void set_up(void)
{
	init_seen_requests(&seen);
}

static void tear_down(void)
{
	clear_seen_requests(&seen);
}

TestSuite(seen_requests, .init = set_up, .fini = tear_down);

static struct bytes number(unsigned int which)
{
	static char text[64];

	(void)snprintf(text, sizeof(text), "header.key%u.iv.ciphertext.tag", which);
	return bytes_of_string(text);
}

static void remember(struct bytes jwe, int64_t now_us)
{
	uint8_t sha256[SHA256_LEN];

	digest_sha256(jwe, sha256);
	remember_request(&seen, jwe, sha256, now_us);
}

/* catalogue 108 */
Test(seen_requests, are_known_by_header_and_encrypted_key)
{
	static const struct {
		const char *jwe;
		bool known;
	} rows[] = {
		{"header.key.iv.ciphertext.tag", true},
		/* Nobody but the client can make one that can be decrypted. */
		{"header.key.iv.other.tag", true},
		{"header.key", true},
		{"other.key.iv.ciphertext.tag", false},
		{"header.other.iv.ciphertext.tag", false},
		{"header", false},
		{".", false},
		{"", false},
	};

	remember(bytes_of_string(rows[0].jwe), S_US);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(has_seen(&seen, bytes_of_string(rows[i].jwe), S_US), rows[i].known,
			     "%s", rows[i].jwe);
}

/* A client that uses a content key twice makes two requests. */
Test(seen_requests, are_known_by_all_of_their_octets)
{
	uint8_t first[SHA256_LEN];
	uint8_t second[SHA256_LEN];

	digest_sha256(bytes_of_string("header.key.iv.ciphertext.tag"), first);
	digest_sha256(bytes_of_string("header.key.iv.other.tag"), second);
	remember_request(&seen, bytes_of_string("header.key.iv.ciphertext.tag"), first, S_US);
	cr_expect(has_seen_whole(&seen, first, S_US));
	cr_expect_not(has_seen_whole(&seen, second, S_US));
}

/* From a clock that is ahead by a window, until that clock's request is stale. */
Test(seen_requests, are_known_for_as_long_as_they_can_be_fresh)
{
	for (int64_t begin_s = 1000; begin_s < 3000; begin_s += 100) {
		remember(number((unsigned int)begin_s), begin_s * S_US);
		cr_expect(has_seen(&seen, number((unsigned int)begin_s),
				   (begin_s + 2 * FRESHNESS_WINDOW_S - 1) * S_US));
	}
}

Test(seen_requests, are_forgotten_when_they_are_old)
{
	remember(number(1), S_US);
	cr_expect(has_seen(&seen, number(1), 2 * S_US));
	cr_expect_not(has_seen(&seen, number(1), (2 * SEEN_S + 2) * S_US));
	cr_expect_eq(seen.recent.count, 0);
	cr_expect_eq(seen.before.count, 0);
}

Test(seen_requests, are_counted_once_and_found_among_many)
{
	enum { MANY = 20000 };

	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < MANY; i++)
			remember(number(i), S_US);
	cr_expect_eq(seen.recent.count, 2 * MANY);
	for (unsigned int i = 0; i < MANY; i++)
		cr_assert(has_seen(&seen, number(i), S_US), "%u", i);
	cr_expect_not(has_seen(&seen, number(MANY), S_US));
}

/* catalogue 108 */
Test(seen_requests, never_take_more_than_a_bounded_memory)
{
	for (unsigned int i = 0; i < 3; i++) {
		remember(number(i), S_US);
		seen.recent.count = SEEN_MAX;
	}
	cr_expect(has_seen(&seen, number(2), S_US));
	cr_expect_not(has_seen(&seen, number(0), S_US), "the older half is forgotten");
}
