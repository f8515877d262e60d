#include "common/ca/service/server_identity.h"

#include "common/base/clock.h"
#include "common/x509/revocation/ocsp_request.h"

#include <stdio.h>

/* A third of SERVER_VALIDITY_S is the time in which it should have been renewed. */
enum { RETRY_US = 60 * 1000000, WARNING_S = 15 * 86400 };

void init_server_identity(struct server_identity *identity, const struct server_key *key,
			  struct responder *responder)
{
	*identity = (struct server_identity){.key = *key, .responder = responder};
	init_tls_slot(&identity->slot);
}

void clear_server_identity(struct server_identity *identity)
{
	clear_tls_slot(&identity->slot);
	clear_server_key(&identity->key);
	clear_buffer(&identity->chain);
	clear_buffer(&identity->staple);
}

void warn_of_server_end(struct server_identity *identity, int64_t now_s, struct health *health)
{
	const int64_t end_s = atomic_load(&identity->end_s);
	char text[CA_WARNING_SIZE];
	char end[TIME_TEXT_SIZE];

	if (end_s >= now_s + WARNING_S)
		return;
	format_time(end_s, end);
	(void)snprintf(text, sizeof(text),
		       "the TLS server's certificate ends at %s, and should have been renewed long "
		       "ago: the log says why it was not",
		       end);
	add_health_warning(health, text, true);
}

/* *ret_staple is empty when the responder has no answer to give: none is stapled then. */
static int ask_own_responder(const struct server_identity *identity, int64_t now_s,
			     struct buffer *ret_staple, int64_t *ret_until_s, struct fault *fault)
{
	const struct server_key *key = &identity->key;
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
	struct issuer_hashes hashes;

	if (digest_issuer(issuer_certificate(key->issuer), &hashes, fault) < 0 ||
	    format_ocsp_request(&hashes, OCSP_SHA1, certificate_serial(key->own.certificate),
				(struct bytes){0}, &request, fault) < 0 ||
	    answer_ocsp(identity->responder, bytes_of_buffer(&request), now_s, &reply, fault) < 0)
		return -1;
	if (reply.outcome != OCSP_SUCCESSFUL)
		return 0;
	*ret_staple = take_buffer(&reply.der);
	*ret_until_s = reply.next_update_s;
	return 0;
}

static int show(struct server_identity *identity, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer chain = {0};
	CLEANUP(clear_buffer) struct buffer staple = {0};
	CLEANUP(clear_secret) struct secret key = {0};
	struct tls_material material = {0};

	if (format_server_chain(&identity->key, &chain, fault) < 0 ||
	    ask_own_responder(identity, now_s, &staple, &material.ocsp_until_s, fault) < 0)
		return -1;
	if (equal_bytes(bytes_of_buffer(&chain), bytes_of_buffer(&identity->chain)) &&
	    equal_bytes(bytes_of_buffer(&staple), bytes_of_buffer(&identity->staple)))
		return 0;
	if (format_private_key(identity->key.own.key, &key, fault) < 0)
		return -1;
	material.chain_pem = bytes_of_buffer(&chain);
	material.key_pem = bytes_of_secret(&key);
	material.ocsp = bytes_of_buffer(&staple);
	if (set_tls_identity(&identity->slot, &material, fault) < 0)
		return -1;
	clear_buffer(&identity->chain);
	clear_buffer(&identity->staple);
	identity->chain = take_buffer(&chain);
	identity->staple = take_buffer(&staple);
	atomic_store(&identity->end_s, certificate_not_after(identity->key.own.certificate));
	return 0;
}

int refresh_server_identity(struct server_identity *identity, int64_t now_s, struct fault *fault)
{
	int64_t now_us = read_stopwatch_us();
	struct fault problem = {0};
	bool shown = true;

	if (now_us < identity->retry_from_us)
		return 0;
	if (refresh_server_key(&identity->key, now_s, &problem) == 0 ||
	    is_own_key_valid(&identity->key.own, now_s))
		shown = show(identity, now_s, fault) == 0;
	if (shown && problem.class == FAULT_NONE)
		return 0;
	identity->retry_from_us = now_us + RETRY_US;
	if (problem.class != FAULT_NONE)
		(void)pass_fault(&problem, fault);
	return prefix_fault(fault, "the certificate of the TLS server");
}
