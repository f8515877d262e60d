#include "common/ca/store/issuers.h"

#include "common/ca/store/absorb_crl.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/prune.h"
#include "common/ca/store/revoke.h"
#include "common/ca/store/statement.h"
#include "common/ca/store/unrecorded.h"
#include "common/x509/issuer.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { NOW_S = 1000, LAST_END_S = 5000, AFTER_S = 100, END_S = 100000 };

static struct scratch_store scratch;
static struct store *store;
static struct certificate *certificates[3]; /* of issuers 1 to 3 */

static struct certificate *make_certificate_of(const struct private_key *key, const char *subject,
					       int64_t end_s)
{
	const struct validity validity = {0, end_s};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct certificate *certificate = NULL;

	OK(create_root(key, subject, &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	return certificate;
}

static struct certificate *make_certificate(const char *subject)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	return make_certificate_of(key, subject, END_S);
}

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	certificates[0] = make_certificate("CN=Issuer");
	certificates[1] = make_certificate("CN=Issuer,serialNumber=2");
	certificates[2] = make_certificate("CN=Issuer,serialNumber=3");
}

static void tear_down(void)
{
	for (size_t i = 0; i < COUNT_OF(certificates); i++)
		free_certificate(&certificates[i]);
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(issuers, .init = set_up, .fini = tear_down);

static struct new_issuer issuer_of(unsigned int number)
{
	return (struct new_issuer){.number = number,
				   .certificate = certificates[number - 1],
				   .last_end_s = LAST_END_S,
				   .after_s = AFTER_S,
				   .now_s = NOW_S};
}

static void add(unsigned int number)
{
	const struct new_issuer issuer = issuer_of(number);
	bool recorded = false;

	OK(record_issuer(store, &issuer, &recorded, &fault));
	cr_assert(recorded);
}

/* An issuer's record. */
struct wanted {
	unsigned int number;
	struct issuer_record found;
};

static int copy_wanted(void *context, const struct issuer_record *record, struct fault *ignored)
{
	struct wanted *wanted = context;

	(void)ignored;
	if (record->number == wanted->number) {
		wanted->found = *record;
		wanted->found.der = (struct buffer){0};
	}
	return 0;
}

static struct issuer_record read_issuer(unsigned int number)
{
	struct wanted wanted = {.number = number};

	OK(list_issuers(store, copy_wanted, &wanted, &fault));
	return wanted.found;
}

static void insert(unsigned int issuer, uint32_t number)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result = OVER_QUOTA;

	make_record(&record, "a", number);
	record.issuer = issuer;
	OK(store_records(store, &record, 1, SIZE_MAX, &result, &fault));
	cr_assert_eq(result, INSERTED);
}

static void serial_of(uint32_t number, uint8_t ret_serial[static SERIAL_MAX])
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

	make_record(&record, "a", number);
	memcpy(ret_serial, record.serial, SERIAL_MAX);
}

static void revoke(uint32_t number, int64_t unrecorded_until_s)
{
	uint8_t serial[1][SERIAL_MAX];
	const struct revocation revocation = {.serials = (const uint8_t(*)[SERIAL_MAX])serial,
					      .serial_count = 1,
					      .unrecorded_until_s = unrecorded_until_s,
					      .by = CA_NAME,
					      .now_s = NOW_S};
	struct revocation_summary summary;

	serial_of(number, serial[0]);
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
}

static int count_entry(void *context, const uint8_t serial[static SERIAL_MAX], int64_t revoked_at_s,
		       int reason, struct fault *ignored)
{
	size_t *count = context;

	(void)serial;
	(void)revoked_at_s;
	(void)reason;
	(void)ignored;
	++*count;
	return 0;
}

static size_t count_revoked(unsigned int issuer)
{
	size_t count = 0;
	int64_t revision;

	OK(list_revoked(store, issuer, 0, count_entry, &count, &revision, &fault));
	return count;
}

static struct certificate_status status_of(unsigned int issuer, uint32_t number)
{
	struct certificate_status status = {0};
	uint8_t serial[SERIAL_MAX];

