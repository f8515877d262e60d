#include "common/pool/revocation/learn_revocations.h"

#include "tests/support/expect.h"
#include "tests/unit/pool/revocation/crl_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static struct crl_fixture fixture;
static struct fake_ca ca;

static void set_up(void)
{
	open_crl_fixture(&fixture);
	start_fake_ca(&ca, &fixture.base);
}

static void tear_down(void)
{
	stop_fake_ca(&ca);
	close_crl_fixture(&fixture);
}

TestSuite(learn_revocations, .init = set_up, .fini = tear_down);

/* How many are learned to be revoked from the CA and a CRL that revokes this serial, or none. */
static size_t learn(struct bytes serial)
{
	CLEANUP(clear_buffer)
	struct buffer crl = make_crl(&fixture.base, fixture.base.issuer, 1, serial);
	CLEANUP(clear_known_revocations) struct known_revocations known = {0};
	const struct learning learning = {.layout = fixture.base.layouts[0],
					  .client = &fixture.base.clients[0],
					  .ca = ca.endpoint,
					  .crl_url = fixture.path};
	CLEANUP(clear_learned) struct learned learned = {0};

	put_bytes(fixture.base.scratch.dirfd, "ca.crl", bytes_of_buffer(&crl), 0644);
	OK(learn_revocations(&learning, fixture.base.now_s, &learned, &fault));
	OK(read_known_revocations(fixture.base.layouts[0], "client1", &known, &fault));
	cr_expect_eq(learned.revoked, known.count);
	return known.count;
}

/* The CA is asked after them too: its record may lack some. */
Test(learn_revocations, believes_the_ca_of_a_certificate_that_the_crl_has_as_good)
{
	cr_expect_eq(learn((struct bytes){0}), 1);
	cr_expect_eq(ca.questions, 1);
}

Test(learn_revocations, counts_a_certificate_once_that_the_crl_and_the_ca_revoke)
{
	fixture.base.clients[0].pool.size = 1;
	cr_expect_eq(learn(certificate_serial(fixture.certificate)), 1);
	cr_expect_eq(ca.questions, 1);
}
