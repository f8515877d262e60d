#ifndef CERTPOOL_CA_STORE_STORE_H
#define CERTPOOL_CA_STORE_STORE_H

#include "common/layout/ca_node.h"
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

/*
 * Where the record is: the path of a file in the layout's state/, or the URL of a database
 * (layout/store_url.h) on which several processes, on several hosts, may work.
 */
#define STORE_FILE "ca.db"
int locate_store(const struct layout *layout, const struct ca_node *ca, char **ret_location,
		 struct fault *fault) MUST_CHECK;

/* Whether there is a record, whatever its state. */
int find_store(const char *location, bool *ret_found, struct fault *fault) MUST_CHECK;

/* Makes an empty record, in a database that exists. An existing record is left unchanged. */
int create_store(const char *location, struct fault *fault) MUST_CHECK;

/*
 * Opens the record, and upgrades one that an older certpool made. Errors: FAULT_NOT_FOUND;
 * FAULT_FAILED for a file that is no record, or is of a newer version, damaged or not writable,
 * with the path and advice; FAULT_UNREACHABLE when the database cannot be reached.
 */
int open_store(const char *location, struct store **ret_store, struct fault *fault) MUST_CHECK;
void free_store(struct store **store);

/* The record's name in messages: its path, or the URL without its parameters. */
const char *store_name(const struct store *store);

/* Whether several front ends may work on the record: then it has all that they share. A record in
   SQLite is its host's alone. */
bool is_shared_store(const struct store *store);

/* The front end (common/ca/shared/front_ends.h) as which this process works on the record:
   FIRST_FRONT_END until it is set. Set before other threads use the store. */
int64_t store_front_end(const struct store *store);
void set_store_front_end(struct store *store, int64_t front_end);

/* This process's front end was removed from the record: from here on check_store and every WRITE
   fail. */
void bar_store(struct store *store);

/* Errors: FAULT_REFUSED after bar_store. */
int check_not_barred(const struct store *store, struct fault *fault) MUST_CHECK;

/* Whether a certificate could be recorded now, as far as can be said without writing. */
int check_store(struct store *store, struct fault *fault) MUST_CHECK;

/* How many octets of the record's file new rows fill before it grows: those of rows that were
   removed. 0 for a record that is no file of this host. */
int measure_reusable(struct store *store, uint64_t *ret_octets, struct fault *fault) MUST_CHECK;

/* How long ago this process's last commit was; 0 where that does not matter. */
#define NO_COMMIT INT64_C(-1)
int64_t store_commit_age_s(struct store *store);

/*
 * Whether what is read now is the present state. A database that failed, and was started again
 * while another took its place, answers with what it knew then: before "good" is said of a
 * certificate, this process must have committed something in the last seconds. Errors: FAULT_BUSY
 * with how long ago it was. To be called after what it is about was read.
 */
int check_store_recent(struct store *store, struct fault *fault) MUST_CHECK;

/*
 * A front end may go on for so long with what it has read of a certificate, or of a client's key,
 * from a record that several share. Who has revoked certificates, or changed keys, therefore calls
 * settle_changes after the commit, before it says so: it waits a little longer than that, if the
 * record is shared, and then no front end goes by what it read before.
 */
enum { SETTLING_US = 20000 };
void settle_changes(const struct store *store);

/* The same after a commit that may have revoked certificates: the function that watches is called
   first. NULL: none. To be set while no other thread revokes. */
typedef void revocation_function(void *context);
void watch_revocations(struct store *store, revocation_function *function, void *context);
void settle_revocations(const struct store *store);

/* Commits a transaction without a change, where check_store_recent looks at commits: to be called
   every second. */
int confirm_store(struct store *store, struct fault *fault) MUST_CHECK;

/*
 * Copies the record, as of one moment, into an empty file at the path, after a look at every page.
 * Writers go on meanwhile. The file loses its name first: the caller has it open, and a process
 * that is killed leaves nothing behind. The copy is complete in this one file when this returns 0.
 * Shape: a record that is not shared.
 */
int copy_store(struct store *store, const char *path, size_t *ret_certificates,
	       struct fault *fault) MUST_CHECK;

/* Between these two a call of insert_certificates is expected, with which others may share a
   transaction (expect_caller). */
void expect_insertion(struct store *store);
void dismiss_insertion(struct store *store);

#endif
