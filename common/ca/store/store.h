#ifndef CERTPOOL_CA_STORE_STORE_H
#define CERTPOOL_CA_STORE_STORE_H

#include "common/layout/layout.h"

/*
 * The CA's record: the certificates that it issued (certificates.h), its clients (clients.h), the
 * state of its CRL (crl_state.h) and its audit log (audit.h), in a database. A change is durable
 * when the function of these headers that made it returns 0. A serial, and a public key, is
 * recorded at most once.
 *
 * Safe for several threads, and for several processes on one record; readers do not wait for
 * writers. After damage, or a failure of the disk, everything fails until the store is opened
 * again.
 */
struct store;

/* The record's file in a layout's state/, and its path. */
#define STORE_FILE "ca.db"
int locate_store(const struct layout *layout, char **ret_path, struct fault *fault) MUST_CHECK;

/* Makes an empty record. An existing file is left unchanged. */
int create_store(const char *path, struct fault *fault) MUST_CHECK;

/*
 * Opens the record, and upgrades one that an older certpool made. Errors: FAULT_NOT_FOUND;
 * FAULT_FAILED for a file that is no record, or is of a newer version, damaged or not writable,
 * with the path and advice.
 */
int open_store(const char *path, struct store **ret_store, struct fault *fault) MUST_CHECK;
void free_store(struct store **store);

/* The record's name in messages: its path. */
const char *store_name(const struct store *store);

/* Whether several front ends may work on the record: then it has all that they share. A record in
   SQLite is its host's alone. */
bool is_shared_store(const struct store *store);

/* The front end (common/ca/shared/front_ends.h) as which this process works on the record:
   FIRST_FRONT_END until it is set. Set before other threads use the store. */
int64_t store_front_end(const struct store *store);
void set_store_front_end(struct store *store, int64_t front_end);

/* Whether a certificate could be recorded now, as far as can be said without writing. */
int check_store(struct store *store, struct fault *fault) MUST_CHECK;

/*
 * Copies the record, as of one moment, into an empty file at the path, after a look at every page.
 * Writers go on meanwhile. The file loses its name first: the caller has it open, and a process
 * that is killed leaves nothing behind. The copy is complete in this one file when this returns 0.
 */
int copy_store(struct store *store, const char *path, size_t *ret_certificates,
	       struct fault *fault) MUST_CHECK;

#endif
