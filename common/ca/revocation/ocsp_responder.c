#include "common/ca/revocation/ocsp_responder.h"

#include "common/ca/revocation/ocsp_cache.h"
#include "common/ca/revocation/recent_statuses.h"
#include "common/ca/revocation/responder_key.h"
#include "common/ca/store/issuers.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/revocation/ocsp_request.h"
#include "common/x509/revocation/ocsp_verify.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* An issuer, and the key with which its certificates are answered for. */
struct answering_issuer {
	const struct issuer *issuer;
	struct issuer_hashes hashes;
	struct current_key key;
};

struct responder {
	struct store *store;
	const struct issuer_set *issuers;
	struct answering_issuer answering[ISSUERS_MAX];
	atomic_uint count; /* of them that are ready */
	pthread_mutex_t extension_lock;
	struct ocsp_cache *cache;
	struct recent_statuses *statuses;
	pthread_mutex_t clock_lock;
	int64_t last_update_s; /* the latest thisUpdate that was given out */
};

/* One request and its answer. */
struct ocsp_exchange {
	struct responder *responder;
	struct answering_issuer *answering; /* the one that signs */
	const struct ocsp_request *request;
	int64_t now_s;
	int64_t revision;            /* of the store before the first status was read */
	int64_t this_update_s;       /* chosen before any status was read */
	struct ocsp_single *singles; /* as many as the request has */
};

/* The set may have got more issuers. */
static int extend_responder(struct responder *responder, struct fault *fault)
{
	unsigned int count = atomic_load(&responder->count);
	int result = 0;

	if (count == count_issuers(responder->issuers))
		return 0;
	pthread_mutex_lock(&responder->extension_lock);
	count = atomic_load(&responder->count);
	while (result == 0 && count < count_issuers(responder->issuers)) {
		struct answering_issuer *answering = &responder->answering[count];

		answering->issuer = get_issuer(responder->issuers, count + 1);
		result = digest_issuer(issuer_certificate(answering->issuer), &answering->hashes,
				       fault);
		if (result < 0)
			break;
		init_current_key(&answering->key, responder->store, answering->issuer);
		atomic_store(&responder->count, ++count);
	}
	pthread_mutex_unlock(&responder->extension_lock);
	return result;
}

int new_responder(struct store *store, const struct issuer_set *issuers,
		  struct responder **ret_responder, struct fault *fault)
{
	CLEANUP(free_responder) struct responder *responder = calloc(1, sizeof(*responder));

	if (responder == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&responder->clock_lock, NULL);
	pthread_mutex_init(&responder->extension_lock, NULL);
	responder->store = store;
	responder->issuers = issuers;
	if (extend_responder(responder, fault) < 0 ||
	    new_ocsp_cache(&responder->cache, fault) < 0 ||
	    new_recent_statuses(is_shared_store(store) ? SETTLING_US : 0, &responder->statuses,
				fault) < 0)
		return -1;
	*ret_responder = TAKE(responder);
	return 0;
}

void free_responder(struct responder **responder_pointer)
{
	struct responder *responder = TAKE(*responder_pointer);

	if (responder == NULL)
		return;
	free_ocsp_cache(&responder->cache);
	free_recent_statuses(&responder->statuses);
	for (unsigned int i = 0; i < atomic_load(&responder->count); i++)
		clear_current_key(&responder->answering[i].key);
	pthread_mutex_destroy(&responder->clock_lock);
	pthread_mutex_destroy(&responder->extension_lock);
	free(responder);
}

void clear_ocsp_reply(struct ocsp_reply *reply)
{
	clear_buffer(&reply->der);
	*reply = (struct ocsp_reply){0};
}

/* Now, or the latest thisUpdate so far when the clock went back a little. When it went back far, it
   was wrong before: no client would take an answer from that time. */
static int64_t choose_this_update(struct responder *responder, int64_t now_s)
{
	int64_t chosen_s;

	pthread_mutex_lock(&responder->clock_lock);
	if (responder->last_update_s < now_s || responder->last_update_s > now_s + OCSP_SKEW_S)
		responder->last_update_s = now_s;
	chosen_s = responder->last_update_s;
	pthread_mutex_unlock(&responder->clock_lock);
	return chosen_s;
}

