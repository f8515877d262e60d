#ifndef CERTPOOL_LAYOUT_STORE_URL_H
#define CERTPOOL_LAYOUT_STORE_URL_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The URL of a record in PostgreSQL, in the form of libpq (PostgreSQL's manual, 34.1.1.2):
 * postgresql://[USER@][HOST[:PORT][,…]][/DATABASE][?NAME=VALUE[&…]].
 */
enum { STORE_URL_MAX = 2048, STORE_FILES_MAX = 8 };

/* True if the text has the scheme postgresql:// or postgres://, well-formed or not. */
bool is_store_url(const char *text);

/*
 * Checks a URL and completes it: files are joined to the directory, and sslmode is always there
 * (verify-full; prefer when every host is a socket or on the loopback interface).
 *
 * Refused: a password, because the manifest is no secret and the URL is shown; an sslmode weaker
 * than verify-full towards another host, unless `unverified`; parameters that change what the
 * record is or how its statements are understood. A service counts as another host.
 * Errors: FAULT_USAGE, whose text quotes no value of the URL.
 */
int complete_store_url(const char *text, const char *directory, bool unverified, char **ret_url,
		       struct fault *fault) MUST_CHECK;

/* Appends a completed URL as other tools of libpq have to be given it to reach the server that the
   CA works on: the one that takes changes, as by the CA's default. */
struct buffer;
void append_tool_url(struct buffer *text, const char *url);

/* The files that a completed URL names. Owns: free_store_files. */
struct store_files {
	char *paths[STORE_FILES_MAX];
	size_t count;
};

int list_store_files(const char *url, struct store_files *ret_files,
		     struct fault *fault) MUST_CHECK;
void free_store_files(struct store_files *files);

#endif
