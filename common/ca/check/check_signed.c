#include "common/ca/check/checks.h"

#include "common/ca/signer/signed_log.h"
#include "common/ca/store/statement.h"
#include "common/wire/event.h"
#include "common/x509/certificate_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A shared record is not in a backup, and may be younger than the log that is: what was issued from
   begin_s on until the log was put back may lack a line. */
struct log_gap {
	int64_t begin_s; /* of the last line before; INT64_MAX: there is none */
	int64_t end_s;   /* when the log was put back */
};

/*
 * The log of signatures against the record: a certificate of the record that is as young as the log
 * has a line there, and it is the certificate that was signed. A line without a certificate is
 * counted: nobody was given it, unless the record is older than the log.
 */
struct signed_context {
	struct transaction *transaction;
	struct check_context *check;
	const char *where;
	int64_t begin_s;       /* what is younger has a line */
	struct buffer gaps;    /* a struct log_gap each */
	struct buffer serials; /* of its certificates */
};

static void clear_signed_context(struct signed_context *context)
{
	clear_buffer(&context->gaps);
	clear_buffer(&context->serials);
}

static int report_serial(struct signed_context *context, struct bytes serial, const char *advice,
			 const char *text, struct fault *fault)
{
	char digits[SERIAL_TEXT_SIZE];

	format_serial(serial, digits);
	return report_finding(context->check, context->where, advice, fault, "certificate %s: %s",
			      digits, text);
}

static bool was_signed(struct bytes der, const struct signed_line *line)
{
	struct certificate_fields fields;
	struct fault ignored = {0};
	uint8_t digest[SHA256_LEN];

	if (split_certificate(der, &fields, &ignored) < 0)
		return false;
	digest_sha256(fields.signed_object.body, digest);
	return memcmp(digest, line->sha256, SHA256_LEN) == 0;
}

static void note_line_time(struct signed_context *context, int64_t time_s)
{
	struct log_gap *gaps = (void *)context->gaps.data;
	const size_t count = context->gaps.len / sizeof(*gaps);

	for (size_t i = 0; i < count; i++)
		if (time_s < gaps[i].end_s)
			gaps[i].begin_s = time_s;
}

static bool is_in_gap(const struct signed_context *context, int64_t issued_at_s)
{
	const struct log_gap *gaps = (const void *)context->gaps.data;
	const size_t count = context->gaps.len / sizeof(*gaps);

	for (size_t i = 0; i < count; i++)
		if (issued_at_s >= gaps[i].begin_s && issued_at_s <= gaps[i].end_s)
			return true;
	return false;
}

static int check_signed_line(void *callback_context, const struct signed_line *line,
			     struct fault *fault)
{
	static const char sql[] = "SELECT der FROM certificate WHERE serial = ?1";
	struct signed_context *context = callback_context;
	CLEANUP(close_rows) struct rows rows = {0};
	struct bytes serial = {line->number, SERIAL_MAX};
	bool found;

