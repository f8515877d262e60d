#include "common/ca/acme/challenges.h"

#include "common/ca/store/statement.h"

#include <stdio.h>
#include <string.h>

void identify_challenge(const struct acme_order *order, const char *name,
			uint8_t ret_id[static CHALLENGE_ID_LEN])
{
	uint8_t octets[ORDER_ID_LEN + ALT_NAME_MAX];
	const size_t len = strnlen(name, ALT_NAME_MAX);

	memcpy(octets, order->id, ORDER_ID_LEN);
	memcpy(octets + ORDER_ID_LEN, name, len);
	digest_sha256((struct bytes){octets, ORDER_ID_LEN + len}, ret_id);
}

static int copy_challenge(struct rows *rows, int64_t now_s, struct challenge *challenge,
			  struct fault *fault)
{
	enum { STATE, CHANGED_AT, TYPE, DETAIL };
	const int64_t state = row_number(rows, STATE);
	const int64_t changed_at_s = row_number(rows, CHANGED_AT);

	if (state < CHALLENGE_PROCESSING || state > CHALLENGE_INVALID)
		return report_damage(rows->transaction, "the state of a challenge", fault);
	challenge->state = (enum challenge_state)state;
	if (state == CHALLENGE_PROCESSING && changed_at_s + VALIDATION_MAX_S < now_s)
		challenge->state = CHALLENGE_PENDING;
	if (state == CHALLENGE_VALID)
		challenge->validated_at_s = changed_at_s;
	if (state == CHALLENGE_INVALID)
		set_refusal(&challenge->problem, row_text(rows, TYPE), "%s",
			    row_text(rows, DETAIL));
	return check_row(rows, fault);
}

int find_challenge(struct store *store, const uint8_t id[static CHALLENGE_ID_LEN], int64_t now_s,
		   struct challenge *ret_challenge, struct fault *fault)
{
	static const char sql[] = "SELECT state, changed_at, problem_type, problem"
				  " FROM acme_challenge WHERE id = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	struct challenge challenge = {.state = CHALLENGE_PENDING};
	bool found;

	if (begin_transaction(store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(octets_value(id, CHALLENGE_ID_LEN)), &rows, &found,
		      fault) < 0 ||
	    (found && copy_challenge(&rows, now_s, &challenge, fault) < 0))
		return -1;
	*ret_challenge = challenge;
	return 0;
}

int begin_challenge(struct store *store, const uint8_t id[static CHALLENGE_ID_LEN],
		    int64_t expires_s, int64_t now_s, bool *ret_begun, struct fault *fault)
{
	static const char expired_sql[] = "DELETE FROM acme_challenge WHERE expires_at < ?1";
	static const char begin_sql[] =
		"INSERT INTO acme_challenge (id, state, changed_at, expires_at)"
		" VALUES (?1, 1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET changed_at = ?2"
		" WHERE acme_challenge.state = 1 AND acme_challenge.changed_at < ?4";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t changed;

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, expired_sql, VALUES(number_value(now_s)), NULL, fault) <
		    0 ||
	    run_statement(&transaction, begin_sql,
			  VALUES(octets_value(id, CHALLENGE_ID_LEN), number_value(now_s),
				 number_value(expires_s), number_value(now_s - VALIDATION_MAX_S)),
			  &changed, fault) < 0 ||
	    commit_transaction(&transaction, fault) < 0)
		return -1;
	*ret_begun = changed > 0;
	return 0;
}

static int change_challenge(struct store *store, const char *sql, struct values values,
			    struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, sql, values, NULL, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int settle_challenge(struct store *store, const uint8_t id[static CHALLENGE_ID_LEN],
		     const struct refusal *problem, int64_t now_s, struct fault *fault)
{
	static const char sql[] = "UPDATE acme_challenge SET state = ?2, changed_at = ?3,"
				  " problem_type = ?4, problem = ?5 WHERE id = ?1 AND state = 1";
	const enum challenge_state state =
		is_refused(problem) ? CHALLENGE_INVALID : CHALLENGE_VALID;

	return change_challenge(store, sql,
				VALUES(octets_value(id, CHALLENGE_ID_LEN), number_value(state),
				       number_value(now_s), text_value(problem->type),
				       text_value(problem->detail)),
				fault);
}

int drop_challenge(struct store *store, const uint8_t id[static CHALLENGE_ID_LEN],
		   struct fault *fault)
{
	static const char sql[] = "DELETE FROM acme_challenge WHERE id = ?1 AND state = 1";

	return change_challenge(store, sql, VALUES(octets_value(id, CHALLENGE_ID_LEN)), fault);
}
