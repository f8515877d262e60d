#include "common/ca/revocation/publish_crl.h"

#include "common/base/file.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/revoke.h"
#include "common/x509/revocation/crl.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR_S INT64_C(3600)

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(publish_crl, .init = set_up, .fini = tear_down);

static struct crl_info publish(enum crl_publishing mode, int64_t now_s)
{
	struct ca_crl_options options = authority_crl_options(fixture.authority);
	struct crl_info info = {0};

	OK(publish_crl(&options, mode, now_s, &info, &fault));
	return info;
}

/* How many entries the CRL in the layout has, by GnuTLS. */
static int count_listed(void)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	gnutls_x509_crl_t crl;
	gnutls_datum_t datum;
	int count;

	OK(read_crl(fixture.layout, FIRST_ISSUER, &der, &fault));
	datum = (gnutls_datum_t){der.data, (unsigned int)der.len};
	cr_assert_eq(gnutls_x509_crl_init(&crl), 0);
	cr_assert_eq(gnutls_x509_crl_import(crl, &datum, GNUTLS_X509_FMT_DER), 0);
	count = gnutls_x509_crl_get_crt_count(crl);
	gnutls_x509_crl_deinit(crl);
	return count;
}

static void revoke_all(int64_t now_s)
{
	const struct certificate_query everything = {0};
	const struct revocation revocation = {.query = &everything, .by = "ca", .now_s = now_s};
	struct revocation_summary summary;

	OK(revoke_certificates(authority_store(fixture.authority), &revocation, NULL, NULL,
			       &summary, &fault));
}

static void certify_and_forget(int64_t now_s)
{
	struct certificate *certificate = certify_one(&fixture, now_s);

	free_certificate(&certificate);
}

/* The CA revokes a certificate and publishes the CRL that lists it. */
Test(publish_crl, is_used_like_this)
{
	struct ca_crl_options options;
	struct crl_info info;

	options = authority_crl_options(fixture.authority);
	certify_and_forget(NOW_S);
	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S, &info, &fault));
	cr_expect_eq(info.number, 1);
	cr_expect_eq(info.entries, 0);

	/* A revocation makes another CRL due at once. */
	revoke_all(NOW_S + 60);
	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S + 60, &info, &fault));
	cr_expect(info.made);
	cr_expect_eq(info.number, 2);
	cr_expect_eq(info.entries, 1);
	cr_expect_eq(count_listed(), 1);
}

Test(publish_crl, makes_one_when_it_is_due_and_not_before)
{
	static const struct {
		int64_t after_s; /* the first one */
		bool revoke;
		bool remove;
		enum crl_publishing mode;
		bool made;
	} rows[] = {
		{0, false, false, CRL_WHEN_DUE, false},
		{0, false, false, CRL_ANYWAY, true},
		{0, true, false, CRL_WHEN_DUE, true},
		{0, false, true, CRL_WHEN_DUE, true},
		{16 * HOUR_S - 1, false, false, CRL_WHEN_DUE, false},
		{16 * HOUR_S, false, false, CRL_WHEN_DUE, true},
		/* catalogue 114: revocations can wait; a lost file and an expiry cannot. */
		{HOUR_S, true, false, CRL_WHEN_OLD, false},
		{0, false, true, CRL_WHEN_OLD, true},
		{16 * HOUR_S, true, false, CRL_WHEN_OLD, true},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_info first;
		struct crl_info second;

		certify_and_forget(NOW_S);
		first = publish(CRL_WHEN_DUE, NOW_S);
		cr_expect(first.made);
		cr_expect_eq(first.number, 1);
		cr_expect_eq(first.next_update_s, NOW_S + 24 * HOUR_S);
		if (rows[i].revoke)
			revoke_all(NOW_S);
		if (rows[i].remove)
			cr_assert_eq(unlinkat(fixture.layout->cert, CRL_FILE, 0), 0);
		second = publish(rows[i].mode, NOW_S + rows[i].after_s);
		cr_expect_eq(second.made, rows[i].made, "row %zu", i);
		cr_expect_eq(second.number, rows[i].made ? 2 : 1);
		cr_expect_eq(count_listed(), rows[i].revoke && rows[i].made);
		/* Each round has a CA of its own. */
		tear_down();
		set_up();
	}
}

