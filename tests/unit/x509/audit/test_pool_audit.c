#include "common/x509/audit/pool_audit.h"

#include "common/crypto/digest.h"
#include "common/x509/csr.h"
#include "common/x509/revocation/crl_builder.h"
#include "common/x509/revocation/crl_reason.h"
#include "common/x509/signing_order.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/issuers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { POOLS = 4, MEMBERS = 12 };

/* A member's certificate, before it is made. */
struct plan {
	char subject[80];
	char alt_name[80]; /* "": none */
	uint8_t serial[SERIAL_MAX];
	struct validity validity;
	unsigned int usages;
	const struct issuer *issuer;
};

static struct private_key *key;
static struct issuer *issuer;
static struct issuer *other_issuer;

static void set_up(void)
{
	key = make_key(KEY_ECDSA_P256);
	issuer = make_issuer(KEY_ECDSA_P256);
	other_issuer = make_named_issuer(KEY_ED25519, "CN=Another Root CA,O=Example");
}

static void tear_down(void)
{
	free_private_key(&key);
	free_issuer(&issuer);
	free_issuer(&other_issuer);
}

TestSuite(pool_audit, .init = set_up, .fini = tear_down);

/* What looks random, and is the same in each run. */
static void draw(size_t pool, size_t member, uint8_t ret_digest[static SHA256_LEN])
{
	char text[64];

	(void)snprintf(text, sizeof(text), "pool %zu member %zu", pool, member);
	digest_sha256(bytes_of_string(text), ret_digest);
}

/* Members that nothing tells from those of other pools. */
static struct plan plan_member(size_t pool, size_t member)
{
	struct plan plan = {
		.validity = {NOW_S, NOW_S + 5 * 86400}, .usages = USE_SIGN, .issuer = issuer};
	uint8_t digest[SHA256_LEN];

	draw(pool, member, digest);
	memcpy(plan.serial, digest, sizeof(plan.serial));
	plan.serial[0] = 0x40 | (plan.serial[0] & 0x3f);
	(void)snprintf(plan.subject, sizeof(plan.subject), "CN=%02x%02x%02x%02x%02x%02x%02x%02x",
		       digest[20], digest[21], digest[22], digest[23], digest[24], digest[25],
		       digest[26], digest[27]);
	return plan;
}

static struct buffer make_certificate(const struct plan *plan)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(free_csr) struct csr *csr = NULL;
	struct buffer der = {0};
	const struct grant grant = {.validity = plan->validity, .usages = plan->usages};
	const struct signing_order order = {.kind = SIGN_MEMBERS, .bodies = &body, .count = 1};

	if (plan->alt_name[0] != '\0')
		OK(add_alt_name(&names, plan->alt_name, &fault));
	OK(create_csr(key, plan->subject, &names, plan->usages, &pem, &fault));
	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	OK(prepare_certificate(plan->issuer, csr, plan->serial, &grant, &body, &fault));
	OK(sign_one(plan->issuer, &order, &der, &fault));
	return der;
}

/* The findings: "POOL FIELD" and a line end each. */
static int note(void *context, const struct audit_finding *finding, struct fault *fault)
{
	struct buffer *found = context;

	cr_expect_neq(finding->text[0], '\0');
	append_format(found, "%s %s\n", finding->pool, finding->field);
	return check_buffer(found, fault);
}

typedef void change(struct plan *plan, size_t pool, size_t member);

static struct pool_audit *take_pools(change *change_member, size_t at_least, struct buffer *found)
{
	const struct audit_options options = {.window_s = AUDIT_WINDOW_S,
					      .at_least = at_least,
					      .function = note,
					      .context = found};
	struct pool_audit *audit = NULL;

	OK(new_pool_audit(&options, &audit, &fault));
	for (size_t pool = 0; pool < POOLS; pool++)
		for (size_t member = 0; member < MEMBERS; member++) {
			struct plan plan = plan_member(pool, member);
			CLEANUP(clear_buffer) struct buffer der = {0};
			char name[16];

			if (change_member != NULL)
				change_member(&plan, pool, member);
			(void)snprintf(name, sizeof(name), "car%zu", pool);
			der = make_certificate(&plan);
			OK(audit_certificate(audit, name, bytes_of_buffer(&der), &fault));
		}
	return audit;
}

