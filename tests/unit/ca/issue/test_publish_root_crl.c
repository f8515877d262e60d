#include "common/ca/issue/publish_root_crl.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#define YEAR_S (365 * DAY_S)

/* A CA whose root lies in stick/, as init leaves it at NOW_S: with a CRL of number 1. */
static struct ca_fixture ca;
static struct root_home home;

static const struct crl_entry an_entry = {
	.serial = {0x5a}, .revoked_at_s = NOW_S, .reason = REASON_CA_COMPROMISE};
static const struct crl_entry another_entry = {
	.serial = {0x5b}, .revoked_at_s = NOW_S, .reason = REASON_SUPERSEDED};

static void set_up(void)
{
	struct authority_made made;

	make_ca_place(&ca);
	lay_root_apart(&ca);
	OK(init_ca(&ca, NOW_S, &made, &fault));
	OK(open_root_home(ca.layout, &ca.manifest->ca, &ca.access, &home, &fault));
}

static void tear_down(void)
{
	clear_root_home(&home);
	remove_ca(&ca);
}

TestSuite(publish_root_crl, .init = set_up, .fini = tear_down);

static struct crl_info publish(enum crl_publishing mode, const struct crl_entry *revoked,
			       int64_t now_s)
{
	struct crl_info info = {0};

	OK(publish_root_crl(&home, revoked, mode, now_s, &info, &fault));
	return info;
}

/* The octets of the CRL in a layout. */
static struct buffer read_file_of(const struct layout *layout)
{
	struct buffer der = {0};

	OK(read_file(layout->cert, ROOT_CRL_FILE, CRL_DER_MAX, &der, &fault));
	return der;
}

static void put_file_of(const struct layout *layout, const struct buffer *der)
{
	cr_assert_eq(unlinkat(layout->cert, ROOT_CRL_FILE, 0), 0);
	put_bytes(layout->cert, ROOT_CRL_FILE, bytes_of_buffer(der), 0644);
}

static void expect_same_files(void)
{
	CLEANUP(clear_buffer) struct buffer ours = read_file_of(ca.layout);
	CLEANUP(clear_buffer) struct buffer theirs = read_file_of(home.layout);

	cr_expect(equal_bytes(bytes_of_buffer(&ours), bytes_of_buffer(&theirs)));
}

static bool is_listed(const struct crl_entry *entry)
{
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct crl_revocation revocation;

	OK(read_root_crl(ca.layout, home.root, &crl, &fault));
	cr_assert_not_null(crl);
	return find_revoked(crl, (struct bytes){entry->serial, SERIAL_MAX}, &revocation) &&
	       revocation.reason == entry->reason;
}

Test(publish_root_crl, refuses_a_crl_that_the_root_did_not_sign)
{
	const struct layout *const layouts[] = {ca.layout, home.layout};
	struct crl_info info;

	for (size_t i = 0; i < COUNT_OF(layouts); i++) {
		CLEANUP(clear_buffer) struct buffer good = read_file_of(layouts[i]);
		CLEANUP(clear_buffer) struct buffer bad = read_file_of(layouts[i]);

		bad.data[bad.len - 1] ^= 1;
		put_file_of(layouts[i], &bad);
		REFUSED(publish_root_crl(&home, NULL, CRL_ANYWAY, NOW_S, &info, &fault),
			FAULT_UNVERIFIED, "cert/root.crl: ");
		bad.len /= 2;
		put_file_of(layouts[i], &bad);
		REFUSED(publish_root_crl(&home, NULL, CRL_ANYWAY, NOW_S, &info, &fault),
			FAULT_UNVERIFIED, "put the root's CRL back");
		put_file_of(layouts[i], &good);
	}
}

Test(publish_root_crl, is_refused_without_the_layout_of_the_root)
{
	struct root_home other = {.lock = -1};

	free(ca.manifest->ca.root_layout);
	ca.manifest->ca.root_layout = strdup("/nowhere/stick");
	REFUSED(open_root_home(ca.layout, &ca.manifest->ca, &ca.access, &other, &fault),
		FAULT_NOT_FOUND, "expected the layout of the root, whose key has to sign");
	cr_expect_null(other.layout);
}

