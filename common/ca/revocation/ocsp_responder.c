#include "common/ca/revocation/ocsp_responder.h"

#include "common/ca/revocation/ocsp_cache.h"
#include "common/ca/revocation/responder_key.h"
#include "common/ca/store/certificate_status.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/revocation/ocsp_request.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_S = 60 };

struct responder {
	struct store *store;
	const struct issuer *issuer;
	struct issuer_hashes hashes;
	struct ocsp_cache *kept;
	pthread_mutex_t renewing; /* who holds it may make a new identity */
	int64_t retry_at_s;       /* not before then, after one that failed */
	pthread_rwlock_t lock;    /* of identity: many sign with it at once */
	struct responder_key identity;
	int64_t seen_revision; /* of the record in which its certificate was last looked for */
	bool barred;           /* it was revoked, or is gone */
	pthread_mutex_t clock_lock;
	int64_t last_update_s;
};

int new_responder(struct store *store, const struct issuer *issuer,
		  struct responder **ret_responder, struct fault *fault)
{
	CLEANUP(free_responder) struct responder *responder = calloc(1, sizeof(*responder));

	if (responder == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&responder->renewing, NULL);
	pthread_rwlock_init(&responder->lock, NULL);
	pthread_mutex_init(&responder->clock_lock, NULL);
	responder->store = store;
	responder->issuer = issuer;
	if (digest_issuer(issuer_certificate(issuer), &responder->hashes, fault) < 0 ||
	    new_ocsp_cache(&responder->kept, fault) < 0)
		return -1;
	*ret_responder = TAKE(responder);
	return 0;
}

void free_responder(struct responder **responder_pointer)
{
	struct responder *responder = TAKE(*responder_pointer);

	if (responder == NULL)
		return;
	free_ocsp_cache(&responder->kept);
	clear_responder_key(&responder->identity);
	pthread_mutex_destroy(&responder->renewing);
	pthread_rwlock_destroy(&responder->lock);
	pthread_mutex_destroy(&responder->clock_lock);
	free(responder);
}

void clear_ocsp_reply(struct ocsp_reply *reply)
{
	clear_buffer(&reply->der);
	*reply = (struct ocsp_reply){0};
}

/* One request on its way to its answer. */
struct inquiry {
	struct responder *responder;
	const struct ocsp_request *request;
	int64_t now_s;
	int64_t revision;            /* of the record before it was asked */
	int64_t this_update_s;       /* the record is asked after this moment */
	struct ocsp_single *singles; /* as many as the request has */
};

static int64_t choose_this_update(struct responder *responder, int64_t now_s)
{
	int64_t chosen_s;

	pthread_mutex_lock(&responder->clock_lock);
	if (responder->last_update_s < now_s)
		responder->last_update_s = now_s;
	chosen_s = responder->last_update_s;
	pthread_mutex_unlock(&responder->clock_lock);
	return chosen_s;
}

static bool is_due(struct responder *responder, int64_t now_s, bool *ret_stands)
{
	bool due;

	pthread_rwlock_rdlock(&responder->lock);
	due = responder->barred ||
	      responder_key_is_due(&responder->identity, responder->issuer, now_s);
	*ret_stands = !responder->barred && responder_key_is_valid(&responder->identity, now_s);
	pthread_rwlock_unlock(&responder->lock);
	return due;
}

/* Which certificate is to be looked for in the record of that revision; false: none. */
static bool is_unseen(struct responder *responder, int64_t revision,
		      uint8_t ret_serial[static SERIAL_MAX])
{
	bool unseen;

	pthread_rwlock_rdlock(&responder->lock);
	unseen = responder->identity.key != NULL && responder->seen_revision != revision;
	if (unseen)
		memcpy(ret_serial, certificate_serial(responder->identity.certificate).data,
		       SERIAL_MAX);
	pthread_rwlock_unlock(&responder->lock);
	return unseen;
}

/* Bars an identity whose certificate was revoked, or is gone, since it was last looked for. */
static int check_identity(struct responder *responder, int64_t revision, struct fault *fault)
{
	struct certificate_status standing;
	uint8_t serial[SERIAL_MAX];
	struct bytes own;

	if (!is_unseen(responder, revision, serial))
		return 0;
	if (read_certificate_status(responder->store, (struct bytes){serial, SERIAL_MAX}, &standing,
				    fault) < 0)
		return -1;
	pthread_rwlock_wrlock(&responder->lock);
	/* It may have been replaced meanwhile. */
	own = certificate_serial(responder->identity.certificate);
	if ((!standing.found || standing.revoked) && memcmp(own.data, serial, SERIAL_MAX) == 0)
		responder->barred = true;
	responder->seen_revision = revision;
	pthread_rwlock_unlock(&responder->lock);
	return 0;
}