static void name_the_client(struct plan *plan, size_t pool, size_t member)
{
	(void)snprintf(plan->subject, sizeof(plan->subject), "CN=car%zu-%zu", pool, member);
}

static void begin_alike(struct plan *plan, size_t pool, size_t member)
{
	if (pool == 2)
		(void)snprintf(plan->subject, sizeof(plan->subject), "CN=car%zu", 2000 + member);
}

static void end_alike(struct plan *plan, size_t pool, size_t member)
{
	if (pool == 2)
		(void)snprintf(plan->alt_name, sizeof(plan->alt_name), "DNS:m%zucar.example",
			       100 + member);
	else
		(void)snprintf(plan->alt_name, sizeof(plan->alt_name), "DNS:%s.example",
			       plan->subject + 3);
}

static void have_one_name(struct plan *plan, size_t pool, size_t member)
{
	(void)member;
	(void)snprintf(plan->alt_name, sizeof(plan->alt_name), "DNS:car.example");
	if (pool == 1)
		(void)snprintf(plan->alt_name, sizeof(plan->alt_name), "DNS:bus.example");
}

static void begin_together(struct plan *plan, size_t pool, size_t member)
{
	(void)member;
	if (pool == 3)
		plan->validity.not_before_s += 7;
}

static void end_together(struct plan *plan, size_t pool, size_t member)
{
	if (pool == 3 && member < 2)
		plan->validity.not_after_s += 7;
}

static void end_alone(struct plan *plan, size_t pool, size_t member)
{
	if (pool == 3 && member == 0)
		plan->validity.not_after_s += 7;
}

static void be_of_another_issuer(struct plan *plan, size_t pool, size_t member)
{
	(void)member;
	if (pool == 0)
		plan->issuer = other_issuer;
}

static void be_for_something_else(struct plan *plan, size_t pool, size_t member)
{
	(void)member;
	if (pool == 0)
		plan->usages = USE_SIGN | USE_CLIENT;
}

static void be_longer(struct plan *plan, size_t pool, size_t member)
{
	(void)member;
	if (pool == 1)
		plan->subject[strlen(plan->subject) - 1] = '\0';
}

static void be_numbered(struct plan *plan, size_t pool, size_t member)
{
	memset(plan->serial + 1, 0, sizeof(plan->serial) - 1);
	plan->serial[SERIAL_MAX - 2] = (uint8_t)pool;
	plan->serial[SERIAL_MAX - 1] = (uint8_t)member;
	plan->serial[0] = 0x40;
}

/* From one counter, which the pools take in turn. */
static void be_interleaved(struct plan *plan, size_t pool, size_t member)
{
	be_numbered(plan, member * POOLS + pool, 0);
}

static void be_of_another_day(struct plan *plan, size_t pool, size_t member)
{
	(void)member;
	if (pool == 1)
		plan->validity.not_before_s += 86400;
}

