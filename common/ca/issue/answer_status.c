#include "common/ca/issue/answer_status.h"

#include "common/ca/store/certificates.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/issuer_set.h"
#include "common/x509/revocation/crl_reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill_revocation(int64_t revoked_at_s, int reason, struct status_answer *answer)
{
	answer->status = STATUS_REVOKED;
	answer->revoked_at_s = revoked_at_s;
	(void)snprintf(answer->reason, sizeof(answer->reason), "%s", format_crl_reason(reason));
}

static void fill_status(const struct issued_certificate *record, int64_t now_s,
			struct status_answer *answer)
{
	format_serial((struct bytes){record->serial, SERIAL_MAX}, answer->serial);
	answer->status = now_s > record->not_after_s ? STATUS_EXPIRED : STATUS_GOOD;
	if (record->revoked)
		fill_revocation(record->revoked_at_s, record->reason, answer);
}

/* The record may lack the certificate, and have its revocation (unrecorded.h). */
static int fill_unrecorded(struct store *store, unsigned int issuer, struct bytes serial,
			   struct status_answer *answer, struct fault *fault)
{
	struct certificate_status status;

	if (read_certificate_status(store, issuer, serial, &status, fault) < 0)
		return -1;
	if (status.revoked) {
		format_serial(serial, answer->serial);
		fill_revocation(status.revoked_at_s, status.reason, answer);
	}
	return 0;
}

int answer_status(struct authority *authority, struct bytes der, int64_t now_s,
		  struct status_answer *ret_answer, struct fault *fault)
{
	const struct issuer *issuer;
	struct store *store = authority_store(authority);
	struct certificate_fields fields;
	struct status_answer answer = {.status = STATUS_UNKNOWN};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool is_ours;
	bool found = false;

	if (split_certificate(der, &fields, fault) < 0)
		return -1;
	/* All serials of this CA have SERIAL_MAX octets. */
	issuer = get_issuer_by_name(authority_issuers(authority), fields.issuer);
	is_ours = fields.serial.len == SERIAL_MAX && issuer != NULL;
	if (is_ours && find_by_serial(store, fields.serial.data, &record, &found, fault) < 0)
		return -1;
	if (is_ours && !found &&
	    fill_unrecorded(store, issuer_number(issuer), fields.serial, &answer, fault) < 0)
		return -1;
	/* Only now: what was read may have been another server's. */
	if (check_store_recent(store, fault) < 0)
		return -1;
	/* A forged certificate may have the serial, and another key or subject. */
	if (found && equal_bytes(der, bytes_of_buffer(&record.der)))
		fill_status(&record, now_s, &answer);
	*ret_answer = answer;
	return 0;
}

static void add_own_status(const uint8_t serial[static SERIAL_MAX],
			   const struct certificate_status *status, struct statuses_answer *answer)
{
	if (!status->found) {
		memcpy(answer->unknown[answer->unknown_count++], serial, SERIAL_MAX);
	} else if (status->revoked) {
		struct revoked_serial *revoked = &answer->revoked[answer->revoked_count++];

		memcpy(revoked->serial, serial, SERIAL_MAX);
		revoked->revoked_at_s = status->revoked_at_s;
		revoked->reason = status->reason;
	}
}

static void free_statuses(struct certificate_status **statuses)
{
	free(TAKE(*statuses));
}

int answer_statuses(struct store *store, const char *client, const struct statuses_request *request,
		    struct statuses_answer *ret_answer, struct fault *fault)
{
	size_t count = request->serial_count;
	CLEANUP(clear_statuses_answer) struct statuses_answer answer = {0};
	CLEANUP(free_statuses)
	struct certificate_status *statuses = calloc(count, sizeof(*statuses));

	answer.revoked = calloc(count, sizeof(*answer.revoked));
	answer.unknown = calloc(count, sizeof(*answer.unknown));
	if (statuses == NULL || answer.revoked == NULL || answer.unknown == NULL)
		return set_memory_fault(fault);
	if (read_own_statuses(store, client, (const uint8_t(*)[SERIAL_MAX])request->serials, count,
			      statuses, fault) < 0 ||
	    check_store_recent(store, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		add_own_status(request->serials[i], &statuses[i], &answer);
	MOVE(ret_answer, answer);
	return 0;
}