static int renew_identity(struct responder *responder, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_responder_key) struct responder_key identity = {0};
	CLEANUP(clear_responder_key) struct responder_key old = {0};

	if (make_responder_key(responder->store, responder->issuer, now_s, &identity, fault) < 0)
		return -1;
	pthread_rwlock_wrlock(&responder->lock);
	old = responder->identity;
	responder->identity = identity;
	responder->barred = false;
	pthread_rwlock_unlock(&responder->lock);
	identity = (struct responder_key){0};
	return 0;
}

/*
 * Sees to it that there is an identity to sign with. Whoever finds one that still stands does not
 * wait for its renewal. A renewal that failed then is *trouble, for the log.
 */
static int ensure_identity(struct responder *responder, int64_t now_s, struct fault *trouble,
			   struct fault *fault)
{
	bool stands;
	int renewed = 0;

	if (!is_due(responder, now_s, &stands))
		return 0;
	if (!stands)
		pthread_mutex_lock(&responder->renewing);
	else if (pthread_mutex_trylock(&responder->renewing) != 0)
		return 0;
	/* Somebody else may have done it meanwhile. */
	if (is_due(responder, now_s, &stands) && (!stands || now_s >= responder->retry_at_s)) {
		renewed = renew_identity(responder, now_s, stands ? trouble : fault);
		if (renewed < 0)
			responder->retry_at_s = now_s + RETRY_S;
	}
	pthread_mutex_unlock(&responder->renewing);
	return stands ? 0 : renewed;
}

/* Another issuer's certificates are none of ours, whatever their serial. */
static int judge_id(const struct inquiry *inquiry, const struct cert_id *id,
		    struct ocsp_single *single, int64_t *ret_revision, struct fault *fault)
{
	bool ours = cert_id_matches_issuer(id, &inquiry->responder->hashes);
	struct certificate_status standing;

	if (read_certificate_status(inquiry->responder->store,
				    ours ? id->serial : (struct bytes){0}, &standing, fault) < 0)
		return -1;
	*single = (struct ocsp_single){
		.id = *id, .status = OCSP_UNKNOWN, .this_update_s = inquiry->this_update_s};
	*ret_revision = standing.revision;
	if (!standing.found)
		return 0;
	single->status = standing.revoked ? OCSP_REVOKED : OCSP_GOOD;
	single->revoked_at_s = standing.revoked_at_s;
	single->reason = standing.reason;
	return 0;
}

/* The revision is that of the first: what changes after it is not in what is kept under it. */
static int judge_ids(struct inquiry *inquiry, struct fault *fault)
{
	int64_t revision;

	for (size_t i = 0; i < inquiry->request->count; i++) {
		if (judge_id(inquiry, &inquiry->request->ids[i], &inquiry->singles[i], &revision,
			     fault) < 0)
			return -1;
		if (i == 0)
			inquiry->revision = revision;
	}
	return 0;
}

/* The issuer's certificate, unless it is a root, which everybody has. */
static const struct certificate *find_intermediate(const struct issuer *issuer)
{
	const struct certificate *certificate = issuer_certificate(issuer);
	const struct certificate_fields *parts = certificate_fields(certificate);

	return equal_bytes(parts->subject, parts->issuer) ? NULL : certificate;
}

/* Answers speak no longer than the certificate of whoever signed them. */
static int sign_answer(struct inquiry *inquiry, struct ocsp_reply *reply, struct fault *fault)
{
	const struct ocsp_request *request = inquiry->request;
	const struct responder_key *identity = &inquiry->responder->identity;
	const struct ocsp_answer answer = {.singles = inquiry->singles,
					   .count = request->count,
					   .nonce = request->nonce,
					   .produced_at_s = inquiry->this_update_s};
	const struct ocsp_signer signer = {identity->key, identity->certificate,
					   find_intermediate(inquiry->responder->issuer)};

	if (inquiry->this_update_s >= certificate_not_after(identity->certificate))
		return set_fault(fault, FAULT_FAILED,
				 "the OCSP responder's certificate ends before an answer could "
				 "begin: the clock went back: set it, or restart the CA");
	reply->this_update_s = inquiry->this_update_s;
	reply->next_update_s = inquiry->this_update_s + OCSP_VALIDITY_S;
	if (reply->next_update_s > certificate_not_after(identity->certificate))
		reply->next_update_s = certificate_not_after(identity->certificate);
	for (size_t i = 0; i < request->count; i++)
		inquiry->singles[i].next_update_s = reply->next_update_s;
	return format_ocsp_response(&answer, &signer, &reply->der, fault);
}