Test(pool_audit, finds_what_tells_a_pool_from_the_others)
{
	static const struct {
		change *change_member;
		size_t at_least;
		const char *findings;
	} rows[] = {
		{NULL, 2, ""},
		{NULL, POOLS, ""},
		{NULL, POOLS + 1, "car0 window\ncar1 window\ncar2 window\ncar3 window\n"},
		{name_the_client, 2,
		 "car0 part of subject\ncar1 part of subject\n"
		 "car2 part of subject\ncar3 part of subject\n"},
		{begin_alike, 2, "car2 size\ncar2 subject\n"},
		{end_alike, 2, "car2 size\ncar2 subjectAltName\n"},
		{have_one_name, 2, "car1 part of subjectAltName\ncar1 subjectAltName\n"},
		{begin_together, 2, "car3 notBefore\n"},
		{end_together, 2, "car3 notAfter\n"},
		{end_alone, 2, ""},
		{be_for_something_else, 2,
		 "car0 extension 2.5.29.37\ncar0 order of extensions\ncar0 size\n"},
		{be_longer, 2, "car1 size\n"},
		{be_numbered, 2, " serial\n distance of serials\n"},
		{be_interleaved, 2, " distance of serials\n"},
		{be_of_another_day, 2, "car1 window\n"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer found = {0};
		CLEANUP(free_pool_audit) struct pool_audit *audit = NULL;
		size_t count;

		audit = take_pools(rows[i].change_member, rows[i].at_least, &found);
		OK(run_pool_audit(audit, &count, &fault));
		append_string(&found, "");
		cr_expect_str_eq(found.len > 0 ? (const char *)found.data : "", rows[i].findings,
				 "row %zu: %s", i, (const char *)found.data);
		cr_expect_eq(count > 0, rows[i].findings[0] != '\0', "row %zu", i);
	}
}

Test(pool_audit, finds_another_issuer)
{
	CLEANUP(clear_buffer) struct buffer found = {0};
	CLEANUP(free_pool_audit) struct pool_audit *audit = NULL;
	size_t count;

	audit = take_pools(be_of_another_issuer, 2, &found);
	OK(run_pool_audit(audit, &count, &fault));
	cr_expect_not_null(strstr((const char *)found.data, "car0 issuer\n"));
	cr_expect_not_null(strstr((const char *)found.data, "car0 signature algorithm\n"));
	cr_expect_null(strstr((const char *)found.data, "car1"));
}

/* The CRL has the certificates of that plan in the order of their numbers. */
static struct buffer make_crl(bool together, bool by_pool, int reason_of_first)
{
	static const struct crl_options options = {.number = 1,
						   .this_update_s = NOW_S,
						   .next_update_s = NOW_S + 86400,
						   .now_s = NOW_S};
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	struct buffer der = {0};

	OK(begin_crl(&builder, issuer, &options, &fault));
	for (size_t i = 0; i < (size_t)POOLS * MEMBERS; i++) {
		size_t pool = together ? i / MEMBERS : i % POOLS;
		struct plan plan = plan_member(pool, together ? i % MEMBERS : i / POOLS);
		struct crl_entry entry = {
			.revoked_at_s = NOW_S - 3600 + (by_pool ? (int64_t)pool : 0),
			.reason = pool == 0 ? reason_of_first : REASON_UNSPECIFIED};

		memcpy(entry.serial, plan.serial, sizeof(entry.serial));
		OK(add_crl_entry(&builder, &entry, &fault));
	}
	OK(finish_crl(&builder, &der, &fault));
	return der;
}

Test(pool_audit, finds_what_a_crl_tells)
{
	static const struct {
		bool together;
		bool by_pool;
		int reason_of_first;
		const char *findings;
	} rows[] = {
		{false, false, REASON_UNSPECIFIED, ""},
		{true, false, REASON_UNSPECIFIED, " order on the CRL\n"},
		{false, false, REASON_CESSATION_OF_OPERATION, "car0 revocation reason\n"},
		{false, true, REASON_UNSPECIFIED,
		 "car0 revocation time\ncar1 revocation time\n"
		 "car2 revocation time\ncar3 revocation time\n"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer found = {0};
		CLEANUP(clear_buffer)
		struct buffer crl =
			make_crl(rows[i].together, rows[i].by_pool, rows[i].reason_of_first);
		CLEANUP(free_pool_audit) struct pool_audit *audit = NULL;
		size_t count;

		audit = take_pools(NULL, 2, &found);
		OK(audit_crl(audit, bytes_of_buffer(&crl), &fault));
		OK(run_pool_audit(audit, &count, &fault));
		append_string(&found, "");
		cr_expect_str_eq(found.len > 0 ? (const char *)found.data : "", rows[i].findings,
				 "row %zu", i);
	}
}

Test(pool_audit, finds_nothing_in_nothing)
{
	const struct audit_options options = {AUDIT_WINDOW_S, AUDIT_AT_LEAST, note, NULL};
	CLEANUP(free_pool_audit) struct pool_audit *audit = NULL;
	CLEANUP(clear_buffer) struct buffer crl = make_crl(true, true, REASON_UNSPECIFIED);
	size_t count;

	OK(new_pool_audit(&options, &audit, &fault));
	OK(audit_crl(audit, bytes_of_buffer(&crl), &fault));
	REFUSED(audit_certificate(audit, "car0", bytes_of_string("x"), &fault), FAULT_MALFORMED,
		NULL);
	REFUSED(audit_crl(audit, bytes_of_string("x"), &fault), FAULT_MALFORMED, NULL);
	OK(run_pool_audit(audit, &count, &fault));
	cr_expect_eq(count, 0);
}