	serial_of(number, serial);
	OK(read_certificate_status(store, issuer, (struct bytes){serial, SERIAL_MAX}, &status,
				   &fault));
	return status;
}

Test(issuers, are_used_like_this)
{
	unsigned int newest = 0;

	add(1);
	OK(read_newest_issuer(store, &newest, &fault));
	cr_expect_eq(newest, 1);
	insert(1, 1);
	/* certpool rotate ca: */
	add(2);
	OK(read_newest_issuer(store, &newest, &fault));
	cr_expect_eq(newest, 2);
	insert(2, 2);
	cr_expect(status_of(1, 1).found);
	cr_expect(status_of(2, 2).found);
}

Test(issuers, have_a_first_one_in_a_record_that_was_never_opened)
{
	struct crl_state state;
	unsigned int newest = 0;

	OK(read_newest_issuer(store, &newest, &fault));
	cr_expect_eq(newest, 1);
	OK(read_crl_state(store, 1, &state, &fault));
	cr_expect_eq(state.serves_until_s, INT64_MAX);
	cr_expect_eq(read_issuer(1).not_after_s, 0);
	add(1);
	cr_expect_eq(read_issuer(1).not_after_s, END_S);
}

Test(issuers, are_recorded_once)
{
	const struct new_issuer first = issuer_of(1);
	const struct new_issuer second = issuer_of(2);
	bool recorded = true;

	add(1);
	OK(record_issuer(store, &first, &recorded, &fault));
	cr_expect_not(recorded);
	add(2);
	OK(record_issuer(store, &second, &recorded, &fault));
	cr_expect_not(recorded);
	OK(record_issuer(store, &first, &recorded, &fault));
	cr_expect_not(recorded);
}

Test(issuers, refuse_another_certificate_and_a_gap)
{
	struct new_issuer other = issuer_of(1);
	struct new_issuer third = issuer_of(3);
	bool recorded;

	add(1);
	other.certificate = certificates[1];
	REFUSED(record_issuer(store, &other, &recorded, &fault), FAULT_REFUSED,
		"issuer 1: the record has another certificate than CN=Issuer,serialNumber=2");
	REFUSED(record_issuer(store, &third, &recorded, &fault), FAULT_REFUSED,
		"expected issuer 2 before it, found none");
}

static int find_line(void *context, int64_t sequence, const char *line, struct fault *ignored)
{
	(void)sequence;
	(void)ignored;
	if (strstr(line, "\"event\":\"issuer\"") != NULL &&
	    strstr(line, "\"detail\":\"CN=Issuer,serialNumber=2\"") != NULL &&
	    strstr(line, "\"number\":2") != NULL)
		*(bool *)context = true;
	return 0;
}

Test(issuers, are_in_the_audit_log_from_the_second_on)
{
	bool found = false;

	add(1);
	OK(list_audit(store, FIRST_FRONT_END, 1, find_line, &found, &fault));
	cr_expect_not(found);
	add(2);
	OK(list_audit(store, FIRST_FRONT_END, 1, find_line, &found, &fault));
	cr_expect(found);
}

/* By what is recorded, by what may yet be issued, by its own end. */
Test(issuers, serve_until_the_last_certificate_has_ended)
{
	struct new_issuer second = issuer_of(2);
	struct new_issuer third = issuer_of(3);
	bool recorded;

	add(1);
	insert(1, 1);
	second.last_end_s = 0;
	OK(record_issuer(store, &second, &recorded, &fault));
	cr_expect_eq(read_issuer(1).serves_until_s, 2000 + AFTER_S);
	cr_expect_eq(read_issuer(2).serves_until_s, END_S);
	OK(record_issuer(store, &third, &recorded, &fault));
	cr_expect_eq(read_issuer(2).serves_until_s, LAST_END_S + AFTER_S);
	cr_expect_eq(read_issuer(1).serves_until_s, 2000 + AFTER_S);
}

