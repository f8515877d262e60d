#include "common/ca/service/maintenance.h"

#include "common/base/clock.h"
#include "common/ca/store/revoke.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct watched {
	struct ca_fixture ca;
	struct crl_cache crl;
	struct maintenance *upkeep;
	atomic_int troubles;
};

static void count_trouble(void *context, const char *method, const char *path, unsigned int status,
			  const char *text)
{
	struct watched *watched = context;

	(void)method;
	cr_expect(strcmp(path, "/crl") == 0 || strcmp(path, "/metrics") == 0, "%s", path);
	cr_expect_eq(status, 500);
	cr_expect_str_not_empty(text);
	atomic_fetch_add(&watched->troubles, 1);
}

static void start(struct watched *watched)
{
	struct maintenance_settings settings = {.store = authority_store(watched->ca.authority),
						.crl = &watched->crl,
						.log = count_trouble,
						.log_context = watched};
	struct ca_crl_options terms = authority_crl_options(watched->ca.authority);
	struct fault fault = {0};

	init_crl_cache(&watched->crl, &terms);
	cr_assert_eq(start_maintenance(&settings, &watched->upkeep, &fault), 0, "%s", fault.text);
}

static void stop(struct watched *watched)
{
	stop_maintenance(&watched->upkeep);
	cr_expect_null(watched->upkeep);
	stop_maintenance(&watched->upkeep);
	clear_crl_cache(&watched->crl);
	remove_ca(&watched->ca);
}

/* Waits until there is a CRL of at least that number, and as many are revoked. */
static struct maintenance_figures await_figures(struct watched *watched, uint64_t number,
						size_t revoked)
{
	struct maintenance_figures figures;

	for (;;) {
		read_maintenance_figures(watched->upkeep, &figures);
		if (figures.counted && figures.crl.number >= number &&
		    figures.record.revoked == revoked)
			return figures;
		(void)usleep(1000);
	}
}

/* Nobody asks for it. */
Test(maintenance, makes_the_crl_and_counts, .timeout = 60)
{
	const struct certificate_query everything = {0};
	struct revocation revocation = {.query = &everything, .by = "ca"};
	struct revocation_summary summary;
	struct watched watched = {0};
	struct certificate *certificate;
	struct maintenance_figures figures;
	struct fault fault = {0};
	int64_t now_s = read_clock();

	make_ca(&watched.ca, now_s);
	certificate = certify_one(&watched.ca, now_s);
	start(&watched);
	figures = await_figures(&watched, 1, 0);
	cr_expect_eq(figures.crl.number, 1);
	cr_expect_eq(figures.record.valid, 1);
	cr_expect_eq(figures.issued, 0, "it was there before");
	revocation.now_s = now_s;
	cr_assert_eq(revoke_certificates(authority_store(watched.ca.authority), &revocation, NULL,
					 NULL, &summary, &fault),
		     0, "%s", fault.text);
	figures = await_figures(&watched, 2, 1);
	cr_expect_eq(figures.crl.number, 2);
	cr_expect_eq(figures.record.valid, 0);
	cr_expect_eq(figures.revoked, 1);
	cr_expect_eq(atomic_load(&watched.troubles), 0);
	free_certificate(&certificate);
	stop(&watched);
}

/* What one part cannot do keeps no other from its work. */
Test(maintenance, logs_what_fails_and_goes_on, .timeout = 60)
{
	struct watched watched = {0};
	struct maintenance_figures figures;

	/* A root of another time: no CRL is made then. */
	make_ca(&watched.ca, read_clock() + 10 * DAY_S);
	start(&watched);
	do {
		(void)usleep(1000);
		read_maintenance_figures(watched.upkeep, &figures);
	} while (!figures.counted);
	stop_maintenance(&watched.upkeep);
	cr_expect_eq(atomic_load(&watched.troubles), 1);
	cr_expect_eq(figures.crl.number, 0);
	stop(&watched);
}
