#include "common/pool/messages/chain_cache.h"

#include "common/crypto/key_file.h"
#include "common/x509/chain.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

enum { HOUR_S = 3600 };

/* Certificates of client1's members, valid for an hour, and what was verified of them. */
struct stand {
	struct fixture fixture;
	struct chain_cache *verified;
};

static struct chain_cache *open_verified(const struct issuer *issuer, size_t most)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	struct chain_cache *verified = NULL;
	struct fault fault = {0};

	cr_assert_eq(
		parse_certificate_der(certificate_der(issuer_certificate(issuer)), &root, &fault),
		0, "%s", fault.text);
	cr_assert_eq(new_chain_cache(&root, most, &verified, &fault), 0, "%s", fault.text);
	return verified;
}

static void open_stand(struct stand *stand, size_t most)
{
	open_fixture(&stand->fixture);
	make_client_pool(&stand->fixture, 0);
	for (size_t i = 1; i <= POOL_SIZE; i++)
		certify_member(&stand->fixture, 0, i, stand->fixture.now_s - HOUR_S,
			       stand->fixture.now_s + HOUR_S);
	stand->verified = open_verified(stand->fixture.issuer, most);
}

static void close_stand(struct stand *stand)
{
	free_chain_cache(&stand->verified);
	close_fixture(&stand->fixture);
}

/* A message that shows the member's certificate, or what is given. */
static struct signed_message show(const struct stand *stand, size_t member)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct signed_message message = {.chain_count = 1};
	struct fault fault = {0};
	char name[FILE_NAME_SIZE];

	name_certificate(member, name);
	pem = get_file(stand->fixture.layouts[0]->cert, name);
	cr_assert_eq(unwrap_certificate_pem(bytes_of_buffer(&pem), &message.chain[0], &fault), 0);
	return message;
}

static struct presented_chain *verify(struct chain_cache *verified,
				      const struct signed_message *message, int64_t now_s,
				      struct verdict *verdict)
{
	struct presented_chain *chain = NULL;
	struct fault fault = {0};

	cr_assert_eq(verify_presented_chain(verified, message, now_s, &chain, verdict, &fault), 0,
		     "%s", fault.text);
	return chain;
}

/* Shows the member's certificate, which must hold. */
static struct presented_chain *verify_member(struct stand *stand, size_t member)
{
	struct signed_message message = show(stand, member);
	struct verdict verdict = {0};
	struct presented_chain *chain =
		verify(stand->verified, &message, stand->fixture.now_s, &verdict);

	cr_assert(!verdict.invalid, "%s", verdict.reason);
	cr_assert_not_null(chain->issuer);
	clear_signed_message(&message);
	return chain;
}

static void expect_refusal(struct chain_cache *verified, const struct signed_message *message,
			   int64_t now_s, const char *text)
{
	CLEANUP(release_presented_chain) struct presented_chain *chain = NULL;
	struct verdict verdict = {0};

	chain = verify(verified, message, now_s, &verdict);
	cr_assert(verdict.invalid);
	cr_assert_not_null(strstr(verdict.reason, text), "%s", verdict.reason);
	cr_assert_not_null(chain);
}

/* catalogue 10: the signer's time, and the root's */
Test(chain_cache, refuses_what_is_kept_and_is_not_valid_now)
{
	static const struct {
		int64_t offset_s;
		const char *reason;
	} rows[] = {
		{HOUR_S + 1, "certificate CN=client1-1: RFC 5280 section 4.1.2.5: expired"},
		{-HOUR_S - 1, "certificate CN=client1-1: RFC 5280 section 4.1.2.5: not yet valid"},
		{101 * 24 * HOUR_S, "root CN=Test Root: RFC 5280 section 4.1.2.5: expired"},
	};
	struct stand stand;
	struct signed_message message;
	struct presented_chain *chain;

	open_stand(&stand, CHAIN_CACHE_MAX);
	chain = verify_member(&stand, 1);
	message = show(&stand, 1);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refusal(stand.verified, &message, stand.fixture.now_s + rows[i].offset_s,
			       rows[i].reason);
	clear_signed_message(&message);
	release_presented_chain(&chain);
	close_stand(&stand);
}

