#include "common/base/random.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/revoke.h"
#include "common/x509/audit/pool_audit.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * 100 pools by either profile of the CA, certified one after another: who collects their
 * certificates, and the CRL, sees by the default profile which belong together, and by the
 * pseudonymous one no more than chance lets him guess.
 */

enum { POOLS = 100, MEMBERS = 10, ALL = POOLS * MEMBERS, APART_S = 61 };

static struct ca_fixture fixture;

/* A certificate as the classifier has it. Its pool is for the count of the hits alone. */
struct seen {
	struct buffer der;
	struct certificate *certificate;
	struct buffer extensions; /* but those that follow from the key */
	double serial;            /* from 0 to 1 */
	char pool[NAME_SIZE];
};

static struct seen seen[ALL];

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
}

static void tear_down(void)
{
	for (size_t i = 0; i < ALL; i++) {
		clear_buffer(&seen[i].der);
		clear_buffer(&seen[i].extensions);
		free_certificate(&seen[i].certificate);
		seen[i] = (struct seen){0};
	}
	remove_ca(&fixture);
}

TestSuite(pseudonym_pools, .init = set_up, .fini = tear_down);

static void name_pool(size_t pool, char ret_name[static NAME_SIZE])
{
	(void)snprintf(ret_name, NAME_SIZE, "car%02zu", pool);
}

static void add_pool(const char *name, int64_t validity_s)
{
	CLEANUP(clear_client) struct client client = {0};

	memcpy(client.name, name, strlen(name) + 1);
	OK(default_client_policy(&client.policy, &fault));
	client.policy.validity_s = validity_s;
	OK(write_client(authority_store(fixture.authority), &client, CLIENT_ADD, NOW_S, &fault));
}

/* Subject key identifiers, and the names, are compared as such. */
static void read_seen(struct seen *one)
{
	struct bytes rest;
	struct extension extension;
	const struct certificate_fields *fields;

	OK(parse_certificate_der(bytes_of_buffer(&one->der), &one->certificate, &fault));
	fields = certificate_fields(one->certificate);
	rest = fields->extensions;
	while (read_extension(&rest, &extension))
		if (extension.id != EXTENSION_SUBJECT_KEY_ID) {
			append_bytes(&one->extensions, extension.oid);
			append_bytes(&one->extensions, extension.value);
		}
	for (size_t i = 8; i > 0; i--)
		one->serial = (one->serial + fields->serial.data[i - 1]) / 256;
}

static void certify_pool(size_t pool, int64_t validity_s, int64_t now_s)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	char name[NAME_SIZE];

	name_pool(pool, name);
	add_pool(name, validity_s);
	add_members(&request, name, 1, MEMBERS);
	certify(&fixture, name, &request, now_s, &answer);
	cr_assert_eq(answer.certificate_count, MEMBERS);
	for (size_t i = 0; i < MEMBERS; i++) {
		struct seen *one = &seen[pool * MEMBERS + i];

		OK(unwrap_certificate_pem(bytes_of_buffer(&answer.certificates[i].pem), &one->der,
					  &fault));
		memcpy(one->pool, name, sizeof(name));
		read_seen(one);
	}
}

/* Each pool is revoked as a client, a minute after the one before. */
static void revoke_pool(size_t pool, int64_t now_s)
{
	char name[NAME_SIZE];
	const struct revocation revocation = {.client = name,
					      .by = "ca",
					      .reason = REASON_SUPERSEDED,
					      .now_s = now_s,
					      .rounding = fixture.manifest->ca.rounding};
	struct revocation_summary summary;

	name_pool(pool, name);
	OK(revoke_certificates(authority_store(fixture.authority), &revocation, NULL, NULL,
			       &summary, &fault));
	cr_assert_eq(summary.revoked, MEMBERS);
}

/* With validities of their own each pool ends a day before the one before it. */
static void make_pools(bool pseudonymous, bool own_validities)
{
	const int64_t hour_s = NOW_S - NOW_S % 3600 + 2 * DAY_S;
	struct ca_crl_options options = authority_crl_options(fixture.authority);
	struct crl_info info;

	fixture.manifest->ca.pseudonymous = pseudonymous;
	if (pseudonymous)
		fixture.manifest->ca.rounding.round_s = 3600;
	for (size_t pool = 0; pool < POOLS; pool++)
		certify_pool(pool, own_validities ? (int64_t)(2 + POOLS - pool) * DAY_S : 0,
			     NOW_S + (int64_t)pool * APART_S);
	for (size_t pool = 0; pool < POOLS; pool++)
		revoke_pool(pool, hour_s + (int64_t)pool * APART_S);
	OK(publish_crl(&options, CRL_ANYWAY, hour_s + DAY_S, &info, &fault));
	cr_assert_eq(info.entries, ALL);
}

