#include "common/ca/issue/candidate.h"

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/ca/issue/authority.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/signer/policy.h"
#include "common/layout/ca_profile.h"
#include "common/x509/distinguished_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void clear_candidate(struct candidate *candidate)
{
	clear_buffer(&candidate->der);
	clear_buffer(&candidate->body);
}

/*
 * From the beginning of the window of now, or of the one before where that has just begun, for
 * those whose clock is behind; until the end of another one, as late as the client and the CA's own
 * certificate allow: two windows at least, but for a CA that ends.
 */
static void choose_rounded(const struct ca_node *ca, const struct issuer *issuer,
			   const struct client *client, int64_t now_s,
			   struct validity *ret_validity, struct refusal *refusal)
{
	const struct pool_windows windows = rounding_windows(ca);
	int64_t begin_s = window_at(&windows, now_s).begin_s;
	const int64_t ca_end_s = certificate_not_after(issuer_certificate(issuer));
	int64_t longest_s = longest_validity(ca, client);
	int64_t count;

	if (longest_s < shortest_rounded_validity(ca)) {
		set_refusal(refusal, "policy",
			    "validity: expected at least %" PRId64 " s, as times are rounded to "
			    "windows (ca.profile: pseudonymous), found %" PRId64
			    " s in the client's policy",
			    shortest_rounded_validity(ca), longest_s);
		return;
	}
	if (now_s - begin_s < ca->certificate_backdate_s)
		begin_s -= windows.every_s;
	if (longest_s > ca_end_s - begin_s)
		longest_s = ca_end_s - begin_s;
	count = (longest_s - windows.overlap_s) / windows.every_s;
	*ret_validity =
		(struct validity){begin_s, begin_s + count * windows.every_s + windows.overlap_s};
	if (count <= 0 || ret_validity->not_after_s <= now_s)
		set_refusal(refusal, "policy",
			    "validity: expected the end of a window before that of the CA's own "
			    "certificate: its operator renews that with certpool rotate ca");
}

/* Begins a little before now, for clients whose clock is behind; stays within the issuer's. */
static struct validity choose_validity(const struct ca_node *ca, const struct issuer *issuer,
				       const struct client *client, int64_t now_s)
{
	return limit_validity(issuer_certificate(issuer), now_s - ca->certificate_backdate_s,
			      now_s + longest_validity(ca, client));
}

/* A share of what is left of the validity, which the issuer's end may have cut short. */
static int64_t choose_jitter(const struct ca_node *ca, const struct validity *validity,
			     int64_t now_s)
{
	return (validity->not_after_s - now_s) * (int64_t)ca->certificate_jitter_percent / 100;
}

/* Refuses a client without a look at its requests. */
static void check_client(const struct client *record, bool found, const char *client,
			 struct refusal *refusal)
{
	if (!found)
		set_refusal(refusal, "unknown_client",
			    "the CA has no client \"%s\": add it there with certpool client add",
			    client);
	else if (record->revoked)
		set_refusal(refusal, "revoked",
			    "the CA revoked the client \"%s\", which is for good", client);
	else if (record->disabled)
		set_refusal(refusal, "disabled",
			    "the CA has disabled the client \"%s\" until it enables it again",
			    client);
}

int begin_issue(struct authority *authority, const char *client, int64_t now_s,
		struct client *ret_record, struct issue_options *options, struct refusal *refusal,
		struct fault *fault)
{
	const struct issuer *issuer = authority_issuer(authority);
	const struct ca_node *ca = authority_ca(authority);
	bool found;

	options->issuer = issuer;
	options->store = authority_store(authority);
	options->client = ret_record;
	options->now_s = now_s;
	if (read_client(options->store, client, ret_record, &found, fault) < 0)
		return -1;
	check_client(ret_record, found, client, refusal);
	if (is_refused(refusal))
		return 0;
	if (check_issuer_validity(issuer, now_s, fault) < 0 ||
	    check_may_issue(authority, fault) < 0 || check_room(authority, fault) < 0)
		return -1;
	public_key_sha256(certificate_public_key(issuer_certificate(issuer)),
			  options->issuer_key_sha256);
	if (restrict_policy(ca, &ret_record->policy, fault) < 0)
		return -1;
	options->pseudonymous = ca->pseudonymous;
	options->in_window = ca->pseudonymous;
	options->shuffle_ms = ca->shuffle_s * 1000;
	if (ca->pseudonymous) {
		choose_rounded(ca, issuer, ret_record, now_s, &options->validity, refusal);
		return 0;
	}
	options->validity = choose_validity(ca, issuer, ret_record, now_s);
	options->jitter_s = choose_jitter(ca, &options->validity, now_s);
	return 0;
}

