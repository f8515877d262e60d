#ifndef CERTPOOL_TOOLS_ADMIN_TOKEN_H
#define CERTPOOL_TOOLS_ADMIN_TOKEN_H

#include "common/layout/layout.h"
#include "tools/command.h"

/*
 * The token of the admin's page, Private/admin.token: hexadecimal digits and a line end, 0600. It
 * is the first segment of the page's path. Whoever removes the file has serve make another one at
 * its next start.
 */
enum { ADMIN_TOKEN_LEN = 20, ADMIN_TOKEN_TEXT_SIZE = 2 * ADMIN_TOKEN_LEN + 1 };

/* Reads the token, and makes it if there is none. Errors: FAULT_FAILED for a file that is none. */
int take_admin_token(const struct layout *layout, char ret_token[static ADMIN_TOKEN_TEXT_SIZE],
		     struct fault *fault) MUST_CHECK;

/* Prints the page's URL, with the token. Errors: FAULT_USAGE without ca.admin in the manifest,
   FAULT_NOT_FOUND before the CA was served with it. */
int print_admin_url(const struct command *command, struct fault *fault) MUST_CHECK;

#endif