/* catalogue 94: due in the last third of its validity, and when it is from the future */
Test(publish_root_crl, makes_another_one_when_one_is_due)
{
	static const struct {
		int64_t now_s;
		bool made;
		int64_t this_update_s;
	} rows[] = {
		{NOW_S, false, NOW_S},
		{NOW_S + YEAR_S * 2 / 3 - 1, false, NOW_S},
		{NOW_S + YEAR_S * 2 / 3, true, NOW_S + YEAR_S * 2 / 3},
		/* The clock went back a little, and then to where it belongs. */
		{NOW_S + YEAR_S * 2 / 3 - 300, false, NOW_S + YEAR_S * 2 / 3},
		{NOW_S + 1, true, NOW_S + 1},
	};
	uint64_t number = 1;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_info info = publish(CRL_WHEN_DUE, NULL, rows[i].now_s);

		number += rows[i].made;
		cr_expect_eq(info.made, rows[i].made, "row %zu", i);
		cr_expect_eq(info.number, number, "row %zu", i);
		cr_expect_eq(info.this_update_s, rows[i].this_update_s, "row %zu", i);
		cr_expect_eq(info.next_update_s, rows[i].this_update_s + YEAR_S, "row %zu", i);
		expect_same_files();
	}
}

/* catalogue 97: thisUpdate does not go back with a clock that went back a little */
Test(publish_root_crl, keeps_this_update_from_going_back)
{
	struct crl_info info = publish(CRL_ANYWAY, NULL, NOW_S - 200);

	cr_expect_eq(info.number, 2);
	cr_expect_eq(info.this_update_s, NOW_S);
}

/* catalogue 97: the copy at a CA does not go back to that of an old stick */
Test(publish_root_crl, makes_another_one_when_the_cas_copy_is_newer)
{
	CLEANUP(clear_buffer) struct buffer first = read_file_of(home.layout);
	struct crl_info info = publish(CRL_ANYWAY, NULL, NOW_S);

	cr_expect_eq(info.number, 2);
	put_file_of(home.layout, &first);
	info = publish(CRL_WHEN_DUE, NULL, NOW_S);
	cr_expect(info.made && info.number == 3);
	expect_same_files();
}

/* catalogue 97, 126 */
Test(publish_root_crl, never_drops_an_entry_nor_goes_back_whichever_copy_is_old)
{
	CLEANUP(clear_buffer) struct buffer first = read_file_of(home.layout);
	CLEANUP(clear_buffer) struct buffer second = {0};
	struct crl_info info = publish(CRL_WHEN_DUE, &an_entry, NOW_S);

	cr_expect(info.made && info.number == 2 && info.entries == 1);
	cr_expect(is_listed(&an_entry));
	second = read_file_of(home.layout);
	/* Once revoked, always revoked, for the first reason. */
	info = publish(CRL_WHEN_DUE, &an_entry, NOW_S);
	cr_expect(!info.made && info.number == 2);

	/* The stick is an old copy, as when its medium was restored. */
	put_file_of(home.layout, &first);
	info = publish(CRL_WHEN_DUE, NULL, NOW_S);
	cr_expect(info.made && info.number == 3 && info.entries == 1);
	cr_expect(is_listed(&an_entry));
	expect_same_files();

	/* It is one, and has made two others meanwhile, for another CA. */
	put_file_of(home.layout, &first);
	cr_assert_eq(unlinkat(ca.layout->cert, ROOT_CRL_FILE, 0), 0);
	(void)publish(CRL_ANYWAY, NULL, NOW_S);
	info = publish(CRL_ANYWAY, &another_entry, NOW_S);
	cr_expect(info.number == 3 && info.entries == 1);
	put_file_of(ca.layout, &second);
	info = publish(CRL_WHEN_DUE, NULL, NOW_S);
	cr_expect(info.made && info.number == 4 && info.entries == 2);
	cr_expect(is_listed(&an_entry) && is_listed(&another_entry));
	expect_same_files();

	/* The CA was restored from a backup. */
	put_file_of(ca.layout, &first);
	info = publish(CRL_WHEN_DUE, NULL, NOW_S);
	cr_expect(!info.made && info.number == 4);
	expect_same_files();
}
