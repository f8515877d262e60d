#ifndef CERTPOOL_TOOLS_CLIENT_CLIENT_FILE_H
#define CERTPOOL_TOOLS_CLIENT_CLIENT_FILE_H

#include "common/ca/store/clients.h"
#include "common/layout/manifest.h"

/*
 * New clients as a file: CSV (RFC 4180), UTF-8, a line for each. The first line names the columns,
 * in any order: name, and any of size, subject, alt-names, keys, usages, validity,
 * certificates, requests-per-minute, which are the options of `client add`. An empty field is as an
 * option that is not given. A field in quotes may have commas, quotes (doubled) and line ends in
 * it.
 */
enum { CLIENT_FILE_MAX = 16 * 1024 * 1024 };

struct client_file {
	struct client *clients;
	size_t *lines; /* at which each begins, from 1 */
	size_t count;
};

/*
 * Reads text, which is changed, and checks every row. `path` names it.
 * Owns: clear_client_file. Errors: FAULT_USAGE with path, line and column.
 */
int parse_client_file(struct buffer *text, const char *path, const struct manifest *manifest,
		      struct client_file *ret_file, struct fault *fault) MUST_CHECK;
void clear_client_file(struct client_file *file);

#endif
