#include "common/ca/issue/authority.h"

#include "common/base/clock.h"
#include "common/base/version.h"
#include "common/ca/issue/free_space.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/issue/request_rate.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/shared/front_ends.h"
#include "common/ca/shared/issuer_copies.h"
#include "common/ca/signer/signer.h"
#include "common/ca/signer/signer_process.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/barred.h"
#include "common/ca/store/fleet.h"
#include "common/x509/signing_order.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_CHECK_INTERVAL_US = 1000000 };

static const char serving_name[] = "serving";

struct authority {
	const struct manifest *manifest;
	const struct layout *layout;
	struct issuer_set issuers;
	struct signer *signer;    /* signs for the issuers; NULL: the link does */
	struct signer_link *link; /* NULL: the signer is here */
	struct store *store;
	struct rate *rate;
	struct refusal_log *refusals;
	struct root_crl_cache root_crl; /* empty when the root issues itself */
	struct clients_synced synced;
	int serving_lock;                       /* -1: AUTHORITY_BESIDE */
	atomic_int_least64_t key_check_from_us; /* of the stopwatch: the next check of the key */
};

/* The process that holds the lock has written its id into the file. */
static void describe_holder(const struct layout *layout, char *ret_holder, size_t size)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct fault ignored = {0};

	(void)snprintf(ret_holder, size, "another process");
	if (read_file(layout->state, serving_name, size - 1, &text, &ignored) == 0 && text.len > 0)
		(void)snprintf(ret_holder, size, "process %.*s",
			       (int)strspn((const char *)text.data, "0123456789"), text.data);
}

int lock_serving(const struct layout *layout, int *ret_lock, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct fault problem = {0};
	char holder[32];

	if (lock_file(layout->state, serving_name, LOCK_REFUSE, &lock, &problem) < 0) {
		describe_holder(layout, holder, sizeof(holder));
		if (problem.class == FAULT_BUSY)
			return set_fault(fault, FAULT_BUSY,
					 "%s/state/%s: %s serves this CA already: stop it first",
					 layout->path, serving_name, holder);
		return set_fault(fault, problem.class, "%s/state/%s", layout->path, problem.text);
	}
	if (ftruncate(lock, 0) < 0 || dprintf(lock, "%" PRIdMAX "\n", (intmax_t)getpid()) < 0)
		return set_errno_fault(fault, "%s/state/%s: cannot be written", layout->path,
				       serving_name);
	*ret_lock = lock;
	lock = -1;
	return 0;
}

/* EVENT_STARTED or EVENT_STOPPED. */
static int record_service(struct authority *authority, enum event_kind kind, int64_t now_s,
			  struct fault *fault)
{
	const struct event event = {.kind = kind, .time_s = now_s, .by = CA_NAME};

	return record_event(authority->store, &event, fault);
}

static int open_clients(struct authority *authority, int64_t now_s, struct fault *fault)
{
	CLEANUP(free_string) char *location = NULL;

	if (locate_store(authority->layout, &authority->manifest->ca, &location, fault) < 0 ||
	    open_store(location, &authority->store, fault) < 0 ||
	    recognise_front_end(authority->store, authority->layout, fault) < 0 ||
	    new_refusal_log(authority->store, &authority->refusals, fault) < 0)
		return -1;
	if (sync_clients(authority->store, authority->manifest, now_s, &authority->synced, fault) <
	    0)
		return -1;
	return write_barred(authority->store, authority->layout, fault);
}

/* From here on, what the issuer signs is checked and logged. */
static int open_signer(struct authority *authority, struct fault *fault)
{
	const struct signer_settings settings = {.layout = authority->layout,
						 .ca = &authority->manifest->ca,
						 .store = authority->store};

	return new_signer(&settings, &authority->issuers, &authority->signer, fault);
}

static int new_authority(const struct layout *layout, const struct manifest *manifest,
			 struct authority **ret_authority, struct fault *fault)
{
	CLEANUP(free_authority) struct authority *authority = calloc(1, sizeof(*authority));

	if (authority == NULL)
		return set_memory_fault(fault);
	authority->manifest = manifest;
	authority->layout = layout;
	authority->serving_lock = -1;
	if (new_rate(&authority->rate, fault) < 0)
		return -1;
	*ret_authority = TAKE(authority);
	return 0;
}

