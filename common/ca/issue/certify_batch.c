#include "common/ca/issue/certify_batch.h"

#include "common/base/workers.h"
#include "common/ca/issue/candidate.h"
#include "common/ca/issue/issuing_key.h"
#include "common/x509/csr.h"
#include "common/x509/signing_order.h"

#include <stdlib.h>
#include <string.h>

/* No parsed request outlives its examination, so that memory does not grow with the batch. */
struct certificate_batch {
	struct issue_options options;
	const struct issuer_set *issuers; /* of the CA: that of the options is the newest of them */
	const struct certificates_request *request;
	struct candidate *candidates;
	size_t count;
	/* At its candidate's index, until gather_records moves the new ones to the front. */
	struct issued_certificate *records;
	enum insert_result *results;
	size_t record_count;
};

static void clear_batch(struct certificate_batch *batch)
{
	for (size_t i = 0; batch->candidates != NULL && i < batch->count; i++)
		clear_candidate(&batch->candidates[i]);
	for (size_t i = 0; batch->records != NULL && i < batch->count; i++)
		clear_issued_certificate(&batch->records[i]);
	free(batch->candidates);
	free(batch->records);
	free(batch->results);
}

static int allocate_batch(struct certificate_batch *batch, struct fault *fault)
{
	batch->candidates = calloc(batch->count, sizeof(*batch->candidates));
	batch->records = calloc(batch->count, sizeof(*batch->records));
	batch->results = calloc(batch->count, sizeof(*batch->results));
	if (batch->candidates == NULL || batch->records == NULL || batch->results == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < batch->count; i++)
		batch->candidates[i].name = batch->request->members[i].name;
	return 0;
}

static struct bytes member_pem(const struct certificate_batch *batch, size_t index)
{
	return bytes_of_buffer(&batch->request->members[index].pem);
}

/* Runs on all cores at once. What cannot be read is refused when it is examined. */
static int read_key(size_t index, void *context, struct fault *fault)
{
	struct certificate_batch *batch = context;
	struct candidate *candidate = &batch->candidates[index];
	struct fault ignored = {0};

	(void)fault;
	candidate->is_unknown =
		read_csr_key_sha256(member_pem(batch, index), candidate->key_sha256, &ignored) == 0;
	return 0;
}

/* Mostly all keys of a batch are new: the store is asked for all of them at once, and for the
   certificates of those alone that it has. */
static int find_unknown(struct certificate_batch *batch, struct fault *fault)
{
	uint8_t(*keys)[SHA256_LEN] = calloc(batch->count, sizeof(*keys));
	bool *found = calloc(batch->count, sizeof(*found));
	int result = keys != NULL && found != NULL ? 0 : set_memory_fault(fault);

	if (result == 0)
		result = run_tasks(batch->count, count_cores(), read_key, batch, fault);
	for (size_t i = 0; i < batch->count && result == 0; i++)
		memcpy(keys[i], batch->candidates[i].key_sha256, SHA256_LEN);
	if (result == 0)
		result = find_recorded_keys(batch->options.store, (void *)keys, batch->count, found,
					    fault);
	for (size_t i = 0; i < batch->count && result == 0; i++)
		batch->candidates[i].is_unknown &= !found[i];
	free(keys);
	free(found);
	return result;
}

/* Runs on all cores at once. */
static int examine_member(size_t index, void *context, struct fault *fault)
{
	struct certificate_batch *batch = context;

	return examine_candidate(&batch->options, member_pem(batch, index),
				 &batch->candidates[index], &batch->records[index], fault);
}

/* A key and its member's name, for sorting. */
struct member_key {
	uint8_t sha256[SHA256_LEN];
	const char *name;
};

static int compare_keys(const void *a, const void *b)
{
	const struct member_key *x = a;
	const struct member_key *y = b;

	return memcmp(x->sha256, y->sha256, SHA256_LEN);
}

/* Refuses the whole batch when two of its requests have the same public key. */
static int check_distinct_keys(const struct certificate_batch *batch, struct refusal *refusal,
			       struct fault *fault)
{
	struct member_key *keys = calloc(batch->count, sizeof(*keys));
	size_t count = 0;

