#include "common/ca/store/certificates.h"

#include "common/base/workers.h"
#include "common/ca/store/statement.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bytes serial_of(const struct issued_certificate *record)
{
	return (struct bytes){record->serial, SERIAL_MAX};
}

static struct certificate_status read_or_fail(struct store *store, struct bytes serial)
{
	struct certificate_status status = {0};
	struct fault fault = {0};

	cr_assert_eq(read_certificate_status(store, serial, &status, &fault), 0, "%s", fault.text);
	return status;
}

Test(certificate_status, tells_what_is_recorded_from_what_is_not)
{
	CLEANUP(remove_store_place) struct store_place place;
	CLEANUP(free_store) struct store *store = NULL;
	struct issued_certificate here;
	struct issued_certificate absent;
	struct bytes shorter;

	make_store_place(&place);
	store = open_place(&place);
	insert_one(store, "client1", 1);
	make_record(&here, "client1", 1);
	make_record(&absent, "client1", 2);
	shorter = (struct bytes){here.serial, SERIAL_MAX - 1};
	cr_expect(read_or_fail(store, serial_of(&here)).found);
	cr_expect_not(read_or_fail(store, serial_of(&here)).revoked);
	cr_expect_not(read_or_fail(store, serial_of(&absent)).found);
	cr_expect_not(read_or_fail(store, shorter).found);
	cr_expect_not(read_or_fail(store, (struct bytes){0}).found);
	clear_issued_certificate(&here);
	clear_issued_certificate(&absent);
}

Test(certificate_status, reads_a_revocation_and_its_revision_at_once)
{
	CLEANUP(remove_store_place) struct store_place place;
	CLEANUP(free_store) struct store *store = NULL;
	struct certificate_status before;
	struct certificate_status after;
	struct issued_certificate record;

	make_store_place(&place);
	store = open_place(&place);
	insert_one(store, "client1", 1);
	make_record(&record, "client1", 1);
	before = read_or_fail(store, serial_of(&record));
	run_foreign_sql(place.path, "BEGIN;"
				    "UPDATE certificate SET revoked_at = 1234, reason = 4;"
				    "UPDATE state SET revision = revision + 1;"
				    "COMMIT;");
	after = read_or_fail(store, serial_of(&record));
	cr_expect(after.revoked);
	cr_expect_eq(after.revoked_at_s, 1234);
	cr_expect_eq(after.reason, 4);
	cr_expect_eq(after.revision, before.revision + 1);
	/* The revision is told of what is not recorded too. */
	cr_expect_eq(read_or_fail(store, (struct bytes){0}).revision, after.revision);
	clear_issued_certificate(&record);
}

/* With one connection for all of them this would wait for itself. */
Test(certificate_status, is_read_while_another_connection_reads)
{
	CLEANUP(remove_store_place) struct store_place place;
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(end_transaction) struct transaction other = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct fault fault = {0};

	if (count_cores() < 2)
		cr_skip_test("one core, one connection");
	make_store_place(&place);
	store = open_place(&place);
	insert_one(store, "client1", 1);
	make_record(&record, "client1", 1);
	cr_assert_eq(begin_transaction(store, TRANSACTION_READ, &other, &fault), 0, "%s",
		     fault.text);
	cr_expect(read_or_fail(store, serial_of(&record)).found);
}

/* An answer of OCSP would be "unknown" if this were taken for a certificate that is not there. */
Test(certificate_status, takes_a_missing_state_for_damage)
{
	CLEANUP(remove_store_place) struct store_place place;
	CLEANUP(free_store) struct store *store = NULL;
	struct certificate_status status = {0};
	struct fault fault = {0};

	make_store_place(&place);
	store = open_place(&place);
	run_foreign_sql(place.path, "DELETE FROM state");
	cr_expect_eq(read_certificate_status(store, (struct bytes){0}, &status, &fault), -1);
	cr_expect_eq(fault.class, FAULT_FAILED);
	cr_expect_not_null(strstr(fault.text, "ca.db: the CA's record is damaged: expected a row"),
			   "%s", fault.text);
	cr_expect_eq(check_store(store, &fault), -1, "nothing is issued from it any more");
}
