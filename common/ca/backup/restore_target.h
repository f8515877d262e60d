#ifndef CERTPOOL_CA_BACKUP_RESTORE_TARGET_H
#define CERTPOOL_CA_BACKUP_RESTORE_TARGET_H

#include "common/ca/store/store.h"

/* For restore.c: the layout into which a backup is restored, and what the backup says of itself. */

/* The log that SQLite keeps beside the record while it is staged. */
#define STAGED_WAL_FILE "." STORE_FILE ".new-wal"

/* Removes the temporary files of a killed restore. */
int sweep_target(const struct layout *layout, struct fault *fault) MUST_CHECK;

/* FAULT_REFUSED for a layout that has a record, or the log of one, which SQLite would read into the
   restored one. */
int check_no_ca(const struct layout *layout, struct fault *fault) MUST_CHECK;

/* The time at which a backup was made, from the second line of its note (MEMBER_NOTE). Errors:
   FAULT_MALFORMED. */
int parse_backup_note(struct bytes note, int64_t *ret_made_s, struct fault *fault) MUST_CHECK;

#endif