/* catalogue 94, 97: a process that waited for the lock may have an older time. */
Test(publish_crl, never_goes_back_in_number_or_time)
{
	struct crl_info first;
	struct crl_info second;

	first = publish(CRL_WHEN_DUE, NOW_S + CRL_SKEW_S);
	second = publish(CRL_ANYWAY, NOW_S);
	cr_expect_eq(second.number, first.number + 1);
	cr_expect_eq(second.this_update_s, first.this_update_s);
	cr_expect_eq(second.future_s, 0);
}

/* catalogue 97, 106: one CRL from the future must not make all later ones so. */
Test(publish_crl, has_the_right_time_once_the_clock_is_right_again)
{
	static const int64_t aheads_s[] = {CRL_SKEW_S + 1, 4 * 365 * DAY_S};

	for (size_t i = 0; i < COUNT_OF(aheads_s); i++) {
		struct crl_info ahead;
		struct crl_info right;

		certify_and_forget(NOW_S);
		revoke_all(NOW_S + 1);
		ahead = publish(CRL_WHEN_DUE, NOW_S + aheads_s[i]);
		cr_expect_eq(ahead.this_update_s, NOW_S + aheads_s[i]);
		right = publish(CRL_WHEN_DUE, NOW_S);
		cr_expect(right.made, "it is due at once");
		cr_expect_eq(right.number, ahead.number + 1);
		cr_expect_eq(right.this_update_s, NOW_S);
		cr_expect_eq(right.next_update_s, NOW_S + 24 * HOUR_S);
		cr_expect_eq(right.future_s, ahead.this_update_s);
		cr_expect_eq(count_listed(), 1);
		cr_expect_not(publish(CRL_WHEN_DUE, NOW_S).made, "one is enough");
		/* Each round has a CA of its own. */
		tear_down();
		set_up();
	}
}

/* catalogue 94: for a clock that is years ahead would leave thisUpdate there */
Test(publish_crl, makes_none_when_the_clock_is_outside_the_issuers_time)
{
	static const int64_t times_s[] = {NOW_S - 400 * DAY_S, NOW_S + 11 * 365 * DAY_S};

	for (size_t i = 0; i < COUNT_OF(times_s); i++) {
		struct ca_crl_options options;
		struct crl_info info;

		options = authority_crl_options(fixture.authority);
		REFUSED(publish_crl(&options, CRL_WHEN_DUE, times_s[i], &info, &fault),
			FAULT_REFUSED, "look at this machine's clock");
		info = publish(CRL_WHEN_DUE, NOW_S);
		cr_expect_eq(info.number, 1, "no number was used up");
		/* Each round has a CA of its own. */
		tear_down();
		set_up();
	}
}

/* RFC 5280 section 3.3: an entry stays until a CRL after the certificate's end had it. */
Test(publish_crl, drops_an_entry_only_after_a_crl_from_after_its_end)
{
	const int64_t end_s = NOW_S + 90 * DAY_S;

	certify_and_forget(NOW_S);
	revoke_all(NOW_S + 1);
	(void)publish(CRL_WHEN_DUE, NOW_S + 1);
	cr_expect_eq(count_listed(), 1);
	/* Long after its end, but there was no CRL meanwhile. */
	(void)publish(CRL_ANYWAY, end_s + 10 * DAY_S);
	cr_expect_eq(count_listed(), 1);
	(void)publish(CRL_ANYWAY, end_s + 10 * DAY_S + 1);
	cr_expect_eq(count_listed(), 0);
}

/* Changes the record in a way that no function of ours does, with a revoked certificate in it. */
static void revoke_and_damage(const char *sql)
{
	certify_and_forget(NOW_S);
	revoke_all(NOW_S + 1);
	(void)publish(CRL_WHEN_DUE, NOW_S + 1);
	(void)publish(CRL_ANYWAY, NOW_S + 1);
	run_foreign_sql(fixture.store_path, sql);
}

