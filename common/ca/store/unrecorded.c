#include "common/ca/store/unrecorded.h"

#include "common/ca/store/statement.h"

#include <string.h>

int find_unrecorded(struct transaction *transaction, const uint8_t serial[static SERIAL_MAX],
		    struct unrecorded *ret_revocation, bool *ret_found, struct fault *fault)
{
	static const char sql[] = "SELECT not_after, revoked_at, reason, issuer FROM revoked_serial"
				  " WHERE serial = ?1";
	enum { NOT_AFTER, REVOKED_AT, REASON, ISSUER };
	CLEANUP(close_rows) struct rows rows = {0};
	struct unrecorded revocation = {0};
	bool found;

	if (query_row(transaction, sql, VALUES(octets_value(serial, SERIAL_MAX)), &rows, &found,
		      fault) < 0)
		return -1;
	if (found) {
		memcpy(revocation.serial, serial, SERIAL_MAX);
		revocation.issuer = (unsigned int)row_number(&rows, ISSUER);
		revocation.not_after_s = row_number(&rows, NOT_AFTER);
		revocation.revoked_at_s = row_number(&rows, REVOKED_AT);
		revocation.reason = (int)row_number(&rows, REASON);
	}
	if (check_row(&rows, fault) < 0)
		return -1;
	if (found)
		*ret_revocation = revocation;
	*ret_found = found;
	return 0;
}

/* As generate_serial makes them. */
static int check_serial(const uint8_t serial[static SERIAL_MAX], struct fault *fault)
{
	char text[SERIAL_TEXT_SIZE];

	if (serial[0] != 0 && serial[0] < 0x80)
		return 0;
	format_serial((struct bytes){serial, SERIAL_MAX}, text);
	return set_fault(fault, FAULT_REFUSED,
			 "serial %s: expected one of this CA's, which begin with 01 to 7f", text);
}

int add_unrecorded(struct transaction *transaction, const struct unrecorded *revocation,
		   bool *ret_added, struct fault *fault)
{
	/* What one issuer's CRL lists, and then another's, is on the CRL of each from then on. */
	static const char sql[] =
		"INSERT INTO revoked_serial (serial, not_after, revoked_at, reason, issuer)"
		" VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (serial) DO UPDATE SET issuer = 0,"
		" not_after = CASE WHEN revoked_serial.not_after < excluded.not_after"
		" THEN excluded.not_after ELSE revoked_serial.not_after END"
		" WHERE revoked_serial.issuer <> excluded.issuer"
		" AND (revoked_serial.issuer <> 0"
		" OR revoked_serial.not_after < excluded.not_after)";
	int64_t changed;

	if (check_serial(revocation->serial, fault) < 0 ||
	    run_statement(transaction, sql,
			  VALUES(octets_value(revocation->serial, SERIAL_MAX),
				 number_value(revocation->not_after_s),
				 number_value(revocation->revoked_at_s),
				 number_value(revocation->reason),
				 number_value(revocation->issuer)),
			  &changed, fault) < 0)
		return -1;
	*ret_added = changed > 0;
	return 0;
}
