#include "tools/record_output.h"

#include "common/x509/revocation/crl_reason.h"

const char *format_certificate_state(const struct issued_certificate *record, int64_t now_s)
{
	if (record->revoked)
		return "revoked";
	return record->not_after_s < now_s ? "expired" : "valid";
}

void add_json_certificate(struct json_line *line, const struct issued_certificate *record,
			  int64_t now_s)
{
	char serial[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){record->serial, SERIAL_MAX}, serial);
	add_json_text(line, "serial", serial);
	add_json_text(line, "client", record->client);
	add_json_text(line, "member", record->member);
	add_json_text(line, "subject", record->subject);
	add_json_text(line, "status", format_certificate_state(record, now_s));
	add_json_time(line, "issued_at", record->issued_at_s);
	add_json_time(line, "not_before", record->not_before_s);
	add_json_time(line, "not_after", record->not_after_s);
	if (!record->revoked)
		return;
	add_json_time(line, "revoked_at", record->revoked_at_s);
	add_json_text(line, "reason", format_crl_reason(record->reason));
}
