#include "common/pool/messages/signer_cache.h"

#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

static struct signer_cache *open_signers(const struct fixture *fixture, size_t size)
{
	struct signer_cache *signers = NULL;
	struct fault fault = {0};

	cr_assert_eq(new_signer_cache(fixture->layouts[0], size, &signers, &fault), 0, "%s",
		     fault.text);
	return signers;
}

static struct signer *get(struct signer_cache *signers, size_t index, int64_t now_s)
{
	struct signer *signer = NULL;
	struct fault fault = {0};

	cr_assert_eq(open_signer(signers, index, now_s, &signer, &fault), 0, "%s", fault.text);
	cr_assert_eq(signer->member.index, index);
	return signer;
}

/* A pool that is certified, and its signers, of which the first was opened. */
struct kept {
	struct fixture fixture;
	struct signer_cache *signers;
	struct signer *first;
};

static void open_kept(struct kept *kept)
{
	open_fixture(&kept->fixture);
	make_certified_pool(&kept->fixture, 0);
	kept->signers = open_signers(&kept->fixture, POOL_SIZE);
	kept->first = get(kept->signers, 1, kept->fixture.now_s);
}

static void close_kept(struct kept *kept)
{
	release_signer(&kept->first);
	free_signer_cache(&kept->signers);
	close_fixture(&kept->fixture);
}

static void expect_refusal(struct kept *kept, int64_t now_s, enum fault_class class,
			   const char *text)
{
	CLEANUP(release_signer) struct signer *signer = NULL;
	struct fault fault = {0};

	cr_assert_eq(open_signer(kept->signers, 1, now_s, &signer, &fault), -1);
	assert_fault(&fault, class, text);
	cr_assert_null(signer);
}

Test(signer_cache, refuses_one_that_is_kept_and_has_expired)
{
	struct kept kept;
	int64_t end_s;

	open_kept(&kept);
	end_s = certificate_not_after(kept.first->member.certificate);
	expect_refusal(&kept, end_s + 1, FAULT_REFUSED, "expired");
	expect_refusal(&kept, certificate_not_before(kept.first->member.certificate) - 1,
		       FAULT_REFUSED, "not yet valid");
	close_kept(&kept);
}

Test(signer_cache, refuses_one_that_is_kept_and_whose_key_is_gone)
{
	struct kept kept;

	open_kept(&kept);
	cr_assert_eq(unlinkat(kept.fixture.layouts[0]->private, "private_key1.key", 0), 0);
	expect_refusal(&kept, kept.fixture.now_s, FAULT_NOT_FOUND, "private_key1.key");
	close_kept(&kept);
}

Test(signer_cache, refuses_one_that_is_kept_and_whose_certificate_is_gone)
{
	struct kept kept;

	open_kept(&kept);
	cr_assert_eq(unlinkat(kept.fixture.layouts[0]->cert, "cert_key1.crt", 0), 0);
	expect_refusal(&kept, kept.fixture.now_s, FAULT_NOT_FOUND, "member 1 has no certificate");
	close_kept(&kept);
}

/* The size stays the same, and so do both files' names. */
Test(signer_cache, refuses_one_that_is_kept_and_whose_key_was_replaced)
{
	struct kept kept;
	CLEANUP(clear_buffer) struct buffer other = {0};

	open_kept(&kept);
	other = get_file(kept.fixture.layouts[0]->private, "private_key2.key");
	cr_assert_eq(unlinkat(kept.fixture.layouts[0]->private, "private_key1.key", 0), 0);
	put_file(kept.fixture.layouts[0]->private, "private_key1.key", (char *)other.data, 0600);
	expect_refusal(&kept, kept.fixture.now_s, FAULT_REFUSED, "not the key of member 1");
	close_kept(&kept);
}

Test(signer_cache, opens_again_what_was_renewed)
{
	struct kept kept;
	CLEANUP(release_signer) struct signer *again = NULL;

	open_kept(&kept);
	cr_assert_eq(unlinkat(kept.fixture.layouts[0]->cert, "cert_key1.crt", 0), 0);
	certify_member(&kept.fixture, 0, 1, kept.fixture.now_s - 300, kept.fixture.now_s + 7200);
	again = get(kept.signers, 1, kept.fixture.now_s);
	cr_assert_neq(again, kept.first);
	cr_assert_eq(certificate_not_after(again->member.certificate), kept.fixture.now_s + 7200);
	close_kept(&kept);
}

