#ifndef CERTPOOL_CA_STORE_SQLITE_PAGE_COPY_H
#define CERTPOOL_CA_STORE_SQLITE_PAGE_COPY_H

#include "common/ca/store/session.h"

/*
 * Copies the record, as of one moment and with what is in its log, into an empty file, which loses
 * its name first: the caller has it open, and whoever is killed leaves nothing. It is complete, and
 * needs no log, when this returns 0. Writers go on meanwhile. All pages are looked at before.
 */
int copy_record(struct store *store, const char *path, size_t *ret_certificates,
		struct fault *fault) MUST_CHECK;

/* Looks at every page. FAULT_FAILED with the first thing that is wrong. */
int check_integrity(struct session *session, struct fault *fault) MUST_CHECK;

#endif