/* --- the audit --- */

/* An audit_function: counts the pools that a field tells. */
struct told {
	size_t subject;
	size_t not_before;
	size_t not_after;
	size_t revocation_time;
	size_t all;
	char last[64]; /* field */
};

static int count_told(void *context, const struct audit_finding *finding, struct fault *fault)
{
	struct told *told = context;

	(void)fault;
	told->subject += strcmp(finding->field, "part of subject") == 0 ? 1 : 0;
	told->not_before += strcmp(finding->field, "notBefore") == 0 ? 1 : 0;
	told->not_after += strcmp(finding->field, "notAfter") == 0 ? 1 : 0;
	told->revocation_time += strcmp(finding->field, "revocation time") == 0 ? 1 : 0;
	told->all++;
	(void)snprintf(told->last, sizeof(told->last), "%s", finding->field);
	return 0;
}

static struct told audit_pools(const char *profile)
{
	struct told told = {0};
	const struct audit_options options = {.window_s = AUDIT_WINDOW_S,
					      .at_least = AUDIT_AT_LEAST,
					      .function = count_told,
					      .context = &told};
	CLEANUP(free_pool_audit) struct pool_audit *audit = NULL;
	CLEANUP(clear_buffer) struct buffer crl = {0};
	size_t findings;

	OK(new_pool_audit(&options, &audit, &fault));
	for (size_t i = 0; i < ALL; i++)
		OK(audit_certificate(audit, seen[i].pool, bytes_of_buffer(&seen[i].der), &fault));
	OK(read_crl(fixture.layout, FIRST_ISSUER, &crl, &fault));
	OK(audit_crl(audit, bytes_of_buffer(&crl), &fault));
	OK(run_pool_audit(audit, &findings, &fault));
	cr_expect_eq(findings, told.all);
	cr_log_info("%s: %d pools, %zu findings: part of subject %zu, notBefore %zu, notAfter %zu, "
		    "revocation time %zu",
		    profile, POOLS, told.all, told.subject, told.not_before, told.not_after,
		    told.revocation_time);
	return told;
}

/* --- the classifier --- */

/* What part of two texts' characters differs. */
static double compare_characters(const char *a, const char *b)
{
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	size_t longest = a_len > b_len ? a_len : b_len;
	size_t same = 0;

	for (size_t i = 0; i < a_len && i < b_len; i++)
		same += a[i] == b[i] ? 1 : 0;
	return longest == 0 ? 0 : 1 - (double)same / (double)longest;
}

/* 1 for values that are far apart. */
static double compare_values(int64_t a, int64_t b, double far)
{
	double apart = (double)(a > b ? a - b : b - a) / far;

	return apart < 1 ? apart : 1;
}

static double compare_lengths(struct bytes a, struct bytes b)
{
	return compare_values((int64_t)a.len, (int64_t)b.len, 8);
}

/* Over all fields of a certificate (RFC 5280 section 4.1) and their sizes. */
static double compare_seen(const struct seen *a, const struct seen *b)
{
	const struct certificate_fields *x = certificate_fields(a->certificate);
	const struct certificate_fields *y = certificate_fields(b->certificate);
	double serials = a->serial - b->serial;

	return compare_characters(certificate_subject(a->certificate),
				  certificate_subject(b->certificate)) +
	       compare_values(certificate_not_before(a->certificate),
			      certificate_not_before(b->certificate), 60) +
	       compare_values(certificate_not_after(a->certificate),
			      certificate_not_after(b->certificate), 60) +
	       (serials < 0 ? -serials : serials) + !equal_bytes(x->issuer, y->issuer) +
	       !equal_bytes(x->algorithm, y->algorithm) +
	       !equal_bytes(bytes_of_buffer(&a->extensions), bytes_of_buffer(&b->extensions)) +
	       compare_lengths(bytes_of_buffer(&a->der), bytes_of_buffer(&b->der)) +
	       compare_lengths(x->subject, y->subject) + compare_lengths(x->spki, y->spki) +
	       compare_lengths(x->serial, y->serial);
}

struct pair {
	double distance;
	size_t a;
	size_t b;
};

