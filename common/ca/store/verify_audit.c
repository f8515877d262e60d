#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One front end's chain, as the record names it. */
struct chain {
	char name[NAME_SIZE]; /* the front end's */
	struct chain_head end;
	struct chain_head
		trimmed; /* the last line that was trimmed, from which the chain goes on */
};

static const struct chain *get_chain(const struct buffer *chains, size_t index)
{
	return (const struct chain *)(const void *)chains->data + index;
}

/* NULL: the record has none. */
static const struct chain *find_chain(const struct buffer *chains, int64_t front_end)
{
	for (size_t i = 0; i < chains->len / sizeof(struct chain); i++)
		if (get_chain(chains, i)->end.front_end == front_end)
			return get_chain(chains, i);
	return NULL;
}

static void free_checkpoint(struct chain_head **heads)
{
	free(*heads);
}

/* One line, after the lines that result counts. */
static void verify_line(struct audit_verdict *result, int64_t sequence, struct bytes line,
			bool *ret_checkpoint)
{
	struct event_link link = {0};
	struct fault problem = {0};
	int64_t expected = result->lines + 1;

	if (result->verdict.invalid)
		return;
	if (sequence != expected)
		reject_because(&result->verdict,
			       "line %" PRId64 ": expected, and not there: it was taken away",
			       expected);
	else if (parse_event_link(line, &link, &problem) < 0)
		reject_because(&result->verdict, "line %" PRId64 ": changed: %s", sequence,
			       problem.text);
	else if (link.sequence != sequence)
		reject_because(&result->verdict,
			       "line %" PRId64 ": changed: it says it is line %" PRId64, sequence,
			       link.sequence);
	else if (link.front_end != result->front_end)
		reject_because(&result->verdict,
			       "line %" PRId64 ": changed: it says it is of front end %" PRId64,
			       sequence, link.front_end);
	else if (memcmp(link.previous, result->head, SHA256_LEN) != 0)
		reject_because(&result->verdict,
			       "line %" PRId64 ": it does not follow from line %" PRId64
			       ": one of the two was changed",
			       sequence, sequence - 1);
	if (result->verdict.invalid)
		return;
	digest_sha256(line, result->head);
	result->lines = sequence;
	*ret_checkpoint = link.checkpoint;
}

/* The end of the log against what the record's state says of it. */
static void verify_end(struct audit_verdict *result, const struct chain_head *head)
{
	if (result->verdict.invalid)
		return;
	if (result->lines < head->sequence)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": expected, and not there: it was taken away from the end",
			       result->lines + 1);
	else if (result->lines > head->sequence)
		reject_because(&result->verdict,
			       "line %" PRId64 ": the record knows of %" PRId64
			       " lines: it was put in",
			       head->sequence + 1, head->sequence);
	else if (memcmp(result->head, head->sha256, SHA256_LEN) != 0)
		reject_because(&result->verdict,
			       "line %" PRId64 ": changed: not what was written last",
			       result->lines);
}

static int read_chain_row(struct rows *rows, struct chain *ret_chain, struct fault *fault)
{
	enum { FRONT_END, NAME, LINES, HEAD, TRIMMED, TRIMMED_HEAD };
	struct chain chain = {0};

	row_name(rows, NAME, chain.name);
	chain.end.front_end = chain.trimmed.front_end = row_number(rows, FRONT_END);
	chain.end.sequence = row_number(rows, LINES);
	row_octets(rows, HEAD, chain.end.sha256, SHA256_LEN);
	chain.trimmed.sequence = row_number(rows, TRIMMED);
	row_octets(rows, TRIMMED_HEAD, chain.trimmed.sha256, SHA256_LEN);
	if (check_row(rows, fault) < 0)
		return -1;
	*ret_chain = chain;
	return 0;
}

