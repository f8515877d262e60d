#include "common/ca/issue/authority.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/issue/certify_batch.h"
#include "common/ca/issue/intermediate.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/issue/request_rate.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/store.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/revocation/crl_reason.h"
#include "common/x509/signed_object.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_GOOD_US = 1000000 };

static const char serving_name[] = "serving";

struct authority {
	const struct manifest *manifest;
	const struct layout *layout;
	struct issuer *issuer;
	uint8_t key_sha256[SHA256_LEN]; /* the issuer's */
	struct store *store;
	struct rate *rate;
	int serving;                            /* the lock; -1: beside */
	atomic_int_least64_t key_good_until_us; /* of the stopwatch; 0: not tried yet */
};

/* A key and a record may be there without a certificate, from an init that was killed, but only
   while nothing was issued: a second one would not be the one that the clients have. */
static int check_nothing_issued(const struct layout *layout, const struct ca_node *ca,
				const char *path, int64_t now_s, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct store_summary summary;

	if (open_store(path, &store, fault) < 0 ||
	    summarize_store(store, now_s, &summary, fault) < 0)
		return -1;
	if (summary.certificates == 0)
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s/cert/%s: expected the %s under which %zu certificates were issued, "
			 "found none: restore it from a backup",
			 layout->path, issuing_certificate_name(ca),
			 ca->root_layout != NULL ? "CA's certificate" : "root",
			 summary.certificates);
}

static int check_leftovers(const struct layout *layout, const struct ca_node *ca,
			   const struct key_access *access, const char *path, int64_t now_s,
			   struct fault *fault)
{
	const char *name = issuing_certificate_name(ca);
	bool certificate = issuing_certificate_exists(layout, ca);
	bool store = file_exists(layout->state, STORE_FILE);

	if (check_ca_kind(layout, ca, fault) < 0)
		return -1;
	if (certificate && !issuing_key_exists(layout, ca, access))
		return set_fault(fault, FAULT_REFUSED,
				 "%s: cert/%s is there and Private/%s is not: restore "
				 "the key from a backup; without it there is no more CA here",
				 layout->path, name, issuing_key_name(ca));
	if (certificate && !store)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: cert/%s is there and state/%s is not: restore the "
				 "record from a backup; a new one would forget what was issued",
				 layout->path, name, STORE_FILE);
	return !certificate && store ? check_nothing_issued(layout, ca, path, now_s, fault) : 0;
}