/* The issuer of the first certificate that is of one of this CA's, or else the newest. */
static int choose_answering(struct ocsp_exchange *exchange, struct fault *fault)
{
	struct responder *responder = exchange->responder;
	unsigned int newest;

	if (extend_responder(responder, fault) < 0)
		return -1;
	newest = atomic_load(&responder->count) - 1;
	exchange->answering = &responder->answering[newest];
	for (size_t i = 0; i < exchange->request->count; i++) {
		for (unsigned int n = newest + 1; n > 0; n--) {
			if (!cert_id_matches_issuer(&exchange->request->ids[i],
						    &responder->answering[n - 1].hashes))
				continue;
			exchange->answering = &responder->answering[n - 1];
			return 0;
		}
	}
	return 0;
}

/*
 * Reads the status of every certificate that the request names. The exchange's revision is that of
 * the first reading, so that a change during the later ones makes a cached answer stale.
 */
static int read_statuses(struct ocsp_exchange *exchange, struct fault *fault)
{
	const struct answering_issuer *answering = exchange->answering;
	const unsigned int number = issuer_number(answering->issuer);

	for (size_t i = 0; i < exchange->request->count; i++) {
		const struct cert_id *id = &exchange->request->ids[i];
		struct ocsp_single *single = &exchange->singles[i];
		/* Another issuer's certificate is unknown, whatever its serial. */
		struct bytes serial = cert_id_matches_issuer(id, &answering->hashes)
					      ? id->serial
					      : (struct bytes){0};
		struct certificate_status status;

		if (read_recent_status(exchange->responder->statuses, exchange->responder->store,
				       number, serial, &status, fault) < 0)
			return -1;
		if (i == 0)
			exchange->revision = status.revision;
		*single = (struct ocsp_single){.id = *id,
					       .status = OCSP_UNKNOWN,
					       .this_update_s = exchange->this_update_s};
		if (!status.found)
			continue;
		single->status = status.revoked ? OCSP_REVOKED : OCSP_GOOD;
		single->revoked_at_s = status.revoked_at_s;
		single->reason = status.reason;
	}
	return 0;
}

/* The issuer's certificate, for the answer's certs; NULL for a root, which every client has. */
static const struct certificate *find_intermediate(const struct issuer *issuer)
{
	const struct certificate *certificate = issuer_certificate(issuer);
	const struct certificate_fields *fields = certificate_fields(certificate);

	return equal_bytes(fields->subject, fields->issuer) ? NULL : certificate;
}

/* No answer is valid for longer than the certificate of the key that signs it. */
static int sign_with(const struct own_key *key, struct ocsp_exchange *exchange,
		     struct ocsp_reply *reply, struct fault *fault)
{
	const struct ocsp_request *request = exchange->request;
	const struct ocsp_answer answer = {.singles = exchange->singles,
					   .count = request->count,
					   .nonce = request->nonce,
					   .produced_at_s = exchange->this_update_s};
	const struct ocsp_signer signer = {key->key, key->certificate,
					   find_intermediate(exchange->answering->issuer)};
	int64_t end_s = certificate_not_after(key->certificate);

	if (exchange->this_update_s >= end_s)
		return set_fault(fault, FAULT_FAILED,
				 "the OCSP responder's certificate ends before an answer could "
				 "begin: the clock went back: ask again in %d s",
				 OCSP_SKEW_S);
	reply->this_update_s = exchange->this_update_s;
	reply->next_update_s = exchange->this_update_s + OCSP_VALIDITY_S;
	if (reply->next_update_s > end_s)
		reply->next_update_s = end_s;
	for (size_t i = 0; i < request->count; i++)
		exchange->singles[i].next_update_s = reply->next_update_s;
	return format_ocsp_response(&answer, &signer, &reply->der, fault);
}

static int sign_answer(struct ocsp_exchange *exchange, struct ocsp_reply *reply,
		       struct fault *fault)
{
	struct current_key *current = &exchange->answering->key;
	int result;

	if (refresh_current_key(current, exchange->revision, exchange->now_s, &reply->problem,
				fault) < 0)
		return -1;
	result = sign_with(hold_current_key(current), exchange, reply, fault);
	release_current_key(current);
	return result;
}

