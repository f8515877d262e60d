#ifndef CERTPOOL_CA_OVERVIEW_FLEET_REPORT_H
#define CERTPOOL_CA_OVERVIEW_FLEET_REPORT_H

#include "common/ca/store/fleet.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"

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

/* ret_fleet must be empty. ret_tally may be NULL. Owns: clear_fleet. */
int load_fleet(struct store *store, const struct layout *layout, const struct manifest *manifest,
	       int64_t now_s, struct fleet *ret_fleet, struct record_tally *ret_tally,
	       struct fault *fault) MUST_CHECK;
void clear_fleet(struct fleet *fleet);

/* Borrowed; NULL: the record has no such client. */
const struct fleet_row *find_in_fleet(const struct fleet *fleet, const char *name);

/* Members of the client's pool, as the record says, else the manifest; 0: neither does. */
size_t fleet_pool_size(const struct fleet *fleet, const struct fleet_row *row);

/* Why the client needs looking at, in words; nothing when it does not. */
void append_reasons(const struct fleet *fleet, const struct fleet_row *row, struct buffer *reasons);

/* Which of the CA's roots the client has pinned; "": it never said. */
const char *name_roots(const struct fleet *fleet, const struct fleet_row *row);

/* How far the rotation of the client's key is; "": none is under way. */
const char *name_key_rotation(const struct fleet *fleet, const struct fleet_row *row);

/* "enabled", "disabled" or "revoked". */
const char *format_client_state(const struct client *client);

/* 45s, 12m, 7h, 3d: the largest unit of which there is one. */
enum { SPAN_SIZE = 24 };
void format_span(int64_t span_s, char ret_text[static SPAN_SIZE]);

#endif
