#include "common/pool/messages/signer_cache.h"

#include "common/pool/members/known_revocations.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct signer_cache *open_cache(const struct fixture *fixture, size_t size)
{
	struct signer_cache *cache = NULL;

	OK(new_signer_cache(fixture->layouts[0], "client1", size, &cache, &fault));
	return cache;
}

static struct signer *get(struct signer_cache *cache, size_t index, int64_t now_s)
{
	struct signer *signer = NULL;

	OK(open_signer(cache, index, now_s, &signer, &fault));
	cr_assert_eq(signer->member.index, index);
	return signer;
}

/* A certified pool, and a signer cache that has its first member. */
struct cache_fixture {
	struct fixture base;
	struct signer_cache *cache;
	struct signer *first;
};

static void open_cache_fixture(struct cache_fixture *fixture)
{
	open_fixture(&fixture->base);
	make_certified_pool(&fixture->base, 0);
	fixture->cache = open_cache(&fixture->base, POOL_SIZE);
	fixture->first = get(fixture->cache, 1, fixture->base.now_s);
}

static void close_cache_fixture(struct cache_fixture *fixture)
{
	release_signer(&fixture->first);
	free_signer_cache(&fixture->cache);
	close_fixture(&fixture->base);
}

static void expect_refusal(struct cache_fixture *fixture, int64_t now_s, enum fault_class class,
			   const char *text)
{
	CLEANUP(release_signer) struct signer *signer = NULL;

	REFUSED(open_signer(fixture->cache, 1, now_s, &signer, &fault), class, text);
	cr_assert_null(signer);
}

Test(signer_cache, refuses_a_cached_member_that_has_expired)
{
	struct cache_fixture fixture;
	int64_t end_s;

	open_cache_fixture(&fixture);
	end_s = certificate_not_after(fixture.first->member.certificate);
	expect_refusal(&fixture, end_s + 1, FAULT_REFUSED, "expired");
	expect_refusal(&fixture, certificate_not_before(fixture.first->member.certificate) - 1,
		       FAULT_REFUSED, "not yet valid");
	close_cache_fixture(&fixture);
}

Test(signer_cache, refuses_a_cached_member_whose_key_was_removed)
{
	struct cache_fixture fixture;

	open_cache_fixture(&fixture);
	cr_assert_eq(unlinkat(fixture.base.layouts[0]->private, "private_key1.key", 0), 0);
	expect_refusal(&fixture, fixture.base.now_s, FAULT_NOT_FOUND, "private_key1.key");
	close_cache_fixture(&fixture);
}

Test(signer_cache, refuses_a_cached_member_whose_certificate_was_removed)
{
	struct cache_fixture fixture;

	open_cache_fixture(&fixture);
	cr_assert_eq(unlinkat(fixture.base.layouts[0]->cert, "cert_key1.crt", 0), 0);
	expect_refusal(&fixture, fixture.base.now_s, FAULT_NOT_FOUND,
		       "member 1 has no certificate");
	close_cache_fixture(&fixture);
}

/* Size and names of both files stay the same. */
Test(signer_cache, refuses_a_cached_member_whose_key_was_replaced)
{
	struct cache_fixture fixture;
	CLEANUP(clear_buffer) struct buffer other = {0};

	open_cache_fixture(&fixture);
	other = get_file(fixture.base.layouts[0]->private, "private_key2.key");
	cr_assert_eq(unlinkat(fixture.base.layouts[0]->private, "private_key1.key", 0), 0);
	put_file(fixture.base.layouts[0]->private, "private_key1.key", (char *)other.data, 0600);
	expect_refusal(&fixture, fixture.base.now_s, FAULT_REFUSED, "not the key of member 1");
	close_cache_fixture(&fixture);
}

Test(signer_cache, opens_a_renewed_member_again)
{
	struct cache_fixture fixture;
	CLEANUP(release_signer) struct signer *again = NULL;

	open_cache_fixture(&fixture);
	cr_assert_eq(unlinkat(fixture.base.layouts[0]->cert, "cert_key1.crt", 0), 0);
	certify_member(&fixture.base, 0, 1, fixture.base.now_s - 300, fixture.base.now_s + 7200);
	again = get(fixture.cache, 1, fixture.base.now_s);
	cr_assert_neq(again, fixture.first);
	cr_assert_eq(certificate_not_after(again->member.certificate), fixture.base.now_s + 7200);
	close_cache_fixture(&fixture);
}

Test(signer_cache, caches_an_opened_member)
{
	struct cache_fixture fixture;
	CLEANUP(release_signer) struct signer *again = NULL;

	open_cache_fixture(&fixture);
	again = get(fixture.cache, 1, fixture.base.now_s);
	cr_assert_eq(again, fixture.first);
	close_cache_fixture(&fixture);
}

Test(signer_cache, refuses_to_draw_from_a_pool_in_which_no_member_can_sign)
{
	struct fixture fixture;
	CLEANUP(free_signer_cache) struct signer_cache *cache = NULL;
	CLEANUP(release_signer) struct signer *signer = NULL;

	open_fixture(&fixture);
	cache = open_cache(&fixture, POOL_SIZE);
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 2, fixture.now_s - 7200, fixture.now_s - 1);
	REFUSED(draw_signer(cache, fixture.now_s, &signer, &fault), FAULT_NOT_FOUND,
		"none of the pool's 3 members can sign: 3 keys; certificates: 0 valid, 0 revoked, "
		"0 damaged, 1 expired: run certpool keep client1");
	close_fixture(&fixture);
}