void choose_window(const struct ca_node *ca, const struct window *asked,
		   struct issue_options *options, struct refusal *refusal)
{
	int64_t last_s = certificate_not_after(issuer_certificate(options->issuer));
	char last[TIME_TEXT_SIZE];

	check_asked_window(ca, options->client, asked, options->now_s,
			   options->now_s + ORDER_SKEW_S, refusal);
	if (is_refused(refusal))
		return;
	format_time(last_s, last);
	if (asked->end_s > last_s)
		set_refusal(
			refusal, "policy",
			"validity: expected a window that ends before the CA's own certificate, "
			"at %s: its operator renews that with certpool rotate ca",
			last);
	options->validity = (struct validity){asked->begin_s, asked->end_s};
	options->jitter_s = 0;
	options->in_window = true;
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
	else if (options->new_keys)
		set_refusal(&candidate->refusal, "key_spent",
			    "the public key has a certificate already: make another key for each "
			    "certificate");
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

static int fill_record(const struct issue_options *options, const char *subject,
		       const struct validity *validity, const struct candidate *candidate,
		       struct issued_certificate *record, struct fault *fault)
{
	record->issuer = candidate->issuer;
	memcpy(record->key_sha256, candidate->key_sha256, SHA256_LEN);
	memcpy(record->client, options->client->name, sizeof(record->client));
	if (options->prefix != NULL)
		name_by_serial(options->prefix, record);
	else
		memcpy(record->member, candidate->name, strlen(candidate->name) + 1);
	record->issued_at_s = options->now_s;
	record->not_before_s = validity->not_before_s;
	record->not_after_s = validity->not_after_s;
	record->subject = strdup(subject);
	return record->subject != NULL ? 0 : set_memory_fault(fault);
}

/* With the options' names the subject is empty; a pseudonym is what the CA has drawn. */
static int prepare(const struct issue_options *options, const struct csr *csr,
		   const struct named_key *asked, struct candidate *candidate,
		   struct issued_certificate *record, struct fault *fault)
{
	static const struct bytes no_subject = DER_LITERAL("\x30\x00");
	CLEANUP(clear_buffer) struct buffer subject = {0};
	CLEANUP(clear_buffer) struct buffer alt_names = {0};
	struct member_names names = {{0}, csr_alt_names_der(csr)};
	struct grant grant = {.usages = choose_usages(options->client, asked->usages->usages),
			      .names = options->names != NULL || options->pseudonymous ? &names
										       : NULL,
			      .in_window = options->in_window};
	struct fault problem = {0};

	if (asked->subject[0] == '\0')
		append_bytes(&subject, no_subject);
	else if (grant.names != NULL && append_name(&subject, asked->subject, fault) < 0)
		return -1;
	if (options->names != NULL) {
		append_alt_names(&alt_names, options->names);
		names.alt_names = bytes_of_buffer(&alt_names);
	}
	names.subject = bytes_of_buffer(&subject);
	if (check_buffer(&alt_names, fault) < 0 || check_buffer(&subject, fault) < 0 ||
	    generate_serial(record->serial, fault) < 0 ||
	    spread_end(options, &grant.validity, fault) < 0)
		return -1;
	if (prepare_certificate(options->issuer, csr, record->serial, &grant, &candidate->body,
				&problem) < 0)
		return refuse_preparing(&problem, csr, &candidate->refusal, fault);
	candidate->is_new = true;
	candidate->issuer = issuer_number(options->issuer);
	return fill_record(options, asked->subject, &grant.validity, candidate, record, fault);
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

/* What the certificate names: the request's subject has no place in that of a pseudonym. */
static int choose_subject(const struct issue_options *options, const struct csr *csr,
			  const struct alt_names *names, char **ret_subject, struct fault *fault)
{
	uint8_t random[16];

	if (!options->pseudonymous && options->names == NULL)
		*ret_subject = strdup(csr_subject(csr));
	else if (!options->pseudonymous || names->count > 0)
		*ret_subject = strdup("");
	else if (fill_random(random, sizeof(random), fault) < 0)
		return -1;
	else
		return expand_template(PSEUDONYM_SUBJECT, options->client->name, 0, random,
				       ret_subject, fault);
	return *ret_subject != NULL ? 0 : set_memory_fault(fault);
}

int examine_csr(const struct issue_options *options, const struct csr *csr,
		struct candidate *candidate, struct issued_certificate *ret_record,
		struct fault *fault)
{
	const struct alt_names *names =
		options->names != NULL ? options->names : csr_alt_names(csr);
	CLEANUP(free_string) char *subject = NULL;
	struct asked_usages usages;
	struct named_key asked = {public_key_type(csr_public_key(csr)), NULL, names, &usages};
	uint8_t key_sha256[SHA256_LEN];
	bool found = false;

