#include "common/ca/service/maintenance.h"

#include "common/base/clock.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct watched {
	struct ca_fixture ca;
	struct crl_caches crls;
	struct maintenance *maintenance;
	atomic_int failures;
	atomic_int looks; /* for a new issuer */
	bool busy;        /* the database is, when it is asked for one */
};

static void count_failure(void *context, const char *method, const char *path, unsigned int status,
			  const char *text)
{
	struct watched *watched = context;

	(void)method;
	cr_expect(strcmp(path, "/crl") == 0 || strcmp(path, "/metrics") == 0 ||
			  strcmp(path, "/ca.crt") == 0,
		  "%s", path);
	cr_expect_eq(status, 500);
	cr_expect_str_not_empty(text);
	atomic_fetch_add(&watched->failures, 1);
}

static int look_for_issuer(void *context, struct fault *fault)
{
	struct watched *watched = context;

	if (atomic_fetch_add(&watched->looks, 1) < 2 && watched->busy)
		return set_fault(fault, FAULT_BUSY, "the database is busy");
	return 0;
}

static void start(struct watched *watched)
{
	struct maintenance_settings settings = {.store = authority_store(watched->ca.authority),
						.crls = &watched->crls,
						.refusals =
							authority_refusals(watched->ca.authority),
						.authority = watched->ca.authority,
						.refresh = look_for_issuer,
						.refresh_context = watched,
						.log = count_failure,
						.log_context = watched};
	struct ca_crl_options options = authority_crl_options(watched->ca.authority);

	init_crl_caches(&watched->crls, &options, authority_issuers(watched->ca.authority));
	OK(start_maintenance(&settings, &watched->maintenance, &fault));
}

static void stop(struct watched *watched)
{
	stop_maintenance(&watched->maintenance);
	cr_expect_null(watched->maintenance);
	stop_maintenance(&watched->maintenance);
	clear_crl_caches(&watched->crls);
	remove_ca(&watched->ca);
}

/* Waits until there is a CRL of at least that number, and as many are revoked. */
static struct maintenance_figures await_figures(struct watched *watched, uint64_t number,
						size_t revoked)
{
	struct maintenance_figures figures;

	for (;;) {
		read_maintenance_figures(watched->maintenance, &figures);
		if (figures.counted && figures.crl.number >= number &&
		    figures.summary.revoked == revoked)
			return figures;
		(void)usleep(1000);
	}
}

/* Without a client that asks for the CRL. */
Test(maintenance, makes_the_crl_and_counts, .timeout = 60)
{
	const struct certificate_query everything = {0};
	struct revocation revocation = {.query = &everything, .by = "ca"};
	struct revocation_summary summary;
	struct watched watched = {0};
	struct certificate *certificate;
	struct maintenance_figures figures;
	int64_t now_s = read_clock();

	make_ca(&watched.ca, now_s);
	certificate = certify_one(&watched.ca, now_s);
	start(&watched);
	figures = await_figures(&watched, 1, 0);
	cr_expect_eq(figures.crl.number, 1);
	cr_expect_eq(figures.summary.valid, 1);
	cr_expect_eq(figures.issued, 0, "it was there before");
	revocation.now_s = now_s;
	OK(revoke_certificates(authority_store(watched.ca.authority), &revocation, NULL, NULL,
			       &summary, &fault));
	figures = await_figures(&watched, 2, 1);
	cr_expect_eq(figures.crl.number, 2);
	cr_expect_eq(figures.summary.valid, 0);
	cr_expect_eq(figures.revoked, 1);
	cr_expect_eq(atomic_load(&watched.failures), 0);
	free_certificate(&certificate);
	stop(&watched);
}

/* The failure of one part does not keep the other from its work. */
Test(maintenance, logs_a_failure_and_goes_on, .timeout = 60)
{
	struct watched watched = {0};
	struct maintenance_figures figures;

	/* A root of another time: no CRL is made then. */
	make_ca(&watched.ca, read_clock() + 10 * DAY_S);
	start(&watched);
	do {
		(void)usleep(1000);
		read_maintenance_figures(watched.maintenance, &figures);
	} while (!figures.counted);
	stop_maintenance(&watched.maintenance);
	cr_expect_eq(atomic_load(&watched.failures), 1);
	cr_expect_eq(figures.crl.number, 0);
	stop(&watched);
}

/* Not a minute later: until then this front end would issue under the old one. */
Test(maintenance, looks_for_a_new_issuer_again_in_the_next_round, .timeout = 60)
{
	struct watched watched = {.busy = true};

	make_ca(&watched.ca, read_clock());
	start(&watched);
	while (atomic_load(&watched.looks) < 3)
		(void)usleep(1000);
	cr_expect_eq(atomic_load(&watched.failures), 1, "the first is logged");
	stop(&watched);
}

/* catalogue 109: the clients' minutes are over at once when the clock is set back. */
Test(maintenance, writes_the_lines_of_refusals, .timeout = 60)
{
	struct watched watched = {0};
	struct audit_verdict verdict;
	struct refusal refusal = {0};
	struct refusal_log *refusals;
	int64_t before;
	int64_t now_s = read_clock();

	make_ca(&watched.ca, now_s);
	refusals = authority_refusals(watched.ca.authority);
	set_refusal(&refusal, "disabled", "for now");
	for (int i = 0; i < 2; i++)
		OK(record_refusal(refusals, "client1", &refusal, now_s + 1000, &fault));
	OK(verify_audit(authority_store(watched.ca.authority), &verdict, &fault));
	before = verdict.lines;
	start(&watched);
	do {
		(void)usleep(1000);
		OK(verify_audit(authority_store(watched.ca.authority), &verdict, &fault));
		/* The first CRL has a line, too. */
	} while (verdict.lines < before + 2);
	cr_expect_eq(atomic_load(&watched.failures), 0);
	stop(&watched);
}