static int find_in_cache(const struct ocsp_exchange *exchange, struct ocsp_reply *reply,
			 bool *ret_found, struct fault *fault)
{
	struct cached_answer cached = {0};

	if (find_cached_answer(exchange->responder->cache, exchange->request->ids[0].whole,
			       exchange->revision, exchange->now_s, &cached, ret_found, fault) < 0)
		return -1;
	reply->der = cached.der;
	reply->this_update_s = cached.this_update_s;
	reply->next_update_s = cached.next_update_s;
	return 0;
}

static void cache_reply(const struct ocsp_exchange *exchange, const struct ocsp_reply *reply)
{
	const struct cached_answer answer = {.der = reply->der,
					     .revision = exchange->revision,
					     .this_update_s = reply->this_update_s,
					     .next_update_s = reply->next_update_s};

	cache_answer(exchange->responder->cache, exchange->request->ids[0].whole, &answer);
}

/* An unknown certificate may be issued the next moment, and any client can invent serials. */
static bool are_all_known(const struct ocsp_exchange *exchange)
{
	for (size_t i = 0; i < exchange->request->count; i++)
		if (exchange->singles[i].status == OCSP_UNKNOWN)
			return false;
	return true;
}

static int answer_exchange(struct ocsp_exchange *exchange, struct ocsp_reply *reply,
			   struct fault *fault)
{
	bool has_nonce = exchange->request->nonce.len > 0;
	bool use_cache = !has_nonce && exchange->request->count == 1;
	bool found = false;

	exchange->this_update_s = choose_this_update(exchange->responder, exchange->now_s);
	if (choose_answering(exchange, fault) < 0 || read_statuses(exchange, fault) < 0 ||
	    check_store_recent(exchange->responder->store, fault) < 0)
		return -1;
	if (use_cache && find_in_cache(exchange, reply, &found, fault) < 0)
		return -1;
	if (!found && sign_answer(exchange, reply, fault) < 0)
		return -1;
	reply->cacheable = found || (!has_nonce && are_all_known(exchange));
	if (use_cache && !found && reply->cacheable)
		cache_reply(exchange, reply);
	return 0;
}

bool is_answer_at_hand(struct responder *responder, struct bytes request_der, int64_t now_s)
{
	struct ocsp_request request;
	struct ocsp_exchange exchange = {.responder = responder, .request = &request};
	struct fault ignored = {0};
	int64_t revision = -1;

	if (parse_ocsp_request(request_der, &request, &ignored) < 0 ||
	    choose_answering(&exchange, &ignored) < 0)
		return false;
	for (size_t i = 0; i < request.count; i++)
		if (!cert_id_matches_issuer(&request.ids[i], &exchange.answering->hashes) ||
		    !has_recent_status(responder->statuses,
				       issuer_number(exchange.answering->issuer),
				       request.ids[i].serial, &revision))
			return false;
	return is_current_key_fresh(&exchange.answering->key, revision, now_s);
}

/* RFC 6960 section 2.3. */
static enum ocsp_outcome choose_outcome(enum fault_class class)
{
	if (class == FAULT_MALFORMED || class == FAULT_TOO_LARGE)
		return OCSP_MALFORMED_REQUEST;
	/* The issuer has ended, and certifies no responder any more. */
	if (class == FAULT_NOT_FOUND)
		return OCSP_UNAUTHORIZED;
	return class == FAULT_BUSY || class == FAULT_INTERRUPTED ? OCSP_TRY_LATER
								 : OCSP_INTERNAL_ERROR;
}

int answer_ocsp(struct responder *responder, struct bytes request_der, int64_t now_s,
		struct ocsp_reply *ret_reply, struct fault *fault)
{
	CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
	struct ocsp_request request;
	struct ocsp_single singles[OCSP_CERTIFICATES_MAX];
	struct ocsp_exchange exchange = {
		.responder = responder, .request = &request, .now_s = now_s, .singles = singles};
	struct fault problem = {0};

	if (parse_ocsp_request(request_der, &request, &problem) < 0 ||
	    answer_exchange(&exchange, &reply, &problem) < 0) {
		clear_ocsp_reply(&reply);
		reply.outcome = choose_outcome(problem.class);
		reply.problem = problem;
		if (format_ocsp_error(reply.outcome, &reply.der, fault) < 0)
			return -1;
	}
	MOVE(ret_reply, reply);
	return 0;
}