	/* Init's line is older than every certificate. The log of a CA that an older certpool made
	   begins later: what was issued in the same second may be older. */
	if (context->serials.len == 0)
		context->begin_s = line->time_s + (line->kind == SIGNED_AUTHORITY ? 0 : 1);
	note_line_time(context, line->time_s);
	append_bytes(&context->serials, serial);
	if (line->kind != SIGNED_CERTIFICATE && line->kind != SIGNED_RESPONDER)
		return 0;
	if (query_row(context->transaction, sql, VALUES(octets_value(serial.data, SERIAL_MAX)),
		      &rows, &found, fault) < 0)
		return -1;
	if (!found) {
		context->check->summary.unrecorded += line->end_s >= context->check->options->now_s;
		return 0;
	}
	if (was_signed(row_bytes(&rows, 0), line))
		return check_row(&rows, fault);
	return report_serial(
		context, serial, ADVICE_RESTORE,
		"expected what was signed under this serial, found another certificate "
		"in the record",
		fault);
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

static int check_logged(struct signed_context *context, struct fault *fault)
{
	static const char sql[] = "SELECT serial, issued_at FROM certificate WHERE issued_at >= ?1";
	CLEANUP(close_rows) struct rows rows = {0};
	size_t count = context->serials.len / SERIAL_MAX;
	bool row;

	if (check_buffer(&context->serials, fault) < 0)
		return -1;
	if (count > 0)
		qsort(context->serials.data, count, SERIAL_MAX, compare_serials);
	if (query_rows(context->transaction, sql, VALUES(number_value(context->begin_s)), &rows,
		       fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		struct bytes serial = row_bytes(&rows, 0);
		bool logged = is_in_gap(context, row_number(&rows, 1)) ||
			      (count > 0 && serial.len == SERIAL_MAX &&
			       bsearch(serial.data, context->serials.data, count, SERIAL_MAX,
				       compare_serials) != NULL);

		if (check_row(&rows, fault) < 0 ||
		    (!logged &&
		     report_serial(context, serial,
				   "find out who wrote to the record or to the log; revoke it",
				   "expected a line, as it is in the record, found none",
				   fault) < 0) ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return 0;
}

/* What another front end signed is in that one's log. */
static int count_front_ends(struct transaction *transaction, int64_t *ret_count,
			    struct fault *fault)
{
	static const char sql[] = "SELECT COUNT(*) FROM front_end WHERE joined_at IS NOT NULL";

	return query_number(transaction, sql, NO_VALUES, ret_count, fault);
}

static int find_gaps(struct signed_context *context, struct fault *fault)
{
	static const char sql[] =
		"SELECT line FROM audit WHERE line LIKE '%\"event\":\"restored\"%'";
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (!is_shared_store(context->check->options->store))
		return 0;
	if (query_rows(context->transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		struct log_gap gap = {.begin_s = INT64_MAX};

		if (parse_event_time(bytes_of_string(row_text(&rows, 0)), &gap.end_s, fault) < 0 ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
		append_bytes(&context->gaps,
			     (struct bytes){(const uint8_t *)(const void *)&gap, sizeof(gap)});
	}
	return check_buffer(&context->gaps, fault);
}

/* A CA below a root that lies apart has no log before it signs something: the root logs for itself.
 */
static int count_signatures(struct transaction *transaction, int64_t *ret_count,
			    struct fault *fault)
{
	static const char sql[] = "SELECT (SELECT COUNT(*) FROM certificate) +"
				  " (SELECT COUNT(*) FROM spent_key) + crl_number FROM state";

	return query_number(transaction, sql, NO_VALUES, ret_count, fault);
}

static int check_lines(struct signed_context *context, struct fault *fault)
{
	const struct layout *layout = context->check->options->layout;
	struct fault problem = {0};
	int64_t front_ends;
	int64_t signatures;
	bool exists;

	if (count_front_ends(context->transaction, &front_ends, fault) < 0 ||
	    find_gaps(context, fault) < 0)
		return -1;
	if (read_signed_log(layout, check_signed_line, context, &exists, &problem) < 0)
		return report_finding(context->check, context->where, "put it back from a backup",
				      fault, "cannot be read: %s", problem.text);
	if (front_ends > 1)
		return 0;
	if (exists)
		return check_logged(context, fault);
	if (count_signatures(context->transaction, &signatures, fault) < 0)
		return -1;
	if (signatures == 0)
		return 0;
	return report_finding(context->check, context->where,
			      "put it back from a backup; a CA that an older certpool made has one "
			      "from its next signature on: run certpool crl --renew",
			      fault, "expected the log of signatures, found none");
}

int check_signed_log(struct transaction *transaction, struct check_context *check,
		     struct fault *fault)
{
	CLEANUP(clear_signed_context)
	struct signed_context context = {.transaction = transaction, .check = check};
	CLEANUP(free_string) char *where = NULL;

	if (asprintf(&where, "%s/state/%s", check->options->layout->path, SIGNED_LOG_FILE) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	context.where = where;
	return check_lines(&context, fault);
}
