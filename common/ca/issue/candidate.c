#include "common/ca/issue/candidate.h"

#include "common/base/random.h"
#include "common/ca/signer/policy.h"

#include <stdio.h>
#include <string.h>

void clear_candidate(struct candidate *candidate)
{
	clear_buffer(&candidate->der);
	clear_buffer(&candidate->body);
}

int find_recorded(const struct issue_options *options, struct candidate *candidate, bool *ret_found,
		  struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

	if (find_by_key(options->store, candidate->key_sha256, &record, ret_found, fault) < 0)
		return -1;
	if (!*ret_found)
		return 0;
	if (strcmp(record.client, options->client->name) != 0)
		set_refusal(&candidate->refusal, "key_taken",
			    "the public key is certified for another client: make another key");
	else if (record.revoked)
		set_refusal(&candidate->refusal, "revoked",
			    "the certificate of this public key was revoked: make another key");
	else if (record.not_after_s < options->now_s)
		set_refusal(&candidate->refusal, "key_spent",
			    "the certificate of this public key has expired: make another key");
	else
		candidate->der = take_buffer(&record.der);
	candidate->issuer = record.issuer;
	return 0;
}

/* prepare_certificate verified the proof already; only a request that it refused is verified again.
 */
static int refuse_preparing(const struct fault *problem, const struct csr *csr,
			    struct refusal *refusal, struct fault *fault)
{
	struct verdict verdict = {0};

	if (problem->class == FAULT_REFUSED && verify_csr(csr, &verdict, fault) < 0)
		return -1;
	return refuse_for_fault(problem, verdict.invalid ? "bad_proof" : "bad_request", refusal,
				fault);
}

/* Certificates that were issued together do not all end, and are not all renewed, at once. */
static int spread_end(const struct issue_options *options, struct validity *ret_validity,
		      struct fault *fault)
{
	struct validity validity = options->validity;
	uint64_t earlier_s = 0;

	if (options->jitter_s > 0 &&
	    draw_below((uint64_t)options->jitter_s + 1, &earlier_s, fault) < 0)
		return -1;
	validity.not_after_s -= (int64_t)earlier_s;
	*ret_validity = validity;
	return 0;
}

/* "acme-1a2b…": who asks by a protocol that has no names for members is given one. */
static void name_by_serial(const char *prefix, struct issued_certificate *record)
{
	char serial[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){record->serial, SERIAL_MAX}, serial);
	(void)snprintf(record->member, sizeof(record->member), "%.20s-%s", prefix, serial);
}

static int prepare(const struct issue_options *options, const struct csr *csr, unsigned int usages,
		   struct candidate *candidate, struct issued_certificate *record,
		   struct fault *fault)
{
	struct grant grant = {
		.usages = choose_usages(options->client, usages),
	};
	struct fault problem = {0};

	if (generate_serial(record->serial, fault) < 0 ||
	    spread_end(options, &grant.validity, fault) < 0)
		return -1;
	if (prepare_certificate(options->issuer, csr, record->serial, &grant, &candidate->body,
				&problem) < 0)
		return refuse_preparing(&problem, csr, &candidate->refusal, fault);
	candidate->is_new = true;
	candidate->issuer = issuer_number(options->issuer);
	record->issuer = candidate->issuer;
	memcpy(record->key_sha256, candidate->key_sha256, SHA256_LEN);
	memcpy(record->client, options->client->name, sizeof(record->client));
	if (options->prefix != NULL)
		name_by_serial(options->prefix, record);
	else
		memcpy(record->member, candidate->name, strlen(candidate->name) + 1);
	record->issued_at_s = options->now_s;
	record->not_before_s = grant.validity.not_before_s;
	record->not_after_s = grant.validity.not_after_s;
	record->subject = strdup(csr_subject(csr));
	return record->subject != NULL ? 0 : set_memory_fault(fault);
}

/* Those of the options count before those of the request, which must not ask for others. */
static void find_asked_usages(const struct issue_options *options, const struct csr *csr,
			      struct asked_usages *ret_asked, struct refusal *refusal)
{
	char named[USAGES_TEXT_SIZE];
	char wanted[USAGES_TEXT_SIZE];

	*ret_asked = *csr_usages(csr);
	if (options->usages == 0)
		return;
	format_usages(options->usages, named);
	format_usages(ret_asked->usages, wanted);
	if ((ret_asked->usages & PLAIN_USAGES & ~options->usages) != 0)
		set_refusal(refusal, "policy",
			    "usages: expected \"%s\", found \"%s\" in the request", named, wanted);
	ret_asked->usages |= options->usages;
}

int examine_candidate(const struct issue_options *options, struct bytes pem,
		      struct candidate *candidate, struct issued_certificate *ret_record,
		      struct fault *fault)
{
	CLEANUP(free_csr) struct csr *csr = NULL;
	struct asked_usages usages;
	struct fault problem = {0};
	bool found;

	if (parse_csr_pem(pem, &csr, &problem) < 0)
		return refuse_for_fault(&problem, "bad_request", &candidate->refusal, fault);
	public_key_sha256(csr_public_key(csr), candidate->key_sha256);
	candidate->has_key = true;
	if (memcmp(candidate->key_sha256, options->issuer_key_sha256, SHA256_LEN) == 0) {
		set_refusal(&candidate->refusal, "key_taken",
			    "the public key is the CA's own: make another key");
		return 0;
	}
	if (find_recorded(options, candidate, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	find_asked_usages(options, csr, &usages, &candidate->refusal);
	if (!is_refused(&candidate->refusal))
		check_policy(options->client,
			     &(struct named_key){public_key_type(csr_public_key(csr)),
						 csr_subject(csr), csr_alt_names(csr), &usages},
			     &candidate->refusal);
	if (is_refused(&candidate->refusal))
		return 0;
	return prepare(options, csr, usages.usages, candidate, ret_record, fault);
}