/* Temporary files of an init that was killed. */
static int sweep(const struct layout *layout, struct fault *fault)
{
	if (sweep_staging(layout->private, fault) < 0 || sweep_staging(layout->state, fault) < 0 ||
	    sweep_staging(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	return 0;
}

/* That what is there now is a CA that can be opened. */
static int check_made(const struct layout *layout, const struct ca_node *ca,
		      const struct key_access *access, struct fault *fault)
{
	CLEANUP(free_issuer) struct issuer *issuer = NULL;

	return load_issuer(layout, ca, access, &issuer, fault);
}

static int make_certificate(const struct layout *layout, const struct ca_node *ca,
			    const struct key_access *access, int64_t now_s,
			    struct authority_made *made, struct fault *fault)
{
	struct intermediate_made intermediate = {0};

	if (ca->root_layout != NULL) {
		if (make_intermediate(layout, ca, access, now_s, &intermediate, fault) < 0)
			return -1;
		made->root_layout = intermediate.root_layout;
		made->root = intermediate.root;
		made->certificate = intermediate.certificate;
		return 0;
	}
	made->root = !root_exists(layout);
	return made->root ? make_root(layout, ca, access, now_s, fault) : 0;
}

static int record_clients(const struct manifest *manifest, const char *path, int64_t now_s,
			  struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct clients_synced synced;

	if (open_store(path, &store, fault) < 0)
		return -1;
	return sync_clients(store, manifest, now_s, &synced, fault);
}

int init_authority(const struct layout *layout, const struct manifest *manifest,
		   const struct key_access *access, int64_t now_s, struct authority_made *ret_made,
		   struct fault *fault)
{
	const struct ca_node *ca = &manifest->ca;
	struct authority_made made = {.store = !file_exists(layout->state, STORE_FILE)};
	CLEANUP(free_string) char *path = NULL;

	if (locate_store(layout, &path, fault) < 0 || sweep(layout, fault) < 0 ||
	    check_leftovers(layout, ca, access, path, now_s, fault) < 0)
		return -1;
	/* The certificate comes last: whoever finds one knows that its key and its record existed.
	 */
	if (make_issuing_key(layout, ca, access, fault) < 0 || create_store(path, fault) < 0 ||
	    make_certificate(layout, ca, access, now_s, &made, fault) < 0)
		return -1;
	if (check_made(layout, ca, access, fault) < 0 ||
	    record_clients(manifest, path, now_s, fault) < 0)
		return -1;
	*ret_made = made;
	return 0;
}

/* Who holds the lock wrote its process id into it. */
static void read_holder(const struct layout *layout, char *ret_holder, size_t size)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct fault ignored = {0};

	(void)snprintf(ret_holder, size, "another process");
	if (read_file(layout->state, serving_name, size - 1, &text, &ignored) == 0 && text.len > 0)
		(void)snprintf(ret_holder, size, "process %.*s",
			       (int)strspn((const char *)text.data, "0123456789"), text.data);
}

static int take_serving(const struct layout *layout, int *ret_lock, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct fault found = {0};
	char holder[32];

	if (lock_file(layout->state, serving_name, LOCK_REFUSE, &lock, &found) < 0) {
		read_holder(layout, holder, sizeof(holder));
		if (found.class == FAULT_BUSY)
			return set_fault(fault, FAULT_BUSY,
					 "%s/state/%s: %s serves this CA already: stop it first",
					 layout->path, serving_name, holder);
		return set_fault(fault, found.class, "%s/state/%s", layout->path, found.text);
	}
	if (ftruncate(lock, 0) < 0 || dprintf(lock, "%" PRIdMAX "\n", (intmax_t)getpid()) < 0)
		return set_errno_fault(fault, "%s/state/%s: cannot be written", layout->path,
				       serving_name);
	*ret_lock = lock;
	lock = -1;
	return 0;
}

static int record_lifetime(struct authority *authority, enum event_kind kind, int64_t now_s,
			   struct fault *fault)
{
	const struct event event = {.kind = kind, .time_s = now_s, .by = CA_NAME};

	return record_event(authority->store, &event, fault);
}

static int open_record(struct authority *authority, int64_t now_s, struct fault *fault)
{
	CLEANUP(free_string) char *path = NULL;
	struct clients_synced synced;

	if (locate_store(authority->layout, &path, fault) < 0 ||
	    open_store(path, &authority->store, fault) < 0 ||
	    sync_clients(authority->store, authority->manifest, now_s, &synced, fault) < 0)
		return -1;
	if (authority->serving < 0)
		return 0;
	return record_lifetime(authority, EVENT_STARTED, now_s, fault);
}

static int open_parts(struct authority *authority, const struct key_access *access,
		      enum authority_mode mode, int64_t now_s, struct fault *fault)
{
	const struct layout *layout = authority->layout;
	const struct certificate *certificate;

	/* The root first: without one there is no CA, which is more to the point than no lock. */
	if (load_issuer(layout, &authority->manifest->ca, access, &authority->issuer, fault) < 0)
		return -1;
	if (check_issuer_validity(authority->issuer, now_s, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	certificate = issuer_certificate(authority->issuer);
	public_key_sha256(certificate_public_key(certificate), authority->key_sha256);
	if (mode == AUTHORITY_SERVING && take_serving(layout, &authority->serving, fault) < 0)
		return -1;
	return open_record(authority, now_s, fault);
}

int open_authority(const struct layout *layout, const struct manifest *manifest,
		   const struct key_access *access, enum authority_mode mode, int64_t now_s,
		   struct authority **ret_authority, struct fault *fault)
{
	CLEANUP(free_authority) struct authority *authority = calloc(1, sizeof(*authority));

	if (authority == NULL)
		return set_memory_fault(fault);
	authority->manifest = manifest;
	authority->layout = layout;
	authority->serving = -1;
	if (new_rate(&authority->rate, fault) < 0 ||
	    open_parts(authority, access, mode, now_s, fault) < 0)
		return -1;
	*ret_authority = TAKE(authority);
	return 0;
}

void free_authority(struct authority **authority_pointer)
{
	struct authority *authority = TAKE(*authority_pointer);
	struct fault ignored = {0};

	if (authority == NULL)
		return;
	/* A record that failed cannot say that the CA stopped, which says something too. */
	if (authority->store != NULL && authority->serving >= 0)
		(void)!record_lifetime(authority, EVENT_STOPPED, read_clock(), &ignored);
	free_store(&authority->store);
	free_rate(&authority->rate);
	free_issuer(&authority->issuer);
	close_descriptor(&authority->serving);
	free(authority);
}

const struct certificate *authority_root(const struct authority *authority)
{
	return issuer_root(authority->issuer);
}

struct store *authority_store(struct authority *authority)
{
	return authority->store;
}

const struct issuer *authority_issuer(const struct authority *authority)
{
	return authority->issuer;
}

struct ca_crl_options authority_crl_options(struct authority *authority)
{
	return (struct ca_crl_options){.store = authority->store,
				       .layout = authority->layout,
				       .issuer = authority->issuer,
				       .validity_s = authority->manifest->ca.crl_validity_s};
}

/* The key may be in a token that somebody pulled out. Anybody may ask, so that it does not sign for
   each. */
static int check_key(struct authority *authority, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer signed_object = {0};
	int64_t now_us = read_stopwatch_us();

	if (now_us < atomic_load(&authority->key_good_until_us))
		return 0;
	if (sign_object(issuer_key(authority->issuer), bytes_of_string("0"), &signed_object,
			fault) < 0)
		return -1;
	atomic_store(&authority->key_good_until_us, now_us + KEY_GOOD_US);
	return 0;
}

static void add_flaw(struct health *health, const char *part, int result, const struct fault *fault)
{
	if (result < 0)
		health->flaws[health->count++] = (struct flaw){part, *fault};
}

void check_authority(struct authority *authority, int64_t now_s, struct health *ret_health)
{
	struct health health = {0};
	struct fault faults[HEALTH_PARTS] = {0};

	add_flaw(&health, "root", check_issuer_validity(authority->issuer, now_s, &faults[0]),
		 &faults[0]);
	add_flaw(&health, "store", check_store(authority->store, &faults[1]), &faults[1]);
	add_flaw(&health, "key", check_key(authority, &faults[2]), &faults[2]);
	*ret_health = health;
}

/* From a little before now, for clocks that are behind, and never outside the issuer's. */
static struct validity choose_validity(const struct authority *authority,
				       const struct client_policy *policy, int64_t now_s)
{
	const struct ca_node *ca = &authority->manifest->ca;
	const struct certificate *issuer = issuer_certificate(authority->issuer);
	int64_t validity_s = ca->certificate_validity_s;
	struct validity validity = {.not_before_s = now_s - ca->certificate_backdate_s};

	if (policy->validity_s != 0 && policy->validity_s < validity_s)
		validity_s = policy->validity_s;
	validity.not_after_s = now_s + validity_s;
	if (validity.not_before_s < certificate_not_before(issuer))
		validity.not_before_s = certificate_not_before(issuer);
	if (validity.not_after_s > certificate_not_after(issuer))
		validity.not_after_s = certificate_not_after(issuer);
	return validity;
}

/* What can be refused before any request is looked at. */
static void check_asked(const struct client *record, bool found, const char *client, size_t count,
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
	else if (count > BATCH_SIZE_MAX)
		set_refusal(refusal, "too_many", "expected at most %d requests, found %zu",
			    BATCH_SIZE_MAX, count);
	else if (count == 0)
		set_refusal(refusal, "malformed", "expected at least one request, found none");
}

int refuse_batch(struct authority *authority, const char *client, const struct refusal *refusal,
		 int64_t now_s, struct certificates_answer *ret_answer, struct fault *fault)
{
	if (record_refusal(authority->store, client, NULL, refusal, now_s, fault) < 0)
		return -1;
	*ret_answer = (struct certificates_answer){.refusal = *refusal};
	return 0;
}

int admit_request(struct authority *authority, const char *client, struct refusal *refusal,
		  struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {0};
	size_t per_minute;
	int64_t wait_s = 0;
	bool found;

	if (read_client(authority->store, client, &record, &found, fault) < 0)
		return -1;
	per_minute = record.policy.requests_per_minute;
	/* Who is no client is refused for that. */
	if (found && !take_turn(authority->rate, client, per_minute, read_stopwatch_us(), &wait_s))
		set_refusal(refusal, RATE_REFUSAL,
			    "%s may make %zu requests a minute (requests_per_minute): try again "
			    "in %" PRId64 " s",
			    client, per_minute, wait_s);
	return 0;
}

/* A client that has its certificates can show the way from them to the root. */
static int add_chain(const struct authority *authority, struct certificates_answer *answer,
		     struct fault *fault)
{
	const struct certificate *certificate = issuer_certificate(authority->issuer);

	if (certificate == authority_root(authority) || answer->refusal.type[0] != '\0')
		return 0;
	return format_certificate_pem(certificate_der(certificate),
				      &answer->chain[answer->chain_count++], fault);
}

int certify_batch(struct authority *authority, const char *client,
		  const struct certificates_request *request, int64_t now_s,
		  struct certificates_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {0};
	struct batch_terms terms = {.issuer = authority->issuer,
				    .issuer_key_sha256 = authority->key_sha256,
				    .store = authority->store,
				    .client = &record,
				    .now_s = now_s};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct refusal refusal = {0};
	bool found;

	if (read_client(authority->store, client, &record, &found, fault) < 0)
		return -1;
	check_asked(&record, found, client, request->count, &refusal);
	if (refusal.type[0] != '\0')
		return refuse_batch(authority, client, &refusal, now_s, ret_answer, fault);
	if (check_issuer_validity(authority->issuer, now_s, fault) < 0)
		return -1;
	terms.validity = choose_validity(authority, &record.policy, now_s);
	if (certify_requests(&terms, request, &answer, fault) < 0 ||
	    add_chain(authority, &answer, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}

static void fill_status(const struct issued_certificate *record, int64_t now_s,
			struct status_answer *answer)
{
	format_serial((struct bytes){record->serial, SERIAL_MAX}, answer->serial);
	answer->status = STATUS_GOOD;
	if (now_s > record->not_after_s)
		answer->status = STATUS_EXPIRED;
	if (!record->revoked)
		return;
	answer->status = STATUS_REVOKED;
	answer->revoked_at_s = record->revoked_at_s;
	(void)snprintf(answer->reason, sizeof(answer->reason), "%s",
		       format_crl_reason(record->reason));
}

int answer_status(struct authority *authority, struct bytes der, int64_t now_s,
		  struct status_answer *ret_answer, struct fault *fault)
{
	struct bytes name = certificate_fields(issuer_certificate(authority->issuer))->subject;
	struct certificate_fields parts;
	struct status_answer answer = {.status = STATUS_UNKNOWN};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool found = false;

	if (split_certificate(der, &parts, fault) < 0)
		return -1;
	/* All our serials have the same length, so any other is none of ours. */
	if (parts.serial.len == SERIAL_MAX && equal_bytes(parts.issuer, name) &&
	    find_by_serial(authority->store, parts.serial.data, &record, &found, fault) < 0)
		return -1;
	/* The same serial is not enough: a look-alike may have another key or subject. */
	if (found && equal_bytes(der, bytes_of_buffer(&record.der)))
		fill_status(&record, now_s, &answer);
	*ret_answer = answer;
	return 0;
}