/* All chains, or that of one front end. */
static int list_chains(struct transaction *transaction, int64_t front_end,
		       struct buffer *ret_chains, struct fault *fault)
{
	static const char sql[] =
		"SELECT c.front_end, f.name, c.lines, c.head, c.trimmed, c.trimmed_head"
		" FROM audit_chain c JOIN front_end f ON f.id = c.front_end"
		" WHERE ?1 IN (0, c.front_end) ORDER BY c.front_end";
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (query_rows(transaction, sql, VALUES(number_value(front_end)), &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		struct chain chain;

		if (read_chain_row(&rows, &chain, fault) < 0 || next_row(&rows, &row, fault) < 0)
			return -1;
		append_bytes(ret_chains, (struct bytes){(uint8_t *)&chain, sizeof(chain)});
	}
	return check_buffer(ret_chains, fault);
}

/* Begins after the line of the head. */
static struct audit_verdict begin_verdict(const struct chain_head *trimmed)
{
	struct audit_verdict result = {.front_end = trimmed->front_end,
				       .lines = trimmed->sequence,
				       .trimmed = trimmed->sequence};

	memcpy(result.head, trimmed->sha256, SHA256_LEN);
	return result;
}

/* Appends the heads of a checkpoint, each as a struct chain_head. */
static int collect_heads(struct bytes line, struct audit_verdict *result, struct buffer *heads,
			 struct fault *fault)
{
	CLEANUP(free_checkpoint) struct chain_head *found = NULL;
	struct fault problem = {0};
	size_t count = 0;

	if (parse_checkpoint(line, &found, &count, &problem) < 0) {
		if (pass_failure(&problem, fault) < 0)
			return -1;
		reject_because(&result->verdict, "line %" PRId64 ": changed: %s", result->lines,
			       problem.text);
		return 0;
	}
	append_bytes(heads, (struct bytes){(uint8_t *)found, count * sizeof(*found)});
	result->checkpoints++;
	return check_buffer(heads, fault);
}

static int verify_chain(struct transaction *transaction, const struct chain *chain,
			struct audit_verdict *ret_result, struct buffer *heads, struct fault *fault)
{
	CLEANUP(close_rows) struct rows rows = {0};
	struct audit_verdict result = begin_verdict(&chain->trimmed);
	int64_t sequence;
	const char *line;

	if (select_lines(transaction, chain->end.front_end, 1, &rows, fault) < 0 ||
	    read_line(&rows, &sequence, &line, fault) < 0)
		return -1;
	while (line != NULL) {
		bool checkpoint = false;

		verify_line(&result, sequence, bytes_of_string(line), &checkpoint);
		if (checkpoint && collect_heads(bytes_of_string(line), &result, heads, fault) < 0)
			return -1;
		if (read_line(&rows, &sequence, &line, fault) < 0)
			return -1;
	}
	verify_end(&result, &chain->end);
	*ret_result = result;
	return 0;
}

/* Lines that are of no chain. */
static int verify_no_others(struct transaction *transaction, const struct buffer *chains,
			    struct verdict *verdict, struct fault *fault)
{
	static const char sql[] = "SELECT COALESCE(MIN(id), 0) FROM audit WHERE id > ?1";
	int64_t id = 0;

