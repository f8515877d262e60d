#ifndef CERTPOOL_TOOLS_CA_SIGNER_H
#define CERTPOOL_TOOLS_CA_SIGNER_H

#include "common/ca/signer/signer_process.h"
#include "tools/ca_key.h"
#include "tools/command.h"
#include "tools/stop.h"

/*
 * The signer of `serve`: the process that has the CA's key, or the session of its token, and
 * everything else in Private/. It reads passphrase and PIN itself, and ends with the front.
 */
struct signer_plan {
	const struct command *command;
	const struct ca_key_settings *key;
	const struct manifest *manifest;
	const struct layout *layout;
	struct stop *stop; /* of the front, for the signer to close */
	size_t ready;      /* the same: the descriptor of --ready, or 0 */
};

/* Forks the signer, before this process makes a thread. Errors: those of open_ca. */
int start_signer(struct signer_plan *plan, struct signer_link **ret_link,
		 struct fault *fault) MUST_CHECK;

/* Closes the sandbox of this process, before it makes a thread. What the kernel lacks is said. */
int enter_front_sandbox(const struct command *command, const struct layout *layout,
			const struct ca_node *ca, struct fault *fault) MUST_CHECK;

/* When the signer ends before end_signer, this process says so and ends at once, with exit status
   1. The command outlives the link. */
int end_with_signer(struct signer_link *link, struct command *command,
		    struct fault *fault) MUST_CHECK;

/* For struct key_source: the context is the link. */
int read_keys_from_signer(void *link, struct key_ring *ret_ring, struct fault *fault) MUST_CHECK;
int stamp_keys_at_signer(void *link, uint8_t ret_stamp[static SHA256_LEN],
			 struct fault *fault) MUST_CHECK;

/* load_manifest of command->manifest, of which the signer hands out the file as it is now. */
int reload_from_signer(struct signer_link *link, const struct command *command,
		       struct manifest **ret_manifest, struct fault *fault) MUST_CHECK;

#endif