static int compare_pairs(const void *a_pointer, const void *b_pointer)
{
	const struct pair *a = a_pointer;
	const struct pair *b = b_pointer;

	return a->distance < b->distance ? -1 : a->distance > b->distance;
}

/* The order in which they were made must not decide between equal distances. */
static void shuffle_seen(void)
{
	for (size_t i = ALL - 1; i > 0; i--) {
		struct seen moved = seen[i];
		uint64_t other;

		OK(draw_below(i + 1, &other, &fault));
		seen[i] = seen[other];
		seen[other] = moved;
	}
}

/* Takes each certificate's nearest neighbour of those that are left, the nearest ones first, and
   counts the pairs of one pool. */
static size_t count_hits(void)
{
	struct pair *pairs = calloc(ALL * (ALL - 1) / 2, sizeof(*pairs));
	static bool taken[ALL];
	size_t count = 0;
	size_t hits = 0;

	cr_assert_not_null(pairs);
	shuffle_seen();
	for (size_t a = 0; a < ALL; a++)
		for (size_t b = a + 1; b < ALL; b++)
			pairs[count++] = (struct pair){compare_seen(&seen[a], &seen[b]), a, b};
	qsort(pairs, count, sizeof(*pairs), compare_pairs);
	memset(taken, 0, sizeof(taken));
	for (size_t i = 0; i < count; i++) {
		if (taken[pairs[i].a] || taken[pairs[i].b])
			continue;
		taken[pairs[i].a] = true;
		taken[pairs[i].b] = true;
		hits += strcmp(seen[pairs[i].a].pool, seen[pairs[i].b].pool) == 0 ? 1 : 0;
	}
	free(pairs);
	cr_log_info("%zu of %d pairs are of one pool", hits, ALL / 2);
	return hits;
}

/*
 * The least number of hits that has a chance below 1 in 10^9 where the certificates tell nothing.
 * Any j of the pairs are all hits with a chance of at most the product over i < j of
 * (MEMBERS - 1) / (ALL - 2i - 1), as each pair takes two certificates out; and there are
 * (ALL/2 choose j) ways to choose them.
 */
static size_t find_hit_limit(void)
{
	const size_t pairs = ALL / 2;
	double chance = 1;
	size_t hits = 0;

	while (chance >= 1e-9 || hits < MEMBERS) {
		chance *= (double)(pairs - hits) / (double)(hits + 1);
		chance *= (double)(MEMBERS - 1) / (double)(ALL - 2 * hits - 1);
		hits++;
	}
	return hits;
}

Test(pseudonym_pools, are_told_apart_by_the_default_profile)
{
	struct told told;
	size_t hits;

	make_pools(false, false);
	told = audit_pools("default");
	cr_expect_eq(told.subject, POOLS);
	cr_expect_eq(told.not_before, POOLS);
	cr_expect_eq(told.revocation_time, POOLS);
	hits = count_hits();
	cr_expect_geq(hits, ALL / 2 * 9 / 10, "found %zu pairs of one pool", hits);
}

/* Both find a single field, too. */
Test(pseudonym_pools, are_told_apart_by_one_field)
{
	size_t hits;

	fixture.manifest->ca.certificate_validity_s = (POOLS + 2) * DAY_S;
	make_pools(true, true);
	cr_expect_eq(audit_pools("own validities").not_after, POOLS);
	hits = count_hits();
	cr_expect_geq(hits, ALL / 2 * 9 / 10, "found %zu pairs of one pool", hits);
}

/*
 * The audit takes for a finding what chance makes less than three times in a thousand: in the
 * order of serials, in that of the CRL, in names that begin alike. So other pools have three more
 * tries, which all fail by chance once in 10^10.
 */
Test(pseudonym_pools, are_not_told_apart_by_the_pseudonymous_one)
{
	enum { TRIES = 4 };
	struct told told = {0};
	size_t hits;

	for (size_t i = 0; i < TRIES && (i == 0 || told.all > 0); i++) {
		if (i > 0) {
			tear_down();
			set_up();
		}
		make_pools(true, false);
		told = audit_pools("pseudonymous");
	}
	cr_expect_eq(told.all, 0, "the audit has %zu findings, of \"%s\" the last", told.all,
		     told.last);
	hits = count_hits();
	cr_expect_lt(hits, find_hit_limit(), "found %zu pairs of one pool, expected less than %zu",
		     hits, find_hit_limit());
}