Test(signer_cache, keeps_what_was_opened)
{
	struct kept kept;
	CLEANUP(release_signer) struct signer *again = NULL;

	open_kept(&kept);
	again = get(kept.signers, 1, kept.fixture.now_s);
	cr_assert_eq(again, kept.first);
	close_kept(&kept);
}

Test(signer_cache, refuses_to_draw_from_a_pool_in_which_nobody_can_sign)
{
	struct fixture fixture;
	CLEANUP(free_signer_cache) struct signer_cache *signers = NULL;
	CLEANUP(release_signer) struct signer *signer = NULL;
	struct fault fault = {0};

	open_fixture(&fixture);
	signers = open_signers(&fixture, POOL_SIZE);
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 2, fixture.now_s - 7200, fixture.now_s - 1);
	cr_assert_eq(draw_signer(signers, fixture.now_s, &signer, &fault), -1);
	assert_fault(&fault, FAULT_NOT_FOUND,
		     "none of the pool's 3 members has a key and a "
		     "certificate that is valid now");
	close_fixture(&fixture);
}

Test(signer_cache, always_draws_the_only_one_that_can_sign)
{
	struct fixture fixture;
	CLEANUP(free_signer_cache) struct signer_cache *signers = NULL;
	struct fault fault = {0};

	open_fixture(&fixture);
	signers = open_signers(&fixture, POOL_SIZE);
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 1, fixture.now_s - 7200, fixture.now_s - 1);
	certify_member(&fixture, 0, 2, fixture.now_s - 300, fixture.now_s + 3600);
	certify_member(&fixture, 0, 3, fixture.now_s - 300, fixture.now_s + 3600);
	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "private_key3.key", 0), 0);
	for (int i = 0; i < 50; i++) {
		CLEANUP(release_signer) struct signer *signer = NULL;

		cr_assert_eq(draw_signer(signers, fixture.now_s, &signer, &fault), 0, "%s",
			     fault.text);
		cr_assert_eq(signer->member.index, 2);
	}
	close_fixture(&fixture);
}

Test(signer_cache, finds_the_few_that_can_sign_in_a_large_pool)
{
	struct fixture fixture;
	CLEANUP(free_signer_cache) struct signer_cache *signers = NULL;
	struct fault fault = {0};
	size_t drawn[2] = {0};

	open_fixture(&fixture);
	signers = open_signers(&fixture, 5000);
	make_client_pool(&fixture, 0);
	certify_member(&fixture, 0, 2, fixture.now_s - 300, fixture.now_s + 3600);
	certify_member(&fixture, 0, 3, fixture.now_s - 300, fixture.now_s + 3600);
	/* 150 draws of two: that one of them never comes has a probability of 2^-149. */
	for (int i = 0; i < 150; i++) {
		CLEANUP(release_signer) struct signer *signer = NULL;

		cr_assert_eq(draw_signer(signers, fixture.now_s, &signer, &fault), 0, "%s",
			     fault.text);
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
	CLEANUP(free_signer_cache) struct signer_cache *signers = NULL;
	struct fault fault = {0};
	size_t drawn[11] = {0};

	open_fixture(&fixture);
	signers = open_signers(&fixture, 10);
	fixture.clients[0].pool.size = 10;
	make_certified_pool(&fixture, 0);
	/* That one of ten never comes in 1,000 draws has a probability below 10 · 0.9^1000. */
	for (int i = 0; i < 1000; i++) {
		CLEANUP(release_signer) struct signer *signer = NULL;

		cr_assert_eq(draw_signer(signers, fixture.now_s, &signer, &fault), 0, "%s",
			     fault.text);
		drawn[signer->member.index]++;
	}
	for (size_t i = 1; i <= 10; i++)
		cr_assert_gt(drawn[i], 0, "member %zu", i);
	close_fixture(&fixture);
}