	public_key_sha256(csr_public_key(csr), key_sha256);
	candidate->is_unknown &= memcmp(candidate->key_sha256, key_sha256, SHA256_LEN) == 0;
	memcpy(candidate->key_sha256, key_sha256, SHA256_LEN);
	candidate->has_key = true;
	if (memcmp(candidate->key_sha256, options->issuer_key_sha256, SHA256_LEN) == 0) {
		set_refusal(&candidate->refusal, "key_taken",
			    "the public key is the CA's own: make another key");
		return 0;
	}
	if (!candidate->is_unknown && find_recorded(options, candidate, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	if (choose_subject(options, csr, names, &subject, fault) < 0)
		return -1;
	asked.subject = subject;
	find_asked_usages(options, csr, &usages, &candidate->refusal);
	if (!is_refused(&candidate->refusal))
		check_policy(options->client, &asked, &candidate->refusal);
	if (is_refused(&candidate->refusal))
		return 0;
	return prepare(options, csr, &asked, candidate, ret_record, fault);
}

int examine_candidate(const struct issue_options *options, struct bytes pem,
		      struct candidate *candidate, struct issued_certificate *ret_record,
		      struct fault *fault)
{
	CLEANUP(free_csr) struct csr *csr = NULL;
	struct fault problem = {0};

	if (parse_csr_pem(pem, &csr, &problem) < 0)
		return refuse_for_fault(&problem, "bad_request", &candidate->refusal, fault);
	return examine_csr(options, csr, candidate, ret_record, fault);
}

static void refuse_barred(const char *client, struct refusal *refusal)
{
	set_refusal(refusal, "disabled", "the CA disabled or revoked the client \"%s\" meanwhile",
		    client);
}

int refuse_unsigned(const struct issue_options *options, const struct verdict *verdict,
		    struct refusal *refusal, struct fault *fault)
{
	const char *name = options->client->name;
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	if (read_client(options->store, name, &client, &found, fault) < 0)
		return -1;
	if (found && (client.disabled || client.revoked))
		refuse_barred(name, refusal);
	else
		set_refusal(refusal, "bad_request", "%s", verdict->reason);
	return 0;
}

/* Another request recorded the key between our look-up and our insert: that certificate counts. */
static int settle_race(const struct issue_options *options, struct candidate *candidate,
		       struct fault *fault)
{
	bool found;

	if (find_recorded(options, candidate, &found, fault) < 0)
		return -1;
	return found ? 0
		     : set_fault(fault, FAULT_FAILED,
				 "%s: the public key is recorded, and its record is not there",
				 candidate->name);
}

int settle_candidate(const struct issue_options *options, enum insert_result result,
		     struct issued_certificate *record, struct candidate *candidate,
		     struct fault *fault)
{
	const struct client *client = options->client;

	switch (result) {
	case INSERTED:
		candidate->der = take_buffer(&record->der);
		return 0;
	case KEY_EXISTS:
		return settle_race(options, candidate, fault);
	case OVER_QUOTA:
		set_refusal(&candidate->refusal, "quota",
			    "%s may have %s neither expired nor revoked, "
			    "and has as many: revoke some, or have the CA allow it more",
			    client->name,
			    counted(client->policy.certificates, "certificate that is",
				    "certificates that are")
				    .text);
		return 0;
	case KEY_SPENT:
		set_refusal(&candidate->refusal, "key_spent",
			    "the public key was certified before, for a certificate that expired "
			    "long ago: make another key");
		return 0;
	case CLIENT_BARRED:
		refuse_barred(client->name, &candidate->refusal);
		return 0;
	}
	return 0;
}
