#include "common/pool/messages/certificate_memory.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const int64_t now_s = 1790000000;
static struct certificate_memory *memory;

static void set_up(void)
{
	OK(new_certificate_memory(&memory, &fault));
}

static void tear_down(void)
{
	free_certificate_memory(&memory);
}

TestSuite(certificate_memory, .init = set_up, .fini = tear_down);

/* Whether the certificates of that text, of which there is one more, are remembered. */
static bool remember(const char *peer, const char *first, const char *second, int64_t at_s)
{
	struct signed_message message = {.chain_count = second != NULL ? 2 : 1};
	bool remembered;

	append_string(&message.chain[0], first);
	if (second != NULL)
		append_string(&message.chain[1], second);
	remembered = remember_certificate(memory, peer, &message, at_s);
	clear_signed_message(&message);
	return remembered;
}

/* How many certificates that text's digest recalls; the second one is then as given. */
static size_t recall(const char *peer, const char *first, const char *second, int64_t at_s)
{
	struct signed_message message = {.by_digest = true};
	size_t count;

	digest_sha256(bytes_of_string(first), message.sha256);
	OK(recall_certificate(memory, peer, at_s, &message, &fault));
	count = message.chain_count;
	if (count > 0)
		cr_expect(equal_bytes(bytes_of_buffer(&message.chain[0]), bytes_of_string(first)));
	if (count > 1)
		cr_expect(equal_bytes(bytes_of_buffer(&message.chain[1]), bytes_of_string(second)));
	clear_signed_message(&message);
	return count;
}

/* catalogue 131 */
Test(certificate_memory, recalls_for_a_peer_what_that_peer_presented_last)
{
	cr_expect_eq(recall("client1", "leaf", NULL, now_s), 0);
	cr_expect(remember("client1", "leaf", "issuer", now_s));
	cr_expect_eq(recall("client1", "leaf", "issuer", now_s), 2);
	cr_expect_eq(recall("client2", "leaf", NULL, now_s), 0);
	cr_expect_eq(recall("client1", "issuer", NULL, now_s), 0);
	cr_expect(remember("client1", "leaf", "cross", now_s));
	cr_expect_eq(recall("client1", "leaf", "cross", now_s), 2);
	cr_expect(remember("client1", "leaf", NULL, now_s));
	cr_expect_eq(recall("client1", "leaf", NULL, now_s), 1);
}

static bool remember_number(const char *peer, int number, int64_t at_s)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%d", number);
	return remember(peer, text, NULL, at_s);
}

/* catalogue 130: neither one peer nor all together fill the receiver's memory */
Test(certificate_memory, leaves_out_what_is_too_much)
{
	char large[REMEMBERED_OCTETS + 2];
	char peer[NAME_SIZE];
	int count = 0;

	memset(large, 'x', sizeof(large));
	large[REMEMBERED_OCTETS + 1] = '\0';
	cr_expect_not(remember("client1", large, NULL, now_s));
	cr_expect_not(remember("client1", "leaf", large, now_s));
	large[REMEMBERED_OCTETS] = '\0';
	cr_expect(remember("client1", large, NULL, now_s));
	for (int i = 1; i < REMEMBERED_PER_PEER; i++)
		cr_assert(remember_number("client1", i, now_s), "%d", i);
	cr_expect_not(remember_number("client1", REMEMBERED_PER_PEER, now_s));
	cr_expect_eq(recall("client1", "1", NULL, now_s), 1, "what is there stays");
	cr_expect(remember_number("client1", 1, now_s));
	for (int i = 0; i < 20; i++) {
		(void)snprintf(peer, sizeof(peer), "peer%d", i);
		for (int j = 0; j < REMEMBERED_PER_PEER; j++)
			count += remember_number(peer, j, now_s) ? 1 : 0;
	}
	cr_expect_eq(count, REMEMBERED_MAX - REMEMBERED_PER_PEER);
}

Test(certificate_memory, forgets_what_was_not_used_for_an_hour_by_a_clock_that_moves)
{
	for (int i = 0; i < REMEMBERED_PER_PEER; i++)
		cr_assert(remember_number("client1", i, now_s));
	cr_expect_eq(recall("client1", "7", NULL, now_s + 1), 1);
	cr_expect_not(remember("client1", "new", NULL, now_s + REMEMBERED_S));
	cr_expect(remember("client1", "new", NULL, now_s + REMEMBERED_S + 1));
	cr_expect_eq(recall("client1", "7", NULL, now_s + REMEMBERED_S + 1), 1);
	cr_expect_eq(recall("client1", "8", NULL, now_s + REMEMBERED_S + 1), 0);
	cr_expect(remember("client1", "old", NULL, now_s - 2));
	cr_expect_eq(recall("client1", "7", NULL, now_s - 2), 0, "set back by more than an hour");
	cr_expect_eq(recall("client1", "old", NULL, now_s - 2), 1);
}

/* A question makes room, too: what is not asked for stays no longer because nothing new comes. */
Test(certificate_memory, recalls_nothing_that_was_not_used_for_an_hour)
{
	cr_assert(remember("client1", "leaf", NULL, now_s));
	cr_expect_eq(recall("client1", "leaf", NULL, now_s + REMEMBERED_S), 1);
	cr_expect_eq(recall("client1", "leaf", NULL, now_s + 2 * REMEMBERED_S + 1), 0);
	cr_assert(remember("client1", "leaf", NULL, now_s));
	cr_expect_eq(recall("client1", "leaf", NULL, now_s - REMEMBERED_S - 1), 0);
}

Test(certificate_memory, knows_for_a_sender_what_the_receiver_remembers)
{
	const uint8_t one[SHA256_LEN] = {1};
	const uint8_t other[SHA256_LEN] = {2};
	struct known_certificates known;

	init_known_certificates(&known);
	cr_expect_not(is_known_certificate(&known, 1, one));
	note_known_certificate(&known, 1, one, true);
	cr_expect(is_known_certificate(&known, 1, one));
	cr_expect_not(is_known_certificate(&known, 1, other), "renewed");
	cr_expect_not(is_known_certificate(&known, 2, one));
	note_known_certificate(&known, 1, other, false);
	cr_expect(is_known_certificate(&known, 1, one), "another thread's news are newer");
	note_known_certificate(&known, 1, one, false);
	cr_expect_not(is_known_certificate(&known, 1, one));
	note_known_certificate(&known, 1, one, true);
	note_known_certificate(&known, 1 + KNOWN_MAX, other, true);
	cr_expect_not(is_known_certificate(&known, 1, one));
	clear_known_certificates(&known);
}
