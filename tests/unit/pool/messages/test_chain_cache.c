#include "common/pool/messages/chain_cache.h"

#include "common/crypto/key_file.h"
#include "common/x509/chain.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

enum { HOUR_S = 3600 };

/* Certificates of client1's members, valid for an hour, and a cache of their chains. */
struct cache_fixture {
	struct fixture base;
	struct chain_cache *cache;
};

static struct cache_fixture fixture;

static struct chain_cache *open_cache(const struct issuer *issuer, size_t max_count)
{
	struct roots roots = {0};
	struct intermediates known = {0};
	struct chain_cache *cache = NULL;

	OK(parse_certificate_der(certificate_der(issuer_certificate(issuer)), &roots.root, &fault));
	OK(new_chain_cache(&roots, &known, max_count, &cache, &fault));
	return cache;
}

static void set_up(void)
{
	open_fixture(&fixture.base);
	make_client_pool(&fixture.base, 0);
	for (size_t i = 1; i <= POOL_SIZE; i++)
		certify_member(&fixture.base, 0, i, fixture.base.now_s - HOUR_S,
			       fixture.base.now_s + HOUR_S);
	fixture.cache = open_cache(fixture.base.issuer, CHAIN_CACHE_MAX);
}

static void tear_down(void)
{
	free_chain_cache(&fixture.cache);
	close_fixture(&fixture.base);
}

TestSuite(chain_cache, .init = set_up, .fini = tear_down);

/* A message that presents the member's certificate. */
static struct signed_message present(size_t member)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct signed_message message = {.chain_count = 1};
	char name[FILE_NAME_SIZE];

	name_certificate(member, name);
	pem = get_file(fixture.base.layouts[0]->cert, name);
	OK(unwrap_certificate_pem(bytes_of_buffer(&pem), &message.chain[0], &fault));
	return message;
}

static struct presented_chain *verify(struct chain_cache *cache,
				      const struct signed_message *message, int64_t now_s,
				      struct verdict *verdict)
{
	struct presented_chain *chain = NULL;

	OK(verify_presented_chain(cache, message, now_s, &chain, verdict, &fault));
	return chain;
}

/* Verifies a message with the member's certificate, which must be valid. */
static struct presented_chain *verify_member(size_t member)
{
	struct signed_message message = present(member);
	struct verdict verdict = {0};
	struct presented_chain *chain =
		verify(fixture.cache, &message, fixture.base.now_s, &verdict);

	cr_assert(!verdict.invalid, "%s", verdict.reason);
	cr_assert_eq(chain->path.count, (size_t)2);
	clear_signed_message(&message);
	return chain;
}

static void expect_refusal(struct chain_cache *cache, const struct signed_message *message,
			   int64_t now_s, const char *text)
{
	CLEANUP(release_presented_chain) struct presented_chain *chain = NULL;
	struct verdict verdict = {0};

	chain = verify(cache, message, now_s, &verdict);
	cr_assert(verdict.invalid);
	cr_assert_not_null(strstr(verdict.reason, text), "%s", verdict.reason);
	cr_assert_not_null(chain);
}

/* catalogue 10: the signer's validity, and the root's */
Test(chain_cache, refuses_a_cached_chain_that_is_not_valid_now)
{
	static const struct {
		int64_t offset_s;
		const char *reason;
	} rows[] = {
		{HOUR_S + 1, "certificate CN=client1-1: RFC 5280 section 4.1.2.5: expired"},
		{-HOUR_S - 1, "certificate CN=client1-1: RFC 5280 section 4.1.2.5: not yet valid"},
		{101 * 24 * HOUR_S, "root CN=Test Root: RFC 5280 section 4.1.2.5: expired"},
	};
	struct signed_message message;
	struct presented_chain *chain;

	chain = verify_member(1);
	message = present(1);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refusal(fixture.cache, &message, fixture.base.now_s + rows[i].offset_s,
			       rows[i].reason);
	clear_signed_message(&message);
	release_presented_chain(&chain);
}

/* catalogue 9: a root of the same name */
Test(chain_cache, refuses_a_chain_of_another_root)
{
	struct signed_message message;
	struct presented_chain *chain;
	struct chain_cache *other;

	chain = verify_member(1);
	message = present(1);
	other = open_cache(fixture.base.other_issuer, CHAIN_CACHE_MAX);
	expect_refusal(other, &message, fixture.base.now_s, "");
	free_chain_cache(&other);
	clear_signed_message(&message);
	release_presented_chain(&chain);
}

Test(chain_cache, refuses_an_invalid_chain_every_time)
{
	struct signed_message message;

	message = present(1);
	message.chain[0].data[message.chain[0].len - 1] ^= 1;
	for (int i = 0; i < 3; i++)
		expect_refusal(fixture.cache, &message, fixture.base.now_s, "RFC 5280");
	clear_signed_message(&message);
}

