/* Prints certificates of the CA's record. */
#include "tools/certificate_output.h"

#include "common/base/clock.h"
#include "common/x509/revocation/crl_reason.h"

#include <stdio.h>

void add_json_certificate(struct json_line *line, const struct issued_certificate *certificate,
			  int64_t now_s)
{
	char serial[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){certificate->serial, SERIAL_MAX}, serial);
	add_json_text(line, "serial", serial);
	add_json_text(line, "client", certificate->client);
	add_json_text(line, "member", certificate->member);
	add_json_text(line, "subject", certificate->subject);
	add_json_number(line, "issuer", certificate->issuer);
	add_json_text(line, "status", name_certificate_state(certificate, now_s));
	add_json_time(line, "issued_at", certificate->issued_at_s);
	add_json_time(line, "not_before", certificate->not_before_s);
	add_json_time(line, "not_after", certificate->not_after_s);
	if (!certificate->revoked)
		return;
	add_json_time(line, "revoked_at", certificate->revoked_at_s);
	add_json_text(line, "reason", format_crl_reason(certificate->reason));
}

static int print_revoked_json(const struct revoked_certificate *revoked, const char *serial,
			      bool dry_run, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	add_json_text(&line, "serial", serial);
	if (revoked->client[0] != '\0') {
		add_json_text(&line, "client", revoked->client);
		add_json_text(&line, "member", revoked->member);
	}
	add_json_flag(&line, "already", revoked->already);
	if (!dry_run || revoked->already)
		add_json_time(&line, "revoked_at", revoked->revoked_at_s);
	add_json_text(&line, "reason", format_crl_reason(revoked->reason));
	return print_json(&line, fault);
}

int print_revoked(const struct command *command, const struct revoked_certificate *revoked,
		  bool dry_run, struct fault *fault)
{
	char serial[SERIAL_TEXT_SIZE];
	char at[TIME_TEXT_SIZE];
	char whose[2 * NAME_SIZE + 2] = ""; /* the record may not know it */

	format_serial((struct bytes){revoked->serial, SERIAL_MAX}, serial);
	if (command->json)
		return print_revoked_json(revoked, serial, dry_run, fault);
	format_time(revoked->revoked_at_s, at);
	if (revoked->client[0] != '\0')
		(void)snprintf(whose, sizeof(whose), " %s/%s", revoked->client, revoked->member);
	if (dry_run && !revoked->already)
		print_line("%s%s: would be revoked (%s)", serial, whose,
			   format_crl_reason(revoked->reason));
	else
		print_line("%s%s: %srevoked at %s (%s)", serial, whose,
			   revoked->already ? "already " : "", at,
			   format_crl_reason(revoked->reason));
	return 0;
}

void print_barred(const struct command *command, const struct buffer *names, const char *reason)
{
	for (size_t at = 0; at < names->len; at += NAME_SIZE)
		print_note(
			command,
			"%s %s, and is disabled: if it may enroll, run certpool client enable %s",
			(const char *)names->data + at, reason, (const char *)names->data + at);
}

void print_absorbed_crl(const struct command *command, const char *name,
			const struct absorbed_crl *absorbed)
{
	char made[TIME_TEXT_SIZE];

	format_time(absorbed->this_update_s, made);
	print_note(
		command,
		"%s: CRL number %s of %s is taken in: of its %s %s not revoked in "
		"the record, and %s that it lacks",
		name, absorbed->number, made, counted(absorbed->entries, "entry", "entries").text,
		counted(absorbed->revoked, "was", "were").text,
		counted(absorbed->unrecorded, "is of a certificate", "are of certificates").text);
	print_barred(command, &absorbed->barred,
		     "lost all its certificates by that CRL, as a client does that is barred");
}

void print_left_out(const struct command *command, const struct manifest *manifest,
		    const char *name, const struct crl_names *left_out)
{
	bool apart = manifest->ca.root_layout != NULL;

	for (size_t i = 0; i < left_out->count; i++)
		print_note(command,
			   "%s: the CRL of %s is left out: the record has no such issuer. If it "
			   "was this CA's, its key is lost with what it issued: %s; and what its "
			   "clients have of it is replaced by certpool keep",
			   name, left_out->names[i],
			   apart ? "revoke its certificate, which those clients have in "
				   "cert/ca.crt, certpool revoke ./FILE --yes, and run certpool "
				   "rotate ca"
				 : "remove it from every place that trusts it, and run certpool "
				   "rotate root");
}

int print_revocation_summary(const struct command *command,
			     const struct revocation_summary *summary, const char *barred_client,
			     uint64_t crl_number, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		if (crl_number > 0)
			print_line("CRL number %llu", (unsigned long long)crl_number);
		return 0;
	}
	add_json_number(&line, "revoked", (long long)summary->revoked);
	add_json_number(&line, "already", (long long)summary->already);
	if (barred_client[0] != '\0')
		add_json_text(&line, "client", barred_client);
	if (crl_number > 0)
		add_json_number(&line, "crl_number", (long long)crl_number);
	return print_json(&line, fault);
}
