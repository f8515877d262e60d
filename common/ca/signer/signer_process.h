#ifndef CERTPOOL_CA_SIGNER_SIGNER_PROCESS_H
#define CERTPOOL_CA_SIGNER_SIGNER_PROCESS_H

#include "common/ca/signer/signer.h"
#include "common/crypto/shared_key.h"

#include <sys/types.h>

/*
 * A CA in two processes: the front serves, and has no key; the signer, its child, has the issuing
 * key, or the token's session, and is the only one with access to Private/. The front asks over
 * socketpairs (channel.h). When one of them ends, however it ends, the other ends at once.
 */

/* What the signer's process has and does. */
struct signer_service {
	struct signer *signer;
	struct store *store; /* with layout: whose shared keys it hands out */
	const struct layout *layout;
	const char *manifest; /* the path of the file that it hands out */
};

/* Makes the service, in the signer's process. */
typedef int open_service_function(void *context, struct signer_service *ret_service,
				  struct fault *fault);
/* Ends it, there too, when the front is gone. */
typedef void close_service_function(void *context, struct signer_service *service);

/* The front's end. */
struct signer_link;

/*
 * Forks the signer, and waits until it has opened its service. The context and the service exist in
 * the signer's process alone.
 * Shape: the process has one thread, and no file is open that the signer must not have.
 * Errors: what `open` failed with, with its class.
 */
int fork_signer(open_service_function *open, close_service_function *close, void *context,
		struct signer_link **ret_link, struct fault *fault) MUST_CHECK;

/* Ends the signer and waits for its end. */
void end_signer(struct signer_link **link);

/*
 * Starts a thread that calls the function as soon as the signer has ended before end_signer: the
 * function ends the process.
 */
typedef void signer_lost_function(void *context);
int watch_signer(struct signer_link *link, signer_lost_function *function, void *context,
		 struct fault *fault) MUST_CHECK;

/* A signing_function whose context is a link: has the signer sign. Safe for several threads. */
int sign_by_link(void *link, const struct signing_order *order, struct signed_result *ret_results,
		 struct fault *fault) MUST_CHECK;

/* The shared keys of the CA, which the signer hands out as files without a name. ret_ring must be
 * empty. */
int ask_for_key_ring(struct signer_link *link, struct key_ring *ret_ring,
		     struct fault *fault) MUST_CHECK;

/* What stamp_client_keys (common/ca/shared/client_key_copies.h) says at the signer. */
int ask_for_key_stamp(struct signer_link *link, uint8_t ret_stamp[static SHA256_LEN],
		      struct fault *fault) MUST_CHECK;

/* The manifest, which the signer hands out as an open file. */
int ask_for_manifest(struct signer_link *link, size_t max, struct buffer *ret_text,
		     struct fault *fault) MUST_CHECK;

/* For the tests: a channel to the signer, over which any octets can be said. */
int signer_channel(const struct signer_link *link);
pid_t signer_process(const struct signer_link *link);

#endif
