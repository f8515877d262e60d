#include "common/ca/store/listing.h"

#include "common/ca/store/certificate_query.h"
#include "common/ca/store/certificate_row.h"
#include "common/ca/store/session.h"

struct walk {
	const struct listing *listing;
	certificate_function *function;
	void *context;
	bool more;
};

static int tell_row(struct session *session, sqlite3_stmt *row, const struct walk *walk,
		    int *ret_ended, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

	if (read_record(&session->database, row, &record, fault) < 0)
		return -1;
	*ret_ended = walk->function(walk->context, &record,
				    sqlite3_column_int64(row, RECORD_COLUMN_COUNT), fault);
	return *ret_ended < 0 ? -1 : 0;
}

static int walk_rows(struct session *session, sqlite3_stmt *statement, struct walk *walk,
		     struct fault *fault)
{
	size_t limit = walk->listing->limit;
	int ended = 0;
	bool row = true;

	for (size_t told = 0; ended == 0; told++) {
		if (step_statement(&session->database, statement, &row, fault) < 0)
			return -1;
		walk->more = row && limit > 0 && told == limit;
		if (!row || walk->more)
			return 0;
		if (tell_row(session, statement, walk, &ended, fault) < 0)
			return -1;
	}
	return 0;
}

static int list_rows(struct session *session, void *context, struct fault *fault)
{
	struct walk *walk = context;
	const struct listing *listing = walk->listing;
	const char *columns =
		listing->without_der ? RECORD_COLUMNS_WITHOUT_DER ", id" : RECORD_COLUMNS ", id";
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	struct selection selection = {.query = &listing->query, .after = listing->after};

	if (prepare_selection(session, columns, &selection, &statement, fault) < 0)
		return -1;
	return walk_rows(session, statement, walk, fault);
}

int list_certificates(struct store *store, const struct listing *listing,
		      certificate_function *function, void *context, bool *ret_more,
		      struct fault *fault)
{
	struct walk walk = {.listing = listing, .function = function, .context = context};

	if (run_scan(store, list_rows, &walk, fault) < 0)
		return -1;
	if (ret_more != NULL)
		*ret_more = walk.more;
	return 0;
}

struct counting {
	const struct certificate_query *query;
	size_t count;
};

static int count_rows(struct session *session, void *context, struct fault *fault)
{
	struct counting *counting = context;
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	struct selection selection = {.query = counting->query};
	bool row;

	if (prepare_selection(session, "COUNT(*)", &selection, &statement, fault) < 0 ||
	    step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	counting->count = row ? (size_t)sqlite3_column_int64(statement, 0) : 0;
	return 0;
}

int count_certificates(struct store *store, const struct certificate_query *query,
		       size_t *ret_count, struct fault *fault)
{
	struct counting counting = {.query = query};

	if (run_scan(store, count_rows, &counting, fault) < 0)
		return -1;
	*ret_count = counting.count;
	return 0;
}
