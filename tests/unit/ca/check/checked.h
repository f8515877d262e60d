#ifndef CERTPOOL_TESTS_UNIT_CA_CHECK_CHECKED_H
#define CERTPOOL_TESTS_UNIT_CA_CHECK_CHECKED_H

#include "common/ca/check/check_ca.h"
#include "tests/unit/ca/fixture.h"

enum { FINDINGS_MAX = 20, FINDING_SIZE = 1500 };

/* What a check reported, a line each: where, what was found, and the advice. */
struct findings {
	char lines[FINDINGS_MAX][FINDING_SIZE];
	size_t count;
	size_t warnings; /* among them */
	struct check_summary summary;
};

/* For check_options: adds a line to the findings. */
finding_function note_finding;

/* check_ca, which must not fail. */
struct findings check_at(struct ca_fixture *fixture, int64_t now_s);

bool has_finding(const struct findings *findings, const char *part);

/* Gives each client of the fixture's manifest a key. */
void share_client_keys(const struct ca_fixture *fixture);

/* A CA with two certificates of client1, the first of them revoked, and the CRL. */
void make_checked_ca(struct ca_fixture *fixture);

/* Spoils a new checked CA by SQL, and expects a finding with that part. */
void expect_found(const char *sql, const char *part);

#endif
