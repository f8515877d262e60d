#include "common/pool/messages/message_signer.h"

#include "common/pool/members/trust.h"
#include "common/pool/messages/choose_in_window.h"
#include "common/x509/chain.h"

#include <stdio.h>
#include <stdlib.h>

struct message_signer {
	const struct client_node *client;
	char peer[NAME_SIZE];       /* for whom members are chosen */
	struct roots roots;         /* empty if there are no intermediates */
	struct intermediates chain; /* of cert/ca.crt */
	struct window_chooser *chooser;
};

int new_message_signer(const struct layout *layout, const struct client_node *client,
		       struct message_signer **ret_signer, struct fault *fault)
{
	CLEANUP(free_message_signer) struct message_signer *signer = calloc(1, sizeof(*signer));

	if (signer == NULL)
		return set_memory_fault(fault);
	signer->client = client;
	if (read_intermediates(layout, &signer->chain, fault) < 0 ||
	    new_window_chooser(layout, client, &signer->chooser, fault) < 0)
		return -1;
	/* Messages have to present the intermediates on the way to the root, and only those. */
	if (signer->chain.count > 0 && read_roots(layout, &signer->roots, fault) < 0)
		return -1;
	*ret_signer = TAKE(signer);
	return 0;
}

void free_message_signer(struct message_signer **signer_pointer)
{
	struct message_signer *signer = TAKE(*signer_pointer);

	if (signer == NULL)
		return;
	free_window_chooser(&signer->chooser);
	clear_roots(&signer->roots);
	clear_intermediates(&signer->chain);
	free(signer);
}

void set_signer_peer(struct message_signer *signer, const char *peer)
{
	(void)snprintf(signer->peer, sizeof(signer->peer), "%s", peer);
}

void set_signature_count(struct message_signer *signer, size_t count)
{
	expect_window_messages(signer->chooser, count);
}

/*
 * The member's certificate, its issuer's, and so on, without the root (RFC 7515 section 4.1.6).
 * Then, as far as there is room, the cross certificates of that root, by which a receiver that has
 * only another root finds a path to that one.
 */
static size_t list_chain(const struct message_signer *signer, const struct certificate *certificate,
			 int64_t now_s, struct bytes ret_chain[static CHAIN_MAX])
{
	const struct trust trust = trust_in_roots(&signer->roots, &signer->chain);
	const struct certificate *next = certificate;
	size_t count = 0;

	do {
		ret_chain[count++] = certificate_der(next);
		next = trust.root != NULL ? find_issuer(&trust, next, now_s) : NULL;
	} while (next != NULL && next != trust.root && next != trust.next_root &&
		 count < CHAIN_MAX);
	for (size_t i = 0; next != NULL && i < trust.intermediate_count && count < CHAIN_MAX; i++)
		if (is_cross_certificate(trust.intermediates[i], next))
			ret_chain[count++] = certificate_der(trust.intermediates[i]);
	return count;
}

static int sign_with_chain(const struct message_signer *signer, const struct signer *chosen,
			   const struct message_claims *claims, struct bytes payload,
			   struct buffer *ret_jws, struct fault *fault)
{
	struct bytes chain[CHAIN_MAX];
	size_t count = list_chain(signer, chosen->member.certificate, claims->iat_s, chain);

	return sign_message(chosen->member.key, claims, chain, count, payload, ret_jws, fault);
}

int sign_as_member(const struct message_signer *signer, const struct unsigned_message *message,
		   struct message_claims *claims, struct buffer *ret_jws, struct signed_by *ret_by,
		   struct fault *fault)
{
	CLEANUP(release_signer) struct signer *chosen = NULL;
	struct signed_by by = {0};
	int result;

	if (message->payload.len > signer->client->message_limit)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "the message: expected at most %zu octets (%s's message_limit in "
				 "the manifest), found %zu",
				 signer->client->message_limit, signer->client->name,
				 message->payload.len);
	if (choose_in_window(signer->chooser, signer->peer, message->member, claims->iat_s, &chosen,
			     fault) < 0 ||
	    (claims->jti[0] == '\0' && generate_jti(claims->jti, fault) < 0))
		return -1;
	by.member = chosen->member.index;
	format_serial(certificate_serial(chosen->member.certificate), by.serial);
	if (message->known != NULL) {
		digest_sha256(certificate_der(chosen->member.certificate), by.sha256);
		by.by_digest = !message->with_certificate &&
			       is_known_certificate(message->known, by.member, by.sha256);
	}
	if (by.by_digest)
		result = sign_message_by_digest(chosen->member.key, claims, by.sha256,
						message->payload, ret_jws, fault);
	else
		result = sign_with_chain(signer, chosen, claims, message->payload, ret_jws, fault);
	if (result < 0)
		return -1;
	*ret_by = by;
	return 0;
}