	do {
		int64_t front_end;

		if (query_number(transaction, sql, VALUES(number_value(id)), &id, fault) < 0)
			return -1;
		front_end = id / (SEQUENCE_MAX + 1) + FIRST_FRONT_END;
		if (id != 0 && find_chain(chains, front_end) == NULL)
			reject_because(verdict,
				       "lines of front end %" PRId64
				       ", of which the record does not know: they were put in",
				       front_end);
		if (id != 0)
			id = line_id(front_end, SEQUENCE_MAX);
	} while (id != 0);
	return 0;
}

static void add_chain(struct audit_verdict *all, const struct audit_verdict *one,
		      const char *prefix)
{
	if (one->verdict.invalid)
		reject_because(&all->verdict, "%s%s", prefix, one->verdict.reason);
	all->all_lines += one->lines;
	all->checkpoints += one->checkpoints;
	all->chains++;
	if (one->front_end != all->front_end)
		return;
	all->lines = one->lines;
	all->trimmed = one->trimmed;
	memcpy(all->head, one->head, SHA256_LEN);
}

static int verify_chains(struct transaction *transaction, struct audit_verdict *all,
			 struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer chains = {0};
	CLEANUP(clear_buffer) struct buffer trimmed = {0};
	CLEANUP(clear_buffer) struct buffer heads = {0};
	size_t count;

	if (list_chains(transaction, 0, &chains, fault) < 0)
		return -1;
	count = chains.len / sizeof(struct chain);
	for (size_t i = 0; i < count; i++) {
		const struct chain *chain = get_chain(&chains, i);
		char prefix[NAME_SIZE + 2] = "";
		struct audit_verdict one;

		if (verify_chain(transaction, chain, &one, &heads, fault) < 0)
			return -1;
		if (count > 1)
			(void)snprintf(prefix, sizeof(prefix), "%s: ", chain->name);
		add_chain(all, &one, prefix);
		append_bytes(&trimmed, (struct bytes){(const uint8_t *)&chain->trimmed,
						      sizeof(chain->trimmed)});
	}
	if (find_chain(&chains, all->front_end) == NULL)
		reject_because(&all->verdict, "the record does not know of front end %" PRId64,
			       all->front_end);
	if (check_buffer(&trimmed, fault) < 0 ||
	    verify_heads(transaction, bytes_of_buffer(&trimmed), &heads, &all->verdict, fault) < 0)
		return -1;
	return verify_no_others(transaction, &chains, &all->verdict, fault);
}

int verify_audit_within(struct transaction *transaction, struct audit_verdict *ret_verdict,
			struct fault *fault)
{
	struct audit_verdict all = {.front_end = store_front_end(transaction->store)};

	if (verify_chains(transaction, &all, fault) < 0)
		return -1;
	*ret_verdict = all;
	return 0;
}

int verify_audit(struct store *store, struct audit_verdict *ret_verdict, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0)
		return -1;
	return verify_audit_within(&transaction, ret_verdict, fault);
}

/* Takes the next line off the copy. False for a line without its line end. */
static bool cut_copied_line(struct bytes *copy, struct bytes *ret_line)
{
	const uint8_t *end = copy->len > 0 ? memchr(copy->data, '\n', copy->len) : NULL;

	if (end == NULL)
		return false;
	*ret_line = (struct bytes){copy->data, (size_t)(end - copy->data)};
	copy->data = end + 1;
	copy->len -= ret_line->len + 1;
	return true;
}

/* The lines of a copy, the next one first, and the record's beside them. */
struct audit_comparison {
	struct transaction *transaction;
	struct rows rows; /* from the first line that both may have */
	bool open;
	struct chain_head trimmed;
	struct bytes copy;
	struct audit_verdict result;
};

/* The first line of a copy says whose log it is. */
static int find_copied_chain(struct audit_comparison *comparison, const struct event_link *first,
			     struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer chains = {0};
	const struct chain_head none = {.front_end = first->front_end};

	if (list_chains(comparison->transaction, first->front_end, &chains, fault) < 0)
		return -1;
	comparison->trimmed = chains.len > 0 ? get_chain(&chains, 0)->trimmed : none;
	comparison->result = begin_verdict(&none);
	comparison->result.trimmed = comparison->trimmed.sequence;
	return 0;
}

/*
 * Begins with the line before the copy's first: none, the last that was trimmed, one of the record,
 * or one that only its digest in the copy tells of: then the trimmed one, later in the copy, proves
 * it, as it has all lines before it in its digest.
 */
