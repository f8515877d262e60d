#include "tests/unit/ca/check/checked.h"

#include "common/ca/store/revoke.h"
#include "common/crypto/key_file.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

int note_finding(void *context, const struct finding *finding, struct fault *fault)
{
	struct findings *findings = context;

	(void)fault;
	cr_assert_lt(findings->count, FINDINGS_MAX);
	if (finding->warning)
		findings->warnings++;
	else
		cr_expect_neq(finding->advice[0], '\0');
	(void)snprintf(findings->lines[findings->count++], FINDING_SIZE, "%s: %s%s: %s",
		       finding->where, finding->warning ? "warning: " : "", finding->text,
		       finding->warning ? "" : finding->advice);
	return 0;
}

struct findings check_at(struct ca_fixture *fixture, int64_t now_s)
{
	struct findings findings = {0};
	const struct check_options options = {.layout = fixture->layout,
					      .store = authority_store(fixture->authority),
					      .ca = &fixture->manifest->ca,
					      .access = &fixture->access,
					      .now_s = now_s,
					      .workers = 2,
					      .function = note_finding,
					      .context = &findings};

	OK(check_ca(&options, &findings.summary, &fault));
	cr_expect_eq(findings.summary.findings, findings.count - findings.warnings);
	return findings;
}

bool has_finding(const struct findings *findings, const char *part)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strstr(findings->lines[i], part) != NULL)
			return true;
	return false;
}

static void publish(struct ca_fixture *fixture)
{
	struct ca_crl_options options = authority_crl_options(fixture->authority);
	struct crl_info info;

	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S, &info, &fault));
}

void share_client_keys(const struct ca_fixture *fixture)
{
	for (size_t i = 0; i < fixture->manifest->client_count; i++) {
		CLEANUP(clear_shared_key) struct shared_key key = {0};

		OK(generate_shared_key(&key, &fault));
		OK(write_shared_key(fixture->layout, fixture->manifest->clients[i].name, &key,
				    &fault));
	}
}

void make_checked_ca(struct ca_fixture *fixture)
{
	struct certificate *first;
	struct certificate *second;
	uint8_t serial[1][SERIAL_MAX];
	struct revocation revocation = {.serial_count = 1, .by = "ca", .now_s = NOW_S};
	struct revocation_summary summary;

	make_ca(fixture, NOW_S);
	share_client_keys(fixture);
	first = certify_one(fixture, NOW_S);
	second = certify_one(fixture, NOW_S);
	memcpy(serial[0], certificate_serial(first).data, SERIAL_MAX);
	revocation.serials = (const uint8_t(*)[SERIAL_MAX])serial;
	OK(revoke_certificates(authority_store(fixture->authority), &revocation, NULL, NULL,
			       &summary, &fault));
	publish(fixture);
	free_certificate(&first);
	free_certificate(&second);
}

void expect_found(const char *sql, const char *part)
{
	struct ca_fixture fixture;
	struct findings findings;

	make_checked_ca(&fixture);
	run_foreign_sql(fixture.store_path, sql);
	findings = check_at(&fixture, NOW_S);
	cr_expect(has_finding(&findings, part), "%s: expected \"%s\" in \"%s\"", sql, part,
		  findings.lines[0]);
	remove_ca(&fixture);
}