/* Its first certificate is that of a cached chain. */
/* catalogue 124: a certificate that nobody needs does not matter; the cached chain is another */
Test(chain_cache, leaves_out_a_certificate_that_cannot_be_parsed)
{
	struct signed_message message;
	struct presented_chain *chain;
	struct presented_chain *longer;
	struct verdict verdict = {0};

	chain = verify_member(1);
	message = present(1);
	append_string(&message.chain[1], "no certificate");
	message.chain_count = 2;
	longer = verify(fixture.cache, &message, fixture.base.now_s, &verdict);
	cr_expect_str_eq(verdict.reason, "");
	cr_expect_neq(longer, chain);
	cr_expect_eq(longer->count, (size_t)1);
	clear_signed_message(&message);
	release_presented_chain(&longer);
	release_presented_chain(&chain);
}

Test(chain_cache, returns_no_chain_for_a_signer_that_cannot_be_parsed)
{
	struct signed_message message = {.chain_count = 1};
	struct verdict verdict = {0};

	append_string(&message.chain[0], "no certificate");
	cr_assert_null(verify(fixture.cache, &message, fixture.base.now_s, &verdict));
	cr_assert_not_null(strstr(verdict.reason, "x5c: certificate 1"), "%s", verdict.reason);
	clear_signed_message(&message);
}

Test(chain_cache, caches_a_verified_chain)
{
	struct presented_chain *first;
	struct presented_chain *again;

	first = verify_member(1);
	again = verify_member(1);
	cr_assert_eq(again, first);
	release_presented_chain(&again);
	release_presented_chain(&first);
}

Test(chain_cache, drops_the_least_recently_used_chain)
{
	struct presented_chain *chains[POOL_SIZE + 1];
	struct presented_chain *again;

	free_chain_cache(&fixture.cache);
	fixture.cache = open_cache(fixture.base.issuer, 2);
	chains[1] = verify_member(1);
	chains[2] = verify_member(2);
	again = verify_member(1);
	release_presented_chain(&again);
	chains[3] = verify_member(3);
	again = verify_member(1);
	cr_assert_eq(again, chains[1]);
	release_presented_chain(&again);
	/* A dropped chain can be used until it is released; the next message verifies it again. */
	again = verify_member(2);
	cr_assert_neq(again, chains[2]);
	cr_assert_str_eq(certificate_subject(chains[2]->certificates[0]), "CN=client1-2");
	release_presented_chain(&again);
	for (size_t i = 1; i <= POOL_SIZE; i++)
		release_presented_chain(&chains[i]);
}

/* A root that the client pins while it receives is trusted, and one that it drops is not, although
   the chain was cached. catalogue 76 */
Test(chain_cache, follows_the_roots_that_are_pinned)
{
	const struct layout *layout = fixture.base.layouts[0];
	struct signed_message message = present(1);
	struct presented_chain *chain = NULL;
	struct verdict verdict = {0};
	struct roots roots = {0};
	struct roots others = {0};

	OK(read_roots(layout, &roots, &fault));
	OK(refresh_trust(fixture.cache, layout, &fault));
	chain = verify_member(1);
	release_presented_chain(&chain);
	/* The root of somebody else takes its place. */
	OK(parse_certificate_der(certificate_der(issuer_certificate(fixture.base.other_issuer)),
				 &others.root, &fault));
	OK(replace_roots(layout, &others, &fault));
	chain = verify_member(1);
	release_presented_chain(&chain);
	OK(refresh_trust(fixture.cache, layout, &fault));
	chain = verify(fixture.cache, &message, fixture.base.now_s, &verdict);
	cr_expect(verdict.invalid);
	release_presented_chain(&chain);
	/* The first one beside it is trusted again. */
	OK(replace_roots(layout, &roots, &fault));
	OK(refresh_trust(fixture.cache, layout, &fault));
	chain = verify_member(1);
	release_presented_chain(&chain);
	clear_signed_message(&message);
	clear_roots(&roots);
	clear_roots(&others);
}

Test(chain_cache, goes_on_when_the_pinned_roots_cannot_be_read)
{
	const struct layout *layout = fixture.base.layouts[0];
	struct presented_chain *chain = NULL;

	put_file(layout->cert, ROOT_FILE, "no certificate", 0644);
	REFUSED(refresh_trust(fixture.cache, layout, &fault), FAULT_MALFORMED, "root.crt");
	OK(refresh_trust(fixture.cache, layout, &fault));
	chain = verify_member(1);
	release_presented_chain(&chain);
}
