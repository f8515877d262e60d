#include "common/ca/issue/certify_batch.h"

#include "common/base/workers.h"
#include "common/ca/issue/policy.h"
#include "common/ca/store/audit.h"

#include <stdlib.h>
#include <string.h>

/* One request on its way: refused, or with the DER of a certificate that it had, or fresh. */
struct candidate {
	const char *name;
	bool has_key; /* the request could be parsed */
	uint8_t key_sha256[SHA256_LEN];
	struct refusal refusal;
	struct buffer der;
	bool fresh;
	size_t record; /* index of the fresh certificate's record, once they are gathered */
};

/* No request outlives its turn, so that memory does not grow by a parsed object a member. */
struct batch {
	const struct batch_terms *terms;
	const struct certificates_request *request;
	struct candidate *candidates;
	size_t count;
	/* A candidate's is at its own index, until the fresh ones are gathered in front. */
	struct issued_certificate *records;
	enum insert_result *results;
	size_t record_count;
	struct event *refusals; /* of the candidates, for the audit log */
	size_t refusal_count;
};

static void clear_batch(struct batch *batch)
{
	for (size_t i = 0; batch->candidates != NULL && i < batch->count; i++)
		clear_buffer(&batch->candidates[i].der);
	for (size_t i = 0; batch->records != NULL && i < batch->count; i++)
		clear_issued_certificate(&batch->records[i]);
	free(batch->candidates);
	free(batch->records);
	free(batch->results);
	free(batch->refusals);
}

static int allocate_batch(struct batch *batch, struct fault *fault)
{
	batch->candidates = calloc(batch->count, sizeof(*batch->candidates));
	batch->records = calloc(batch->count, sizeof(*batch->records));
	batch->results = calloc(batch->count, sizeof(*batch->results));
	batch->refusals = calloc(batch->count, sizeof(*batch->refusals));
	if (batch->candidates == NULL || batch->records == NULL || batch->results == NULL ||
	    batch->refusals == NULL)
		return set_memory_fault(fault);
	return 0;
}

/* What x509 says of a request refuses that request, unless it was the machine that failed. */
static int refuse_or_fail(const struct fault *found, const char *type, struct refusal *refusal,
			  struct fault *fault)
{
	if (pass_failure(found, fault) < 0)
		return -1;
	set_refusal(refusal, type, "%s", found->text);
	return 0;
}

/* The key is recorded already: its certificate is the answer, if it is this client's to have. */
static void settle_recorded(const struct batch_terms *terms, struct issued_certificate *record,
			    struct candidate *candidate)
{
	if (strcmp(record->client, terms->client->name) != 0)
		set_refusal(&candidate->refusal, "key_taken",
			    "the public key is certified for another client: make another key");
	else if (record->revoked)
		set_refusal(&candidate->refusal, "revoked",
			    "the certificate of this public key was revoked: make another key");
	else
		candidate->der = take_buffer(&record->der);
}

static int look_up(const struct batch_terms *terms, struct candidate *candidate, bool *ret_found,
		   struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

	if (find_by_key(terms->store, candidate->key_sha256, &record, ret_found, fault) < 0)
		return -1;
	if (*ret_found)
		settle_recorded(terms, &record, candidate);
	return 0;
}

static int fill_record(const struct batch_terms *terms, const struct candidate *candidate,
		       const struct csr *csr, struct issued_certificate *record,
		       struct fault *fault)
{
	memcpy(record->key_sha256, candidate->key_sha256, SHA256_LEN);
	memcpy(record->client, terms->client->name, sizeof(record->client));
	memcpy(record->member, candidate->name, strlen(candidate->name) + 1);
	record->issued_at_s = terms->now_s;
	record->not_before_s = terms->validity.not_before_s;
	record->not_after_s = terms->validity.not_after_s;
	record->subject = strdup(csr_subject(csr));
	return record->subject != NULL ? 0 : set_memory_fault(fault);
}

/* certify_csr verified the proof on its way. Only what it refused is looked at a second time. */
static int refuse_signing(const struct fault *found, const struct csr *csr, struct refusal *refusal,
			  struct fault *fault)
{
	struct verdict verdict = {0};

