#ifndef CERTPOOL_CA_STORE_BARRED_H
#define CERTPOOL_CA_STORE_BARRED_H

#include "common/ca/store/store.h"

/*
 * state/barred in the CA's layout: the names of the clients that are disabled, revoked or removed,
 * one a line, sorted. It may survive a record that is lost: a restore from an older backup then
 * knows whom not to let in again.
 */
#define BARRED_FILE "barred"

/* Writes the file anew from the record, unless it says so already. */
int write_barred(struct store *store, const struct layout *layout, struct fault *fault) MUST_CHECK;

/*
 * The names, NAME_SIZE octets each; none when there is no file. Owns: clear_buffer.
 * Errors: FAULT_MALFORMED for a line that is no client's name.
 */
int read_barred(const struct layout *layout, struct buffer *ret_names,
		struct fault *fault) MUST_CHECK;

#endif