/* catalogue 107: whatever became of the record, revoked stays revoked on the CRL. */
Test(publish_crl, publishes_none_that_would_undo_the_one_that_stands)
{
	static const struct {
		const char *sql;
		const char *part;
	} rows[] = {
		{"UPDATE certificate SET revoked_at = NULL, reason = NULL;"
		 "UPDATE issuer SET crl_revision = -1",
		 "lists and which has not ended: the record says that it is not revoked: certpool "
		 "revoke --crl takes the CRL that stands into the record"},
		{"DELETE FROM certificate; UPDATE issuer SET crl_revision = -1",
		 "the record does not know it"},
		{"UPDATE state SET crl_number = 1; UPDATE issuer SET crl_revision = -1",
		 "expected a number above 2, that of the CRL that stands, found 2"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ca_crl_options options = authority_crl_options(fixture.authority);
		struct crl_info info = {.number = 77};

		revoke_and_damage(rows[i].sql);
		REFUSED(publish_crl(&options, CRL_WHEN_DUE, NOW_S + 60, &info, &fault),
			FAULT_UNVERIFIED, rows[i].part);
		cr_expect_eq(info.number, 77);
		cr_expect_eq(count_listed(), 1, "the one that stands, stays");
		/* Each round has a CA of its own. */
		tear_down();
		set_up();
	}
}

/* A file that is not the issuer's, or was damaged, undoes nothing and binds nobody. */
Test(publish_crl, replaces_a_file_that_is_no_crl_of_its_own)
{
	for (int cut = 0; cut < 2; cut++) {
		CLEANUP(clear_buffer) struct buffer der = {0};

		revoke_and_damage("DELETE FROM certificate; UPDATE issuer SET crl_revision = -1");
		OK(read_crl(fixture.layout, FIRST_ISSUER, &der, &fault));
		der.data[der.len - 1] ^= 1;
		der.len -= (size_t)cut;
		OK(remove_file(fixture.layout->cert, CRL_FILE, &fault));
		put_bytes(fixture.layout->cert, CRL_FILE, bytes_of_buffer(&der), 0644);
		cr_expect(publish(CRL_WHEN_DUE, NOW_S + 60).made, "cut %d", cut);
		cr_expect_eq(count_listed(), 0);
		/* Each round has a CA of its own. */
		tear_down();
		set_up();
	}
}

/* catalogue 97, 107: the record came from a backup, and the file did not. */
Test(publish_crl, is_not_earlier_than_a_file_that_the_record_does_not_know)
{
	certify_and_forget(NOW_S);
	(void)publish(CRL_WHEN_DUE, NOW_S + CRL_SKEW_S);
	run_foreign_sql(fixture.store_path,
			"UPDATE issuer SET crl_this_update = 0, crl_next_update = 0");
	cr_expect_eq(publish(CRL_WHEN_DUE, NOW_S).this_update_s, NOW_S + CRL_SKEW_S);
}

Test(publish_crl, says_why_the_present_one_is_not_current)
{
	struct ca_crl_options options;
	struct fault faults[3] = {0};

	options = authority_crl_options(fixture.authority);
	certify_and_forget(NOW_S);
	cr_expect_eq(check_crl(&options, NOW_S, &faults[0]), -1);
	expect_fault(&faults[0], FAULT_FAILED, "cert/ca.crl: not current: none was made yet");
	(void)publish(CRL_WHEN_DUE, NOW_S);
	cr_expect_eq(check_crl(&options, NOW_S, &faults[1]), 0);
	revoke_all(NOW_S);
	cr_expect_eq(check_crl(&options, NOW_S, &faults[2]), -1);
	expect_fault(&faults[2], FAULT_FAILED, "certificates were revoked since");
}

/* catalogue 71: a CRL that cannot be written leaves the one there was, and costs a number at most
 */
Test(publish_crl, keeps_the_old_one_when_the_new_one_cannot_be_written)
{
	struct ca_crl_options options;
	struct crl_info info;

	options = authority_crl_options(fixture.authority);
	certify_and_forget(NOW_S);
	(void)publish(CRL_WHEN_DUE, NOW_S);
	revoke_all(NOW_S);
	cr_assert_eq(mkdirat(fixture.layout->cert, "." CRL_FILE ".new", 0755), 0);
	REFUSED(publish_crl(&options, CRL_WHEN_DUE, NOW_S, &info, &fault), FAULT_FAILED, NULL);
	cr_expect_eq(count_listed(), 0);
	cr_assert_eq(unlinkat(fixture.layout->cert, "." CRL_FILE ".new", AT_REMOVEDIR), 0);
	info = publish(CRL_WHEN_DUE, NOW_S);
	cr_expect(info.made);
	cr_expect_eq(info.number, 3);
	cr_expect_eq(info.entries, 1);
	cr_expect_eq(count_listed(), 1);
}
