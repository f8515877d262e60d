#ifndef CERTPOOL_TOOLS_VERB_SIGN_FOLDER_H
#define CERTPOOL_TOOLS_VERB_SIGN_FOLDER_H

#include "common/ca/issue/authority.h"
#include "tools/command.h"

/* What became of the requests of a folder or an exported file. */
struct sign_counts {
	size_t certified; /* their certificates were written now */
	size_t present;   /* their certificates existed already */
	size_t refused;
};

/*
 * Certifies every NAME.csr of the folder for the client's member NAME, and writes the certificate
 * durably as NAME.crt beside it. A request is PEM, with or without text around the block, as tools
 * write it. Nothing is overwritten: a NAME.crt for another key refuses the request. Refusals are
 * printed on standard error, and are no fault.
 * Errors: FAULT_NOT_FOUND for a folder without requests.
 */
int sign_folder(const struct command *command, struct authority *authority, const char *client,
		const char *path, struct sign_counts *ret_counts, struct fault *fault) MUST_CHECK;

#endif
