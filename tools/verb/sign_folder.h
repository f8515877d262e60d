#ifndef CERTPOOL_TOOLS_VERB_SIGN_FOLDER_H
#define CERTPOOL_TOOLS_VERB_SIGN_FOLDER_H

#include "common/ca/issue/authority.h"
#include "tools/command.h"

/* What became of a folder's requests, a file each. */
struct folder_signed {
	size_t certified; /* certificates written now */
	size_t present;   /* were there */
	size_t refused;
};

/*
 * Certifies every NAME.csr of the folder for the client, member NAME, and writes the certificate as
 * NAME.crt beside it, durably. A request is PEM, as any tool writes it, with text around the block
 * or without. Nothing is overwritten: a NAME.crt that is another certificate refuses the file.
 * Refusals are told on standard error.
 */
int sign_folder(const struct command *command, struct authority *authority, const char *client,
		const char *path, struct folder_signed *ret_signed, struct fault *fault) MUST_CHECK;

#endif