	if (found->class == FAULT_REFUSED && verify_csr(csr, &verdict, fault) < 0)
		return -1;
	return refuse_or_fail(found, verdict.invalid ? "bad_proof" : "bad_request", refusal, fault);
}

/* Signs; what is signed is nobody's before it is recorded. */
static int sign_certificate(const struct batch_terms *terms, const struct csr *csr,
			    struct candidate *candidate, struct issued_certificate *record,
			    struct fault *fault)
{
	struct fault found = {0};

	if (generate_serial(record->serial, fault) < 0)
		return -1;
	if (certify_csr(terms->issuer, csr, record->serial, &terms->validity, &record->der,
			&found) < 0)
		return refuse_signing(&found, csr, &candidate->refusal, fault);
	candidate->fresh = true;
	return fill_record(terms, candidate, csr, record, fault);
}

/*
 * One request, while others are examined on other cores. The proof of possession is not asked of a
 * key that is recorded: the answer is then the certificate that this client was given before, for a
 * proof, and nothing is issued.
 */
static int examine_request(size_t index, void *context, struct fault *fault)
{
	struct batch *batch = context;
	const struct batch_terms *terms = batch->terms;
	struct candidate *candidate = &batch->candidates[index];
	CLEANUP(free_csr) struct csr *csr = NULL;
	struct fault found = {0};
	bool recorded;

	if (parse_csr_pem(bytes_of_buffer(&batch->request->members[index].pem), &csr, &found) < 0)
		return refuse_or_fail(&found, "bad_request", &candidate->refusal, fault);
	public_key_sha256(csr_public_key(csr), candidate->key_sha256);
	candidate->has_key = true;
	if (memcmp(candidate->key_sha256, terms->issuer_key_sha256, SHA256_LEN) == 0) {
		set_refusal(&candidate->refusal, "key_taken",
			    "the public key is the CA's own: make another key");
		return 0;
	}
	if (look_up(terms, candidate, &recorded, fault) < 0)
		return -1;
	if (recorded)
		return 0;
	check_policy(terms->client, csr, &candidate->refusal);
	if (candidate->refusal.type[0] != '\0')
		return 0;
	return sign_certificate(terms, csr, candidate, &batch->records[index], fault);
}

/* In the order of the requests. */
static void gather_records(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct issued_certificate record = batch->records[i];

		if (!batch->candidates[i].fresh)
			continue;
		batch->records[i] = (struct issued_certificate){0};
		batch->records[batch->record_count] = record;
		batch->candidates[i].record = batch->record_count++;
	}
}

/* A key and whose it is, to be sorted. */
struct named_key {
	uint8_t sha256[SHA256_LEN];
	const char *name;
};

static int compare_keys(const void *a, const void *b)
{
	const struct named_key *x = a;
	const struct named_key *y = b;

	return memcmp(x->sha256, y->sha256, SHA256_LEN);
}

/* Refuses the whole batch when two of its requests have the same public key. */
static int check_distinct_keys(const struct batch *batch, struct refusal *refusal,
			       struct fault *fault)
{
	struct named_key *keys = calloc(batch->count, sizeof(*keys));
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
	for (size_t i = 1; i < count && refusal->type[0] == '\0'; i++)
		if (compare_keys(&keys[i - 1], &keys[i]) == 0)
			set_refusal(refusal, "duplicate_key",
				    "%s and %s have the same public key: make a key for each",
				    keys[i - 1].name, keys[i].name);
	free(keys);
	return 0;
}

/* Somebody else recorded the key between our look and our insert: the first one counts. */
static int settle_race(const struct batch_terms *terms, struct candidate *candidate,
		       struct fault *fault)
{
	bool found;

	if (look_up(terms, candidate, &found, fault) < 0)
		return -1;
	return found ? 0
		     : set_fault(fault, FAULT_FAILED,
				 "%s: the public key is recorded, and its record is not there",
				 candidate->name);
}