/* catalogue 9: a root of the same name */
Test(chain_cache, refuses_under_another_root_what_held_under_one)
{
	struct stand stand;
	struct signed_message message;
	struct presented_chain *chain;
	struct chain_cache *other;

	open_stand(&stand, CHAIN_CACHE_MAX);
	chain = verify_member(&stand, 1);
	message = show(&stand, 1);
	other = open_verified(stand.fixture.other_issuer, CHAIN_CACHE_MAX);
	expect_refusal(other, &message, stand.fixture.now_s, "");
	free_chain_cache(&other);
	clear_signed_message(&message);
	release_presented_chain(&chain);
	close_stand(&stand);
}

Test(chain_cache, refuses_each_time_what_does_not_hold)
{
	struct stand stand;
	struct signed_message message;

	open_stand(&stand, CHAIN_CACHE_MAX);
	message = show(&stand, 1);
	message.chain[0].data[message.chain[0].len - 1] ^= 1;
	for (int i = 0; i < 3; i++)
		expect_refusal(stand.verified, &message, stand.fixture.now_s, "RFC 5280");
	clear_signed_message(&message);
	close_stand(&stand);
}

/* Its first octets are those of one that is kept. */
Test(chain_cache, refuses_another_chain_that_begins_like_one_that_is_kept)
{
	struct stand stand;
	struct signed_message message;
	struct presented_chain *chain;

	open_stand(&stand, CHAIN_CACHE_MAX);
	chain = verify_member(&stand, 1);
	message = show(&stand, 1);
	append_string(&message.chain[1], "no certificate");
	message.chain_count = 2;
	expect_refusal(stand.verified, &message, stand.fixture.now_s, "x5c: certificate 2");
	clear_signed_message(&message);
	release_presented_chain(&chain);
	close_stand(&stand);
}

Test(chain_cache, says_nothing_of_a_signer_that_cannot_be_read)
{
	struct stand stand;
	struct signed_message message = {.chain_count = 1};
	struct verdict verdict = {0};

	open_stand(&stand, CHAIN_CACHE_MAX);
	append_string(&message.chain[0], "no certificate");
	cr_assert_null(verify(stand.verified, &message, stand.fixture.now_s, &verdict));
	cr_assert_not_null(strstr(verdict.reason, "x5c: certificate 1"), "%s", verdict.reason);
	clear_signed_message(&message);
	close_stand(&stand);
}

Test(chain_cache, keeps_what_holds)
{
	struct stand stand;
	struct presented_chain *first;
	struct presented_chain *again;

	open_stand(&stand, CHAIN_CACHE_MAX);
	first = verify_member(&stand, 1);
	again = verify_member(&stand, 1);
	cr_assert_eq(again, first);
	release_presented_chain(&again);
	release_presented_chain(&first);
	close_stand(&stand);
}

Test(chain_cache, drops_what_was_not_shown_for_longest)
{
	struct stand stand;
	struct presented_chain *chains[POOL_SIZE + 1];
	struct presented_chain *again;

	open_stand(&stand, 2);
	chains[1] = verify_member(&stand, 1);
	chains[2] = verify_member(&stand, 2);
	again = verify_member(&stand, 1);
	release_presented_chain(&again);
	chains[3] = verify_member(&stand, 3);
	again = verify_member(&stand, 1);
	cr_assert_eq(again, chains[1]);
	release_presented_chain(&again);
	/* Who still holds one that was dropped can use it; it is verified anew for others. */
	again = verify_member(&stand, 2);
	cr_assert_neq(again, chains[2]);
	cr_assert_str_eq(certificate_subject(chains[2]->certificates[0]), "CN=client1-2");
	release_presented_chain(&again);
	for (size_t i = 1; i <= POOL_SIZE; i++)
		release_presented_chain(&chains[i]);
	close_stand(&stand);
}