/* The issuer before the lock: "no root" says more than "another process serves". */
static int open_parts(struct authority *authority, bool serving, int64_t now_s, struct fault *fault)
{
	const struct layout *layout = authority->layout;
	const struct issuer *newest = newest_issuer(&authority->issuers);

	if (check_issuer_validity(newest, now_s, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	if (authority->manifest->ca.root_layout != NULL)
		init_root_crl_cache(&authority->root_crl, layout, issuer_root(newest));
	if ((serving && lock_serving(layout, &authority->serving_lock, fault) < 0) ||
	    open_clients(authority, now_s, fault) < 0 ||
	    sync_issuers(authority->store, layout, &authority->manifest->ca, &authority->issuers,
			 now_s, fault) < 0)
		return -1;
	if (!serving)
		return 0;
	if (claim_front_end(authority->store, layout, CERTPOOL_VERSION, fault) < 0)
		return -1;
	return record_service(authority, EVENT_STARTED, now_s, fault);
}

int open_authority(const struct layout *layout, const struct manifest *manifest,
		   const struct key_access *access, enum authority_mode mode, int64_t now_s,
		   struct authority **ret_authority, struct fault *fault)
{
	CLEANUP(free_authority) struct authority *authority = NULL;

	if (new_authority(layout, manifest, &authority, fault) < 0 ||
	    load_issuers(layout, &manifest->ca, access, &authority->issuers, fault) < 0 ||
	    open_parts(authority, mode == AUTHORITY_SERVING, now_s, fault) < 0 ||
	    open_signer(authority, fault) < 0)
		return -1;
	*ret_authority = TAKE(authority);
	return 0;
}

/* The CRL of an issuer that is not in the set yet. */
static int publish_first_crl(struct authority *authority, const struct issuer *issuer,
			     struct fault *fault)
{
	struct ca_crl_options options = authority_crl_options(authority);
	struct crl_info ignored;

	options.number = issuer_number(issuer);
	options.issuer = issuer;
	return publish_crl(&options, CRL_WHEN_DUE, read_clock(), &ignored, fault);
}

/* Without keys: the signer at the other end of the link signs. When the service begins it makes the
   CRLs itself. */
static int load_front_issuers(struct authority *authority, struct fault *fault)
{
	CLEANUP(clear_issuer_set) struct issuer_set loaded = {0};
	unsigned int present = count_issuers(&authority->issuers);

	if (load_issuers(authority->layout, &authority->manifest->ca, NULL, &loaded, fault) < 0)
		return -1;
	for (unsigned int i = present; i < count_issuers(&loaded); i++) {
		/* Before another thread sees it. */
		delegate_signing(loaded.issuers[i], sign_by_link, authority->link);
		if ((authority->store != NULL &&
		     publish_first_crl(authority, loaded.issuers[i], fault) < 0) ||
		    add_issuer(&authority->issuers, &loaded.issuers[i], fault) < 0)
			return -1;
	}
	return 0;
}

int open_front_authority(const struct layout *layout, const struct manifest *manifest,
			 struct signer_link *link, int64_t now_s, struct authority **ret_authority,
			 struct fault *fault)
{
	CLEANUP(free_authority) struct authority *authority = NULL;

	if (new_authority(layout, manifest, &authority, fault) < 0)
		return -1;
	authority->link = link;
	if (load_front_issuers(authority, fault) < 0 ||
	    open_parts(authority, true, now_s, fault) < 0)
		return -1;
	*ret_authority = TAKE(authority);
	return 0;
}

int refresh_issuers(struct authority *authority, struct fault *fault)
{
	unsigned int newest;

	if (authority->link == NULL)
		return 0;
	if (read_newest_issuer(authority->store, &newest, fault) < 0 ||
	    (newest > count_issuers(&authority->issuers) &&
	     (take_issuer_certificates(authority->store, authority->layout, fault) < 0 ||
	      load_front_issuers(authority, fault) < 0)) ||
	    refresh_certificates(authority->store, authority->layout, &authority->manifest->ca,
				 &authority->issuers, fault) < 0)
		return -1;
	if (authority_root_crl(authority) != NULL)
		change_root(&authority->root_crl, authority_root(authority));
	return 0;
}

void free_authority(struct authority **authority_pointer)
{
	struct authority *authority = TAKE(*authority_pointer);
	struct fault ignored = {0};

	if (authority == NULL)
		return;
	/* When the store fails the log lacks these events, as after a crash. */
	if (authority->refusals != NULL)
		(void)!flush_refusals(authority->refusals, true, read_clock(), &ignored);
	if (authority->store != NULL && authority->serving_lock >= 0) {
		(void)!record_service(authority, EVENT_STOPPED, read_clock(), &ignored);
		release_front_end(authority->store, authority->layout);
	}
	free_refusal_log(&authority->refusals);
	free_signer(&authority->signer);
	free_store(&authority->store);
	free_rate(&authority->rate);
	clear_root_crl_cache(&authority->root_crl);
	clear_issuer_set(&authority->issuers);
	close_descriptor(&authority->serving_lock);
	free(authority);
}

const struct certificate *authority_root(const struct authority *authority)
{
	return issuer_root(authority_issuer(authority));
}

const struct issuer *authority_issuer(const struct authority *authority)
{
	return newest_issuer(&authority->issuers);
}

const struct issuer_set *authority_issuers(const struct authority *authority)
{
	return &authority->issuers;
}

const struct ca_node *authority_ca(const struct authority *authority)
{
	return &authority->manifest->ca;
}

const struct clients_synced *authority_clients_synced(const struct authority *authority)
{
	return &authority->synced;
}

struct endpoint authority_endpoint(const struct authority *authority)
{
	const struct endpoint *endpoint = &authority->manifest->ca.endpoint;

	return endpoint->port != 0 && !is_wildcard(endpoint) ? *endpoint : (struct endpoint){0};
}

struct store *authority_store(struct authority *authority)
{
	return authority->store;
}

struct refusal_log *authority_refusals(struct authority *authority)
{
	return authority->refusals;
}

struct ca_crl_options authority_crl_options(struct authority *authority)
{
	return (struct ca_crl_options){.store = authority->store,
				       .layout = authority->layout,
				       .number = issuer_number(authority_issuer(authority)),
				       .issuer = authority_issuer(authority),
				       .validity_s = authority->manifest->ca.crl_validity_s};
}

struct root_crl_cache *authority_root_crl(struct authority *authority)
{
	return authority->root_crl.layout != NULL ? &authority->root_crl : NULL;
}

int check_may_issue(struct authority *authority, struct fault *fault)
{
	struct root_crl_cache *root_crl = authority_root_crl(authority);

	if (root_crl == NULL)
		return 0;
	if (check_not_revoked(root_crl, issuer_certificate(authority_issuer(authority)), fault) < 0)
		return prefix_fault(fault, "this CA issues nothing");
	return 0;
}

int admit_presence(struct authority *authority, const struct sighting *sighting,
		   struct refusal *refusal, struct fault *fault)
{
	const char *client = sighting->client;
	enum presence presence;
	char at[TIME_TEXT_SIZE];
	int64_t at_s;

	if (note_presence(authority->store, sighting, &presence, &at_s, fault) < 0)
		return -1;
	format_time(at_s, at);
	switch (presence) {
	case PRESENCE_NOTED:
		break;
	case INVITATION_ENDED:
		set_refusal(refusal, "invitation",
			    "the invitation of %s ended at %s, and nobody had joined by it: ask "
			    "the CA for another one (certpool invite %s)",
			    client, at, client);
		break;
	case INVITATION_USED:
		set_refusal(refusal, "invitation",
			    "the invitation of %s was used at %s, and counts once: if that was "
			    "not here, somebody else has it: tell the CA, and ask for another one",
			    client, at);
		break;
	case INVITATION_NOT_CLAIMED:
		set_refusal(refusal, "invitation",
			    "the invitation of %s counts once, for certpool join: join by it first",
			    client);
		break;
	}
	return 0;
}

void admit_at_rate(struct authority *authority, const char *client, size_t per_minute,
		   int64_t *ret_wait_s, struct refusal *refusal)
{
	*ret_wait_s = 0;
	if (!take_turn(authority->rate, client, per_minute, read_stopwatch_us(), ret_wait_s))
		set_refusal(refusal, RATE_REFUSAL,
			    "%s may make %s a minute (requests_per_minute): try again in %" PRId64
			    " s",
			    client, counted(per_minute, "request", "requests").text, *ret_wait_s);
}

int admit_request(struct authority *authority, const char *client, int64_t *ret_wait_s,
		  struct refusal *refusal, struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {0};
	int64_t wait_s = 0;
	bool found;

	if (read_client(authority->store, client, &record, &found, fault) < 0)
		return -1;
	if (found)
		admit_at_rate(authority, client, record.policy.requests_per_minute, &wait_s,
			      refusal);
	if (ret_wait_s != NULL)
		*ret_wait_s = wait_s;
	return 0;
}

/* A key in a token is gone when the token is pulled out. Any client may ask for the health, so the
   key does not sign for every question. */
static int check_key(struct authority *authority, struct fault *fault)
{
	const struct signing_order probe = {.kind = SIGN_PROBE};
	int64_t now_us = read_stopwatch_us();

	if (now_us < atomic_load(&authority->key_check_from_us))
		return 0;
	if (sign_order(authority_issuer(authority), &probe, NULL, fault) < 0)
		return -1;
	atomic_store(&authority->key_check_from_us, now_us + KEY_CHECK_INTERVAL_US);
	return 0;
}

int check_room(const struct authority *authority, struct fault *fault)
{
	return check_free_space(authority->layout->state, authority->store,
				authority->manifest->ca.free_space, fault);
}

static void add_problem(struct health *health, const char *part, int result,
			const struct fault *fault)
{
	if (result < 0)
		health->problems[health->count++] = (struct health_problem){part, *fault};
}

void add_health_warning(struct health *health, const char *text, bool process_alone)
{
	struct health_warning *warning = &health->warnings[health->warning_count];

	if (health->warning_count == HEALTH_WARNINGS_MAX)
		return;
	(void)snprintf(warning->text, sizeof(warning->text), "%s", text);
	warning->process_alone = process_alone;
	health->warning_count++;
}

void warn_of_authority(const struct authority *authority, int64_t now_s,
		       struct ca_warnings *ret_warnings)
{
	const struct issuer *issuer = authority_issuer(authority);
	const struct ca_ends ends = {.issuing = issuer_certificate(issuer),
				     .root = issuer_root(issuer),
				     .own_root = authority->manifest->ca.root_layout == NULL,
				     .replacing = is_root_being_replaced(authority->layout),
				     .validity_s = authority->manifest->ca.certificate_validity_s};

	warn_of_ends(&ends, now_s, ret_warnings);
}

/* A serving CA confirms its record every second. */
static int check_record(struct authority *authority, struct fault *fault)
{
	if (check_store(authority->store, fault) < 0)
		return -1;
	return check_store_recent(authority->store, fault);
}

static void warn_of_age(struct authority *authority, struct health *health)
{
	char text[CA_WARNING_SIZE];
	int64_t age_s = store_commit_age_s(authority->store);
	struct fault ignored = {0};

	if (check_store_recent(authority->store, &ignored) == 0)
		return;
	(void)snprintf(text, sizeof(text), "no commit for %" PRId64 " s", age_s);
	/* It is among the problems too. */
	add_health_warning(health, age_s == NO_COMMIT ? "no commit yet" : text, false);
}

void check_authority(struct authority *authority, int64_t now_s, struct health *ret_health)
{
	struct health health = {0};
	struct ca_warnings warnings;
	struct fault faults[HEALTH_PARTS] = {0};

	add_problem(&health, "root",
		    check_issuer_validity(authority_issuer(authority), now_s, &faults[0]),
		    &faults[0]);
	add_problem(&health, "store", check_record(authority, &faults[1]), &faults[1]);
	add_problem(&health, "key", check_key(authority, &faults[2]), &faults[2]);
	add_problem(&health, "revoked", check_may_issue(authority, &faults[3]), &faults[3]);
	add_problem(&health, "disk", check_room(authority, &faults[4]), &faults[4]);
	warn_of_age(authority, &health);
	warn_of_authority(authority, now_s, &warnings);
	for (size_t i = 0; i < warnings.count; i++)
		add_health_warning(&health, warnings.texts[i], false);
	*ret_health = health;
}