Test(issuers, end_with_their_own_certificate_at_the_latest)
{
	struct new_issuer second = issuer_of(2);
	bool recorded;

	add(1);
	second.last_end_s = 2 * END_S;
	OK(record_issuer(store, &second, &recorded, &fault));
	cr_expect_eq(read_issuer(1).serves_until_s, END_S);
}

/* One that a new root certified again, to an earlier end. */
Test(issuers, serve_no_longer_than_a_further_certificate)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *later = NULL;
	CLEANUP(free_certificate) struct certificate *earlier = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	later = make_certificate_of(key, "CN=Issuer", 2 * END_S);
	earlier = make_certificate_of(key, "CN=Issuer", NOW_S + 1);
	free_certificate(&certificates[0]);
	certificates[0] = make_certificate_of(key, "CN=Issuer", END_S);
	add(1);
	add(2);
	OK(replace_issuer_certificate(store, 1, later, &fault));
	cr_expect_eq(read_issuer(1).not_after_s, 2 * END_S);
	cr_expect_eq(read_issuer(1).serves_until_s, LAST_END_S + AFTER_S);
	OK(replace_issuer_certificate(store, 1, earlier, &fault));
	cr_expect_eq(read_issuer(1).not_after_s, NOW_S + 1);
	cr_expect_eq(read_issuer(1).serves_until_s, NOW_S + 1);
}

Test(issuers, know_their_own_certificates_alone)
{
	add(1);
	add(2);
	insert(1, 1);
	insert(2, 2);
	revoke(1, 0);
	cr_expect(status_of(1, 1).revoked);
	cr_expect_not(status_of(2, 1).found);
	cr_expect_not(status_of(2, 1).revoked);
	cr_expect(status_of(ANY_ISSUER, 1).revoked);
	cr_expect_not(status_of(1, 2).found);
	cr_expect_eq(count_revoked(1), 1);
	cr_expect_eq(count_revoked(2), 0);
}

Test(issuers, all_list_a_revocation_whose_issuer_is_not_known)
{
	add(1);
	add(2);
	revoke(9, LAST_END_S);
	cr_expect_eq(count_revoked(1), 1);
	cr_expect_eq(count_revoked(2), 1);
	cr_expect(status_of(1, 9).revoked);
	cr_expect(status_of(2, 9).revoked);
}

/* As the issuer's CRL lists it. */
static bool add_listed(unsigned int issuer, uint32_t number, int64_t not_after_s)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct unrecorded revocation = {
		.issuer = issuer, .not_after_s = not_after_s, .revoked_at_s = NOW_S + issuer};
	bool added = false;

	serial_of(number, revocation.serial);
	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(add_unrecorded(&transaction, &revocation, &added, &fault));
	OK(commit_transaction(&transaction, &fault));
	return added;
}

static int64_t end_of(uint32_t number)
{
	uint8_t serial[SERIAL_MAX];
	int64_t end_s = 0;
	bool found = false;

	serial_of(number, serial);
	OK(find_end(store, serial, &found, &end_s, &fault));
	cr_assert(found);
	return end_s;
}

/* A restored record takes one CRL after the other. Else that of issuer 2 would lose the entry. */
Test(issuers, all_list_a_revocation_that_the_crls_of_two_have)
{
	add(1);
	add(2);
	add(3);
	cr_expect(add_listed(1, 9, 5000));
	cr_expect_not(add_listed(1, 9, 5000));
	cr_expect_eq(count_revoked(2), 0);
	cr_expect(add_listed(2, 9, 4000));
	cr_expect_not(add_listed(2, 9, 4000));
	for (unsigned int issuer = 1; issuer <= 3; issuer++)
		cr_expect_eq(count_revoked(issuer), 1);
	cr_expect_eq(end_of(9), 5000);
	cr_expect(add_listed(3, 9, 6000));
	cr_expect_not(add_listed(3, 9, 6000));
	cr_expect_eq(end_of(9), 6000);
	cr_expect_eq(status_of(2, 9).revoked_at_s, NOW_S + 1, "of the first");
}

static void record_one(const struct crl_state *state)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(record_crl(&transaction, state, "", 1000, &fault));
	OK(commit_transaction(&transaction, &fault));
}