	if (keys == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < batch->count; i++) {
		if (!batch->candidates[i].has_key)
			continue;
		memcpy(keys[count].sha256, batch->candidates[i].key_sha256, SHA256_LEN);
		keys[count++].name = batch->candidates[i].name;
	}
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < count && !is_refused(refusal); i++)
		if (compare_keys(&keys[i - 1], &keys[i]) == 0)
			set_refusal(refusal, "duplicate_key",
				    "%s and %s have the same public key: make a key for each",
				    keys[i - 1].name, keys[i].name);
	free(keys);
	return 0;
}

/* The new candidates of a batch, for one order to the signer. */
struct new_certificates {
	size_t *indices; /* of the candidates, and of their records */
	struct buffer *bodies;
	struct signed_result *results;
	size_t count;
};

static void clear_new_certificates(struct new_certificates *new)
{
	for (size_t i = 0; i < new->count; i++) {
		clear_buffer(&new->bodies[i]);
		clear_signed_result(&new->results[i]);
	}
	free(new->indices);
	free(new->bodies);
	free(new->results);
}

static int collect_new(struct certificate_batch *batch, struct new_certificates *new,
		       struct fault *fault)
{
	new->indices = calloc(batch->count, sizeof(*new->indices));
	new->bodies = calloc(batch->count, sizeof(*new->bodies));
	new->results = calloc(batch->count, sizeof(*new->results));
	if (new->indices == NULL || new->bodies == NULL || new->results == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < batch->count; i++) {
		if (!batch->candidates[i].is_new)
			continue;
		new->indices[new->count] = i;
		new->bodies[new->count++] = take_buffer(&batch->candidates[i].body);
	}
	return 0;
}

/* Has all new certificates signed at once. One that is refused has no record any more. */
static int sign_new(struct certificate_batch *batch, struct fault *fault)
{
	CLEANUP(clear_new_certificates) struct new_certificates new = {0};
	struct signing_order order = {.kind = SIGN_MEMBERS,
				      .client = batch->options.client->name,
				      .now_s = batch->options.now_s};

	if (collect_new(batch, &new, fault) < 0)
		return -1;
	order.bodies = new.bodies;
	order.count = new.count;
	if (new.count > 0 && sign_order(batch->options.issuer, &order, new.results, fault) < 0)
		return -1;
	for (size_t i = 0; i < new.count; i++) {
		struct candidate *candidate = &batch->candidates[new.indices[i]];
		struct issued_certificate *record = &batch->records[new.indices[i]];

		if (!new.results[i].verdict.invalid) {
			record->der = take_buffer(&new.results[i].der);
			continue;
		}
		if (refuse_unsigned(&batch->options, &new.results[i].verdict, &candidate->refusal,
				    fault) < 0)
			return -1;
		candidate->is_new = false;
		clear_issued_certificate(record);
	}
	return 0;
}

/* Moves the new records that were signed to the front, in the order of the requests. */
static void gather_records(struct certificate_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct issued_certificate record = batch->records[i];

		if (!batch->candidates[i].is_new)
			continue;
		batch->records[i] = (struct issued_certificate){0};
		batch->records[batch->record_count] = record;
		batch->candidates[i].record_index = batch->record_count++;
	}
}

static bool has_recorded(const struct certificate_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (!batch->candidates[i].is_new && !is_refused(&batch->candidates[i].refusal))
			return true;
	return false;
}

/* What was read may have been committed on one server of several alone, until a commit after it
   says that all have it. */
static int confirm_recorded(struct certificate_batch *batch, struct fault *fault)
{
	return batch->record_count == 0 && has_recorded(batch)
		       ? confirm_store(batch->options.store, fault)
		       : 0;
}

static int record_batch(struct certificate_batch *batch, struct fault *fault)
{
	const struct issue_options *options = &batch->options;
	const struct insertion insertion = {.records = batch->records,
					    .count = batch->record_count,
					    .quota = options->client->policy.certificates,
					    .now_s = options->now_s,
					    .shuffle_ms = options->shuffle_ms};

	if (confirm_recorded(batch, fault) < 0 ||
	    insert_certificates(options->store, &insertion, batch->results, fault) < 0)
		return -1;
	for (size_t i = 0; i < batch->count; i++) {
		struct candidate *candidate = &batch->candidates[i];
		size_t at = candidate->record_index;

		if (candidate->is_new &&
		    settle_candidate(options, batch->results[at], &batch->records[at], candidate,
				     fault) < 0)
			return -1;
	}
	return 0;
}