static int begin_comparison(struct audit_comparison *comparison, struct fault *fault)
{
	struct audit_verdict *result = &comparison->result;
	CLEANUP(close_rows) struct rows rows = {0};
	struct bytes rest = comparison->copy;
	struct bytes line;
	struct event_link link = {.sequence = 1, .front_end = FIRST_FRONT_END};
	struct fault malformed = {0};
	int64_t sequence;
	const char *before;

	if (cut_copied_line(&rest, &line))
		(void)!parse_event_link(line, &link, &malformed);
	if (find_copied_chain(comparison, &link, fault) < 0)
		return -1;
	if (malformed.class != FAULT_NONE || link.sequence <= 1)
		return 0;
	result->lines = link.sequence - 1;
	memcpy(result->head, link.previous, SHA256_LEN);
	if (result->lines == comparison->trimmed.sequence)
		memcpy(result->head, comparison->trimmed.sha256, SHA256_LEN);
	if (result->lines <= comparison->trimmed.sequence)
		return 0;
	if (select_lines(comparison->transaction, result->front_end, result->lines, &rows, fault) <
		    0 ||
	    read_line(&rows, &sequence, &before, fault) < 0)
		return -1;
	if (before != NULL && sequence == result->lines)
		digest_sha256(bytes_of_string(before), result->head);
	else
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": in the copy, and not in the record: it was taken away",
			       link.sequence);
	return 0;
}

/* A line that the record has must be the same there. */
static int compare_line(struct audit_comparison *comparison, struct bytes copied,
			struct fault *fault)
{
	struct audit_verdict *result = &comparison->result;
	int64_t expected = result->lines + 1;
	int64_t sequence;
	const char *line;
	bool checkpoint;

	if (!comparison->open) {
		if (select_lines(comparison->transaction, result->front_end, expected,
				 &comparison->rows, fault) < 0)
			return -1;
		comparison->open = true;
	}
	if (read_line(&comparison->rows, &sequence, &line, fault) < 0)
		return -1;
	if (line == NULL)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": in the copy, and not in the record: it was taken away",
			       expected);
	else if (!equal_bytes(copied, bytes_of_string(line)))
		reject_because(&result->verdict,
			       "line %" PRId64 ": the copy and the record have different lines",
			       expected);
	else
		verify_line(result, sequence, copied, &checkpoint);
	return 0;
}

static int verify_copied_line(struct audit_comparison *comparison, struct fault *fault)
{
	struct audit_verdict *result = &comparison->result;
	const struct chain_head *trimmed = &comparison->trimmed;
	int64_t expected = result->lines + 1;
	struct bytes copied;
	bool checkpoint;

	if (!cut_copied_line(&comparison->copy, &copied)) {
		reject_because(&result->verdict, "line %" PRId64 ": cut off", expected);
		return 0;
	}
	if (expected > trimmed->sequence)
		return compare_line(comparison, copied, fault);
	verify_line(result, expected, copied, &checkpoint);
	if (!result->verdict.invalid && expected == trimmed->sequence &&
	    memcmp(result->head, trimmed->sha256, SHA256_LEN) != 0)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": changed, it or a line before it: not what was trimmed",
			       expected);
	return 0;
}

static void close_comparison(struct audit_comparison *comparison)
{
	close_rows(&comparison->rows);
}

int verify_audit_copy(struct store *store, struct bytes copy, struct audit_verdict *ret_verdict,
		      struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_comparison)
	struct audit_comparison comparison = {.transaction = &transaction, .copy = copy};
	struct audit_verdict *result = &comparison.result;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    begin_comparison(&comparison, fault) < 0)
		return -1;
	/* A copy that ends earlier than the record's log is valid. */
	while (comparison.copy.len > 0 && !result->verdict.invalid)
		if (verify_copied_line(&comparison, fault) < 0)
			return -1;
	if (result->lines < comparison.trimmed.sequence)
		reject_because(&result->verdict,
			       "line %" PRId64
			       ": neither in the copy nor in the record: give the files of the "
			       "later exports, too",
			       result->lines + 1);
	*ret_verdict = *result;
	return 0;
}
