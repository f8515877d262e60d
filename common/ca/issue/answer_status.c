#include "common/ca/issue/answer_status.h"

#include "common/ca/store/certificates.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/revocation/crl_reason.h"

#include <stdio.h>

static void fill_status(const struct issued_certificate *record, int64_t now_s,
			struct status_answer *answer)
{
	format_serial((struct bytes){record->serial, SERIAL_MAX}, answer->serial);
	answer->status = STATUS_GOOD;
	if (now_s > record->not_after_s)
		answer->status = STATUS_EXPIRED;
	if (!record->revoked)
		return;
	answer->status = STATUS_REVOKED;
	answer->revoked_at_s = record->revoked_at_s;
	(void)snprintf(answer->reason, sizeof(answer->reason), "%s",
		       format_crl_reason(record->reason));
}

int answer_status(struct authority *authority, struct bytes der, int64_t now_s,
		  struct status_answer *ret_answer, struct fault *fault)
{
	const struct certificate *issuer = issuer_certificate(authority_issuer(authority));
	struct certificate_fields fields;
	struct status_answer answer = {.status = STATUS_UNKNOWN};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool found = false;

	if (split_certificate(der, &fields, fault) < 0)
		return -1;
	/* All serials of this CA have SERIAL_MAX octets. */
	if (fields.serial.len == SERIAL_MAX &&
	    equal_bytes(fields.issuer, certificate_fields(issuer)->subject) &&
	    find_by_serial(authority_store(authority), fields.serial.data, &record, &found, fault) <
		    0)
		return -1;
	/* A forged certificate may have the serial, and another key or subject. */
	if (found && equal_bytes(der, bytes_of_buffer(&record.der)))
		fill_status(&record, now_s, &answer);
	*ret_answer = answer;
	return 0;
}
