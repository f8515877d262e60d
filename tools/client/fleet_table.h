#ifndef CERTPOOL_TOOLS_CLIENT_FLEET_TABLE_H
#define CERTPOOL_TOOLS_CLIENT_FLEET_TABLE_H

#include "common/ca/store/fleet.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "tools/command.h"

/* All clients of a record, by name, and the manifest whose sizes and validity they are held to. */
struct fleet {
	const struct manifest *manifest; /* borrowed */
	int64_t now_s;
	/* Of the CA's root, and of its successor while that is rotated. */
	uint8_t root_sha256[SHA256_LEN];
	uint8_t next_sha256[SHA256_LEN];
	bool has_root; /* it could be read */
	bool has_next;
	struct fleet_row *rows;
	size_t count;
	size_t marked; /* clients of which something needs looking at */
	size_t joined;
};

/* ret_fleet must be empty. Owns: clear_fleet. */
int load_fleet(struct store *store, const struct layout *layout, const struct manifest *manifest,
	       int64_t now_s, struct fleet *ret_fleet, struct fault *fault) MUST_CHECK;
void clear_fleet(struct fleet *fleet);

/* Borrowed; NULL: the record has no such client. */
const struct fleet_row *find_in_fleet(const struct fleet *fleet, const char *name);

/* Prints a line a client, with a mark and its reasons where something needs looking at. */
int print_fleet(const struct command *command, const struct fleet *fleet,
		struct fault *fault) MUST_CHECK;

/* The same in short, for people: a sum, and each client as long as they are few, else those marked.
 */
int print_fleet_summary(const struct fleet *fleet, struct fault *fault) MUST_CHECK;

#endif
