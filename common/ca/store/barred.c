#include "common/ca/store/barred.h"

#include "common/base/staging.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/statement.h"

#include <string.h>

enum { BARRED_MAX = 64 * 1024 * 1024 };

static const char lock_name[] = BARRED_FILE ".lock";

int bar_client(struct transaction *transaction, const char *name, const char *why, int64_t now_s,
	       bool *ret_changed, struct fault *fault)
{
	static const char sql[] = "UPDATE client SET disabled = 1 WHERE name = ?1 AND disabled = 0"
				  " AND revoked_at IS NULL";
	const struct event event = {.kind = EVENT_POLICY,
				    .time_s = now_s,
				    .by = CA_NAME,
				    .client = name,
				    .type = "disabled",
				    .detail = why};
	int64_t changed;

	if (run_statement(transaction, sql, VALUES(text_value(name)), &changed, fault) < 0 ||
	    (changed > 0 && append_event(transaction, &event, fault) < 0))
		return -1;
	*ret_changed = changed > 0;
	return 0;
}

int list_barred(struct store *store, struct buffer *ret_names, struct fault *fault)
{
	static const char sql[] = "SELECT name FROM client WHERE disabled <> 0"
				  " OR revoked_at IS NOT NULL ORDER BY name";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	CLEANUP(clear_buffer) struct buffer names = {0};
	bool row;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql, NO_VALUES, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		char name[NAME_SIZE];

		row_name(&rows, 0, name);
		append_format(&names, "%s\n", name);
		if (next_row(&rows, &row, fault) < 0)
			return -1;
	}
	if (check_buffer(&names, fault) < 0)
		return -1;
	*ret_names = take_buffer(&names);
	return 0;
}

static int read_text(const struct layout *layout, struct buffer *ret_text, struct fault *fault)
{
	struct fault problem = {0};

	if (read_file(layout->state, BARRED_FILE, BARRED_MAX, ret_text, &problem) == 0 ||
	    problem.class == FAULT_NOT_FOUND)
		return 0;
	(void)pass_fault(&problem, fault);
	return prefix_fault(fault, "%s/state", layout->path);
}

int write_barred(struct store *store, const struct layout *layout, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_buffer) struct buffer before = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};

	if (lock_file(layout->state, lock_name, LOCK_WAIT, &lock, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (list_barred(store, &text, fault) < 0 || read_text(layout, &before, fault) < 0)
		return -1;
	if (equal_bytes(bytes_of_buffer(&before), bytes_of_buffer(&text)))
		return 0;
	if (write_file(layout->state, BARRED_FILE, STAGE_REPLACE, 0600, bytes_of_buffer(&text),
		       fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}

int read_barred(const struct layout *layout, struct buffer *ret_names, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_buffer) struct buffer names = {0};
	char *rest;

	if (read_text(layout, &text, fault) < 0)
		return -1;
	rest = (char *)text.data;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		char name[NAME_SIZE] = "";

		if (line[0] == '\0' && rest == NULL)
			break;
		if (!valid_name(line))
			return set_fault(fault, FAULT_MALFORMED,
					 "%s/state/" BARRED_FILE
					 ": expected the names of clients, found \"%s\": remove "
					 "that line, or move the file away",
					 layout->path, line);
		memcpy(name, line, strlen(line) + 1);
		append_bytes(&names, (struct bytes){(const uint8_t *)name, NAME_SIZE});
	}
	if (check_buffer(&names, fault) < 0)
		return -1;
	*ret_names = take_buffer(&names);
	return 0;
}