static void publish(unsigned int issuer)
{
	struct crl_state state;

	OK(read_crl_state(store, issuer, &state, &fault));
	OK(reserve_crl_number(store, &state.current_number, &fault));
	state.crl_revision = state.revision;
	record_one(&state);
}

static uint64_t complete_number(void)
{
	uint64_t number = 0;

	OK(read_complete_crl_number(store, NOW_S, &number, &fault));
	return number;
}

Test(issuers, have_one_sequence_of_crl_numbers)
{
	struct crl_state state;

	add(1);
	add(2);
	cr_expect_eq(complete_number(), 1, "there is none yet");
	publish(1);
	cr_expect_eq(complete_number(), 2, "issuer 2 has none yet");
	publish(2);
	cr_expect_eq(complete_number(), 1, "both have all that is revoked");
	OK(read_crl_state(store, 1, &state, &fault));
	cr_expect_eq(state.current_number, 1);
	OK(read_crl_state(store, 2, &state, &fault));
	cr_expect_eq(state.current_number, 2);
	insert(1, 1);
	revoke(1, 0);
	cr_expect_eq(complete_number(), 3, "the next one of either");
	publish(2);
	cr_expect_eq(complete_number(), 4);
	publish(1);
	cr_expect_eq(complete_number(), 3);
}

Test(issuers, that_have_ended_are_waited_for_by_nobody)
{
	struct new_issuer second = issuer_of(2);
	bool recorded;

	add(1);
	second.last_end_s = NOW_S - 10;
	second.after_s = 0;
	OK(record_issuer(store, &second, &recorded, &fault));
	publish(2);
	cr_expect_eq(complete_number(), 1);
}

/* Its last CRL may list the certificate, and no other follows. */
Test(issuers, that_have_ended_keep_no_certificate_from_being_pruned)
{
	const struct prune_options options = {.ended_before_s = 3000, .now_s = 3000};
	struct new_issuer second = issuer_of(2);
	struct prune_summary pruned;
	bool recorded;

	add(1);
	insert(1, 1);
	revoke(1, 0);
	OK(prune_certificates(store, &options, NULL, NULL, &pruned, &fault));
	cr_expect_eq(pruned.certificates, 0);
	cr_expect_eq(pruned.kept, 1);
	second.last_end_s = 0;
	OK(record_issuer(store, &second, &recorded, &fault));
	OK(prune_certificates(store, &options, NULL, NULL, &pruned, &fault));
	cr_expect_eq(pruned.certificates, 1);
	cr_expect_eq(pruned.kept, 0);
}

/* A root that issued by itself has its CRL as long as it is the root, then until the last of its
   own certificates has ended. */
Test(issuers, serve_until_the_end_of_what_they_issued)
{
	struct new_issuer second = issuer_of(2);
	bool recorded;

	add(1);
	insert(1, 1);
	second.last_end_s = END_S;
	OK(record_issuer(store, &second, &recorded, &fault));
	cr_expect_eq(read_issuer(1).serves_until_s, END_S);
	OK(end_issuer(store, 1, AFTER_S, &fault));
	cr_expect_lt(read_issuer(1).serves_until_s, END_S);
	cr_expect_gt(read_issuer(1).serves_until_s, AFTER_S);
	cr_expect_eq(read_issuer(2).serves_until_s, END_S);
}

Test(issuers, are_summarized_with_what_they_issued)
{
	struct issuer_summary issuers[ISSUERS_MAX];
	size_t count = 0;

	add(1);
	add(2);
	insert(1, 1);
	insert(1, 2);
	OK(summarize_issuers(store, NOW_S, issuers, &count, &fault));
	cr_assert_eq(count, 2);
	cr_expect_eq(issuers[0].number, 1);
	cr_expect(issuers[0].certificates == 2 && issuers[0].valid == 2);
	cr_expect_eq(issuers[0].serves_until_s, read_issuer(1).serves_until_s);
	cr_expect_eq(issuers[1].certificates, 0);
}