static int settle_inserted(struct batch *batch, struct candidate *candidate, struct fault *fault)
{
	switch (batch->results[candidate->record]) {
	case INSERTED:
		candidate->der = take_buffer(&batch->records[candidate->record].der);
		return 0;
	case KEY_EXISTS:
		return settle_race(batch->terms, candidate, fault);
	case OVER_QUOTA:
		set_refusal(&candidate->refusal, "quota",
			    "%s may have %zu certificates that are neither expired nor revoked, "
			    "and has them: revoke some, or have the CA allow it more",
			    batch->terms->client->name, batch->terms->client->policy.certificates);
		return 0;
	case KEY_SPENT:
		set_refusal(&candidate->refusal, "key_spent",
			    "the public key was certified before, for a certificate that expired "
			    "long ago: make another key");
		return 0;
	case CLIENT_BARRED:
		set_refusal(&candidate->refusal, "disabled",
			    "the CA disabled or revoked the client \"%s\" meanwhile",
			    batch->terms->client->name);
		return 0;
	}
	return 0;
}

static void note_refusal(struct batch *batch, const struct candidate *candidate)
{
	batch->refusals[batch->refusal_count++] =
		refusal_event(batch->terms->client->name, candidate->name, &candidate->refusal,
			      batch->terms->now_s);
}

/* In one transaction: the certificates, and the refusals that are certain by now. */
static int record_batch(struct batch *batch, struct fault *fault)
{
	struct insertion insertion = {.records = batch->records,
				      .count = batch->record_count,
				      .quota = batch->terms->client->policy.certificates,
				      .now_s = batch->terms->now_s,
				      .refusals = batch->refusals};

	for (size_t i = 0; i < batch->count; i++)
		if (batch->candidates[i].refusal.type[0] != '\0')
			note_refusal(batch, &batch->candidates[i]);
	insertion.refusal_count = batch->refusal_count;
	if (insert_certificates(batch->terms->store, &insertion, batch->results, fault) < 0)
		return -1;
	for (size_t i = 0; i < batch->count; i++)
		if (batch->candidates[i].fresh &&
		    settle_inserted(batch, &batch->candidates[i], fault) < 0)
			return -1;
	return 0;
}

static int add_outcome(struct certificates_answer *answer, const struct candidate *candidate,
		       struct fault *fault)
{
	if (candidate->refusal.type[0] != '\0') {
		struct member_refusal *member = &answer->refusals[answer->refusal_count++];

		memcpy(member->name, candidate->name, strlen(candidate->name) + 1);
		member->refusal = candidate->refusal;
		return 0;
	}
	struct member_pem *member = &answer->certificates[answer->certificate_count++];

	memcpy(member->name, candidate->name, strlen(candidate->name) + 1);
	return format_certificate_pem(bytes_of_buffer(&candidate->der), &member->pem, fault);
}

static int format_outcomes(const struct batch *batch, struct certificates_answer *ret_answer,
			   struct fault *fault)
{
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	answer.certificates = calloc(batch->count, sizeof(*answer.certificates));
	answer.refusals = calloc(batch->count, sizeof(*answer.refusals));
	if (answer.certificates == NULL || answer.refusals == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < batch->count; i++)
		if (add_outcome(&answer, &batch->candidates[i], fault) < 0)
			return -1;
	MOVE(ret_answer, answer);
	return 0;
}

static int refuse_all(const struct batch *batch, const struct refusal *refusal,
		      struct certificates_answer *ret_answer, struct fault *fault)
{
	const struct batch_terms *terms = batch->terms;

	if (record_refusal(terms->store, terms->client->name, NULL, refusal, terms->now_s, fault) <
	    0)
		return -1;
	*ret_answer = (struct certificates_answer){.refusal = *refusal};
	return 0;
}

int certify_requests(const struct batch_terms *terms, const struct certificates_request *request,
		     struct certificates_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_batch)
	struct batch batch = {.terms = terms, .request = request, .count = request->count};
	struct refusal refusal = {0};

	if (allocate_batch(&batch, fault) < 0)
		return -1;
	for (size_t i = 0; i < batch.count; i++)
		batch.candidates[i].name = request->members[i].name;
	if (run_tasks(batch.count, count_cores(), examine_request, &batch, fault) < 0)
		return -1;
	gather_records(&batch);
	if (check_distinct_keys(&batch, &refusal, fault) < 0)
		return -1;
	if (refusal.type[0] != '\0')
		return refuse_all(&batch, &refusal, ret_answer, fault);
	if (record_batch(&batch, fault) < 0)
		return -1;
	return format_outcomes(&batch, ret_answer, fault);
}