static void know_revoked(const struct fixture *fixture, const struct certificate *certificate)
{
	struct known_revocation item = {.end_s = certificate_not_after(certificate),
					.revoked_at_s = fixture->now_s,
					.reason = 1};
	const struct known_revocations news = {&item, 1};

	memcpy(item.serial, certificate_serial(certificate).data, SERIAL_MAX);
	OK(add_known_revocations(fixture->layouts[0], "client1", KNOWN_ADD, &news, fixture->now_s,
				 &fault));
}

Test(signer_cache, refuses_a_cached_member_that_has_become_known_to_be_revoked)
{
	struct cache_fixture fixture;

	open_cache_fixture(&fixture);
	know_revoked(&fixture.base, fixture.first->member.certificate);
	expect_refusal(&fixture, fixture.base.now_s, FAULT_REFUSED,
		       "(keyCompromise): use another member, or run certpool keep client1");
	close_cache_fixture(&fixture);
}

Test(signer_cache, never_draws_a_member_that_is_revoked_or_damaged)
{
	struct cache_fixture fixture;

	open_cache_fixture(&fixture);
	know_revoked(&fixture.base, fixture.first->member.certificate);
	put_file(fixture.base.layouts[0]->cert, "cert_key2.crt", "-----BEGIN CERT", 0644);
	for (int i = 0; i < 50; i++) {
		CLEANUP(release_signer) struct signer *signer = NULL;

		OK(draw_signer(fixture.cache, fixture.base.now_s, &signer, &fault));
		cr_assert_eq(signer->member.index, 3);
	}
	close_cache_fixture(&fixture);
}

Test(signer_cache, draws_nobody_while_what_is_known_to_be_revoked_cannot_be_read)
{
	struct cache_fixture fixture;
	CLEANUP(release_signer) struct signer *signer = NULL;

	open_cache_fixture(&fixture);
	put_file(fixture.base.layouts[0]->state, "revoked", "x", 0600);
	REFUSED(draw_signer(fixture.cache, fixture.base.now_s, &signer, &fault), FAULT_MALFORMED,
		"state/revoked: expected a line end at the end: run certpool keep client1");
	close_cache_fixture(&fixture);
}

Test(signer_cache, always_draws_the_only_one_that_can_sign)
{
	struct fixture fixture;
	CLEANUP(free_signer_cache) struct signer_cache *cache = NULL;

	open_fixture(&fixture);
	cache = open_cache(&fixture, POOL_SIZE);
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 1, fixture.now_s - 7200, fixture.now_s - 1);
	certify_member(&fixture, 0, 2, fixture.now_s - 300, fixture.now_s + 3600);
	certify_member(&fixture, 0, 3, fixture.now_s - 300, fixture.now_s + 3600);
	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "private_key3.key", 0), 0);
	for (int i = 0; i < 50; i++) {
		CLEANUP(release_signer) struct signer *signer = NULL;

		OK(draw_signer(cache, fixture.now_s, &signer, &fault));
		cr_assert_eq(signer->member.index, 2);
	}
	close_fixture(&fixture);
}

Test(signer_cache, finds_the_few_that_can_sign_in_a_large_pool)
{
	struct fixture fixture;
	CLEANUP(free_signer_cache) struct signer_cache *cache = NULL;
	size_t drawn[2] = {0};

	open_fixture(&fixture);
	cache = open_cache(&fixture, 5000);
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 2, fixture.now_s - 300, fixture.now_s + 3600);
	certify_member(&fixture, 0, 3, fixture.now_s - 300, fixture.now_s + 3600);
	/* 150 draws of two: that one of them never comes has a probability of 2^-149. */
	for (int i = 0; i < 150; i++) {
		CLEANUP(release_signer) struct signer *signer = NULL;

		OK(draw_signer(cache, fixture.now_s, &signer, &fault));
		cr_assert(signer->member.index == 2 || signer->member.index == 3);
		drawn[signer->member.index - 2]++;
	}
	cr_assert_gt(drawn[0], 0);
	cr_assert_gt(drawn[1], 0);
	close_fixture(&fixture);
}

Test(signer_cache, draws_every_member_of_a_pool)
{
	struct fixture fixture;
	CLEANUP(free_signer_cache) struct signer_cache *cache = NULL;
	size_t drawn[11] = {0};

	open_fixture(&fixture);
	cache = open_cache(&fixture, 10);
	fixture.clients[0].pool.size = 10;
	make_certified_pool(&fixture, 0);
	/* That one of ten never comes in 1,000 draws has a probability below 10 · 0.9^1000. */
	for (int i = 0; i < 1000; i++) {
		CLEANUP(release_signer) struct signer *signer = NULL;

		OK(draw_signer(cache, fixture.now_s, &signer, &fault));
		drawn[signer->member.index]++;
	}
	for (size_t i = 1; i <= 10; i++)
		cr_assert_gt(drawn[i], 0, "member %zu", i);
	close_fixture(&fixture);
}