static int add_outcome(struct certificates_answer *answer, const struct candidate *candidate,
		       struct fault *fault)
{
	if (is_refused(&candidate->refusal)) {
		struct member_refusal *member = &answer->refusals[answer->refusal_count++];

		memcpy(member->name, candidate->name, strlen(candidate->name) + 1);
		member->refusal = candidate->refusal;
		return 0;
	}
	struct member_pem *member = &answer->certificates[answer->certificate_count++];

	memcpy(member->name, candidate->name, strlen(candidate->name) + 1);
	return format_certificate_pem(bytes_of_buffer(&candidate->der), &member->pem, fault);
}

/* The certificates between the answer's and the root, the newest issuer's first: mostly it alone is
   one of theirs, but a key that was certified long ago has its certificate still. */
static int add_chain(const struct certificate_batch *batch, struct certificates_answer *answer,
		     struct fault *fault)
{
	bool needed[ISSUERS_MAX + 1] = {0};
	const struct issuer *issuer = batch->options.issuer;
	unsigned int newest = issuer_number(issuer);

	for (size_t i = 0; i < batch->count; i++)
		if (!is_refused(&batch->candidates[i].refusal))
			needed[batch->candidates[i].issuer] = true;
	for (unsigned int number = ISSUERS_MAX; number > 0; number--) {
		if (!needed[number] && !(number == newest && answer->certificate_count == 0))
			continue;
		issuer = get_issuer(batch->issuers, number);
		if (issuer == NULL || answer->chain_count == ANSWER_CHAIN_MAX)
			return set_fault(fault, FAULT_FAILED,
					 "issuer %u: expected its certificate for an answer",
					 number);
		if (is_root_issuer(issuer))
			continue;
		if (format_certificate_pem(certificate_der(issuer_certificate(issuer)),
					   &answer->chain[answer->chain_count++], fault) < 0)
			return -1;
	}
	return 0;
}

/* The outcome of each candidate, and the chain from the certificates to the root. */
static int format_outcomes(const struct certificate_batch *batch,
			   struct certificates_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	answer.certificates = calloc(batch->count, sizeof(*answer.certificates));
	answer.refusals = calloc(batch->count, sizeof(*answer.refusals));
	if (answer.certificates == NULL || answer.refusals == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < batch->count; i++)
		if (add_outcome(&answer, &batch->candidates[i], fault) < 0)
			return -1;
	if (add_chain(batch, &answer, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}

static int refuse_batch(const struct refusal *refusal, struct certificates_answer *ret_answer)
{
	*ret_answer = (struct certificates_answer){.refusal = *refusal};
	return 0;
}

static void check_count(size_t count, struct refusal *refusal)
{
	if (is_refused(refusal))
		return;
	if (count > BATCH_SIZE_MAX)
		set_refusal(refusal, "too_many", "expected at most %d requests, found %zu",
			    BATCH_SIZE_MAX, count);
	else if (count == 0)
		set_refusal(refusal, "malformed", "expected at least one request, found none");
}

int certify_batch(struct authority *authority, const char *client,
		  const struct certificates_request *request, int64_t now_s,
		  struct certificates_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {0};
	CLEANUP(clear_batch)
	struct certificate_batch batch = {
		.issuers = authority_issuers(authority),
		.request = request,
		.count = request->count,
	};
	struct refusal refusal = {0};

	if (begin_issue(authority, client, now_s, &record, &batch.options, &refusal, fault) < 0)
		return -1;
	check_count(request->count, &refusal);
	if (!is_refused(&refusal) && request->window.end_s != 0)
		choose_window(authority_ca(authority), &request->window, &batch.options, &refusal);
	if (is_refused(&refusal))
		return refuse_batch(&refusal, ret_answer);
	if (allocate_batch(&batch, fault) < 0 || find_unknown(&batch, fault) < 0 ||
	    run_tasks(batch.count, count_cores(), examine_member, &batch, fault) < 0)
		return -1;
	if (check_distinct_keys(&batch, &refusal, fault) < 0)
		return -1;
	if (is_refused(&refusal))
		return refuse_batch(&refusal, ret_answer);
	if (sign_new(&batch, fault) < 0)
		return -1;
	gather_records(&batch);
	if (record_batch(&batch, fault) < 0)
		return -1;
	return format_outcomes(&batch, ret_answer, fault);
}
