#ifndef CERTPOOL_CA_STORE_BARRED_H
#define CERTPOOL_CA_STORE_BARRED_H

#include "common/ca/store/store.h"

/*
 * state/barred in the CA's layout: the names of the clients that are disabled, revoked or removed,
 * one a line, sorted. It may survive a record that is lost: a restore from an older backup then
 * knows whom not to let in again.
 */
#define BARRED_FILE "barred"

/* The names of the clients that are disabled, revoked or removed, sorted, one a line. */
int list_barred(struct store *store, struct buffer *ret_names, struct fault *fault) MUST_CHECK;

/* Disables a client inside a WRITE transaction. *ret_changed is false where it was barred before,
 * also for a client that there is not. why: for the audit log. */
struct transaction;
int bar_client(struct transaction *transaction, const char *name, const char *why, int64_t now_s,
	       bool *ret_changed, struct fault *fault) MUST_CHECK;

/* Writes the file anew from the record, unless it says so already. */
int write_barred(struct store *store, const struct layout *layout, struct fault *fault) MUST_CHECK;

/*
 * The names, NAME_SIZE octets each; none when there is no file. Owns: clear_buffer.
 * Errors: FAULT_MALFORMED for a line that is no client's name.
 */
int read_barred(const struct layout *layout, struct buffer *ret_names,
		struct fault *fault) MUST_CHECK;

#endif
