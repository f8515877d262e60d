#include "common/ca/shared/front_end_key.h"

#include "common/base/hex.h"
#include "common/base/staging.h"
#include "common/ca/shared/store_key.h"
#include "common/ca/store/statement.h"
#include "common/crypto/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KEY_TEXT_MAX = 128, CONTEXT_SIZE = 96 + KEY_ID_SIZE };

int read_front_end_key(const struct layout *layout, struct agreement_key *ret_key, bool *ret_found,
		       struct fault *fault)
{
	CLEANUP(clear_secret) struct secret text = {0};

	if (find_file(layout->private, FRONT_END_KEY_FILE, ret_found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (!*ret_found)
		return 0;
	if (read_secret_file(layout->private, FRONT_END_KEY_FILE, KEY_TEXT_MAX, &text, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (parse_agreement_key(bytes_of_secret(&text), ret_key, fault) < 0)
		return prefix_fault(fault, "%s/Private/" FRONT_END_KEY_FILE, layout->path);
	return 0;
}

int make_front_end_key(const struct layout *layout, struct agreement_key *ret_key,
		       struct fault *fault)
{
	CLEANUP(clear_agreement_key) struct agreement_key key = {0};
	CLEANUP(clear_secret) struct secret text = {0};
	bool found;

	if (read_front_end_key(layout, ret_key, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	if (generate_agreement_key(&key, fault) < 0 || format_agreement_key(&key, &text, fault) < 0)
		return -1;
	if (write_file(layout->private, FRONT_END_KEY_FILE, STAGE_NEW, 0600, bytes_of_secret(&text),
		       fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	*ret_key = key;
	return 0;
}

static void name_half(int64_t number, char ret_context[static CONTEXT_SIZE])
{
	(void)snprintf(ret_context, CONTEXT_SIZE, "the public half of front end %" PRId64, number);
}

int seal_public_half(const struct shared_key *store_key, int64_t number,
		     const uint8_t public_half[static AGREEMENT_KEY_LEN], struct buffer *ret_sealed,
		     struct fault *fault)
{
	char context[CONTEXT_SIZE];

	name_half(number, context);
	return seal_under_key(store_key, context, (struct bytes){public_half, AGREEMENT_KEY_LEN},
			      ret_sealed, fault);
}

int open_public_half(const struct shared_key *store_key, int64_t number, struct bytes sealed,
		     uint8_t ret_public_half[static AGREEMENT_KEY_LEN], struct fault *fault)
{
	CLEANUP(clear_secret) struct secret half = {0};
	char context[CONTEXT_SIZE];

	name_half(number, context);
	if (open_under_key(store_key, context, sealed, &half, fault) < 0)
		return -1;
	if (half.len != AGREEMENT_KEY_LEN)
		return set_fault(fault, FAULT_UNDECRYPTABLE, "%s: expected %d octets, found %zu",
				 context, AGREEMENT_KEY_LEN, half.len);
	memcpy(ret_public_half, half.data, AGREEMENT_KEY_LEN);
	return 0;
}

int record_front_end_key(struct transaction *transaction, const struct agreement_key *key,
			 const struct shared_key *store_key, struct fault *fault)
{
	static const char sql[] = "UPDATE front_end SET public_key = ?2 WHERE id = ?1";
	const int64_t number = store_front_end(transaction->store);
	CLEANUP(clear_buffer) struct buffer sealed = {0};

	if (seal_public_half(store_key, number, key->public_half, &sealed, fault) < 0)
		return -1;
	return run_statement(transaction, sql,
			     VALUES(number_value(number), octets_value(sealed.data, sealed.len)),
			     NULL, fault);
}

/* *ret_kept: the record has the public half of this front end. */
static int find_own_half(struct transaction *transaction, const struct agreement_key *own,
			 const struct shared_key *store_key, bool *ret_kept, struct fault *fault)
{
	static const char sql[] = "SELECT public_key FROM front_end WHERE id = ?1";
	const int64_t number = store_front_end(transaction->store);
	CLEANUP(close_rows) struct rows rows = {0};
	uint8_t half[AGREEMENT_KEY_LEN] = {0};
	struct fault ignored = {0};

	if (query_row(transaction, sql, VALUES(number_value(number)), &rows, NULL, fault) < 0)
		return -1;
	/* Another half, whoever put it there, is replaced. */
	*ret_kept = !row_is_null(&rows, 0) &&
		    open_public_half(store_key, number, row_bytes(&rows, 0), half, &ignored) == 0 &&
		    memcmp(half, own->public_half, AGREEMENT_KEY_LEN) == 0;
	return check_row(&rows, fault);
}

static int record_own_half(struct store *store, const struct layout *layout,
			   const struct agreement_key *own, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    need_store_key(layout, &transaction, &store_key, fault) < 0 ||
	    record_front_end_key(&transaction, own, &store_key, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

int keep_front_end_keys(struct store *store, const struct layout *layout, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(clear_agreement_key) struct agreement_key own = {0};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool kept;

	if (make_front_end_key(layout, &own, fault) < 0 ||
	    begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    need_store_key(layout, &transaction, &store_key, fault) < 0 ||
	    take_store_key(layout, &store_key, fault) < 0 ||
	    find_own_half(&transaction, &own, &store_key, &kept, fault) < 0)
		return -1;
	end_transaction(&transaction);
	return kept ? 0 : record_own_half(store, layout, &own, fault);
}

/* --- the next key of the store --- */

static void name_next(const struct shared_key *before, int64_t number,
		      char ret_context[static CONTEXT_SIZE])
{
	(void)snprintf(ret_context, CONTEXT_SIZE,
		       "the key of the store after %s, for front end %" PRId64, before->kid,
		       number);
}

int seal_next_store_key(const struct shared_key *before, const struct shared_key *next,
			int64_t number, const uint8_t public_half[static AGREEMENT_KEY_LEN],
			struct buffer *ret_sealed, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};
	CLEANUP(clear_buffer) struct buffer inner = {0};
	char context[CONTEXT_SIZE];

	name_next(before, number, context);
	if (format_shared_key(next, &jwk, fault) < 0 ||
	    seal_to_key(public_half, context, bytes_of_secret(&jwk), &inner, fault) < 0)
		return -1;
	return seal_under_key(before, context, bytes_of_buffer(&inner), ret_sealed, fault);
}

int open_next_store_key(const struct shared_key *before, const struct agreement_key *own,
			int64_t number, struct bytes sealed, struct shared_key *ret_next,
			struct fault *fault)
{
	CLEANUP(clear_secret) struct secret inner = {0};
	CLEANUP(clear_secret) struct secret jwk = {0};
	char context[CONTEXT_SIZE];

	name_next(before, number, context);
	if (open_under_key(before, context, sealed, &inner, fault) < 0 ||
	    open_with_key(own, context, bytes_of_secret(&inner), &jwk, fault) < 0)
		return -1;
	return parse_shared_key(bytes_of_secret(&jwk), ret_next, fault);
}

int read_fingerprint(struct store *store, const struct layout *layout, int64_t number,
		     char ret_text[static FINGERPRINT_SIZE], struct fault *fault)
{
	static const char sql[] = "SELECT public_key FROM front_end WHERE id = ?1";
	CLEANUP(clear_shared_key) struct shared_key store_key = {0};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	struct fault problem = {0};
	uint8_t half[AGREEMENT_KEY_LEN];
	uint8_t digest[SHA256_LEN];

	ret_text[0] = '\0';
	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(number_value(number)), &rows, NULL, fault) < 0)
		return -1;
	if (row_is_null(&rows, 0))
		return 0;
	if (need_store_key(layout, &transaction, &store_key, fault) < 0)
		return -1;
	if (open_public_half(&store_key, number, row_bytes(&rows, 0), half, &problem) < 0)
		return set_fault(fault, problem.class, "%s: %s%s", store_name(store), problem.text,
				 problem.class == FAULT_UNDECRYPTABLE ? PUT_BACK : "");
	digest_sha256((struct bytes){half, sizeof(half)}, digest);
	format_hex((struct bytes){digest, FINGERPRINT_SIZE / 2}, ret_text);
	return 0;
}