static int make_answer(struct inquiry *inquiry, struct ocsp_reply *reply, struct fault *fault)
{
	struct responder *responder = inquiry->responder;
	int made;

	if (check_identity(responder, inquiry->revision, fault) < 0 ||
	    ensure_identity(responder, inquiry->now_s, &reply->trouble, fault) < 0)
		return -1;
	pthread_rwlock_rdlock(&responder->lock);
	made = sign_answer(inquiry, reply, fault);
	pthread_rwlock_unlock(&responder->lock);
	return made;
}

static int find_kept(const struct inquiry *inquiry, struct ocsp_reply *reply, bool *ret_found,
		     struct fault *fault)
{
	struct cached_answer kept = {0};

	if (find_cached_answer(inquiry->responder->kept, inquiry->request->ids[0].whole,
			       inquiry->revision, inquiry->now_s, &kept, ret_found, fault) < 0)
		return -1;
	reply->der = kept.der;
	reply->this_update_s = kept.this_update_s;
	reply->next_update_s = kept.next_update_s;
	return 0;
}

static void keep_reply(const struct inquiry *inquiry, const struct ocsp_reply *reply)
{
	const struct cached_answer answer = {.der = reply->der,
					     .revision = inquiry->revision,
					     .this_update_s = reply->this_update_s,
					     .next_update_s = reply->next_update_s};

	cache_answer(inquiry->responder->kept, inquiry->request->ids[0].whole, &answer);
}

/* What is unknown may be issued the next moment, and anybody can make it up. */
static bool all_known(const struct inquiry *inquiry)
{
	for (size_t i = 0; i < inquiry->request->count; i++)
		if (inquiry->singles[i].status == OCSP_UNKNOWN)
			return false;
	return true;
}

static int answer_request(struct inquiry *inquiry, struct ocsp_reply *reply, struct fault *fault)
{
	bool plain = inquiry->request->nonce.len == 0;
	bool may_be_kept = plain && inquiry->request->count == 1;
	bool found = false;

	inquiry->this_update_s = choose_this_update(inquiry->responder, inquiry->now_s);
	if (judge_ids(inquiry, fault) < 0)
		return -1;
	if (may_be_kept && find_kept(inquiry, reply, &found, fault) < 0)
		return -1;
	reply->cacheable = found;
	if (found)
		return 0;
	if (make_answer(inquiry, reply, fault) < 0)
		return -1;
	reply->cacheable = plain && all_known(inquiry);
	if (may_be_kept && reply->cacheable)
		keep_reply(inquiry, reply);
	return 0;
}

/* RFC 6960 section 2.3. */
static enum ocsp_outcome outcome_of(enum fault_class class)
{
	if (class == FAULT_MALFORMED || class == FAULT_TOO_LARGE)
		return OCSP_MALFORMED_REQUEST;
	return class == FAULT_BUSY ? OCSP_TRY_LATER : OCSP_INTERNAL_ERROR;
}

static int refuse(const struct fault *found, struct ocsp_reply *ret_reply, struct fault *fault)
{
	struct ocsp_reply reply = {.outcome = outcome_of(found->class), .trouble = *found};

	if (format_ocsp_error(reply.outcome, &reply.der, fault) < 0)
		return -1;
	*ret_reply = reply;
	return 0;
}

int answer_ocsp(struct responder *responder, struct bytes request_der, int64_t now_s,
		struct ocsp_reply *ret_reply, struct fault *fault)
{
	CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
	struct ocsp_request request;
	struct ocsp_single singles[OCSP_CERTIFICATES_MAX];
	struct inquiry inquiry = {
		.responder = responder, .request = &request, .now_s = now_s, .singles = singles};
	struct fault found = {0};

	if (parse_ocsp_request(request_der, &request, &found) < 0 ||
	    answer_request(&inquiry, &reply, &found) < 0)
		return refuse(&found, ret_reply, fault);
	MOVE(ret_reply, reply);
	return 0;
}
