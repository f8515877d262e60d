#ifndef CERTPOOL_CA_SIGNER_SANDBOXES_H
#define CERTPOOL_CA_SIGNER_SANDBOXES_H

#include "common/layout/ca_node.h"
#include "common/layout/layout.h"

/*
 * The sandboxes of the two processes of a serving CA (common/base/sandbox.h), each closed before
 * its process makes a thread. Both processes have a list of system calls. With a record in a
 * database both may connect to it, and read what libpq reads for that: passwords, services,
 * certificates.
 */

/* What was applied; false: the kernel lacks it. */
struct sandbox_result {
	bool files;
	bool system_calls;
};

/* The front may read and write state/ and cert/ of the CA's layout, and Private/server if that is
   open, and read nothing else but what the names of hosts are looked up in. */
int close_front_sandbox(const struct layout *layout, const struct ca_node *ca,
			struct sandbox_result *ret_result, struct fault *fault) MUST_CHECK;

/* The signer may read Private/ and cert/, and the manifest's folder, in which a later manifest will
   be, and read and write state/. It has no network but for the database. */
int close_signer_sandbox(const struct layout *layout, const struct ca_node *ca,
			 const char *manifest, struct sandbox_result *ret_result,
			 struct fault *fault) MUST_CHECK;

#endif
