#ifndef CERTPOOL_CA_SERVICE_ROOTS_REQUEST_H
#define CERTPOOL_CA_SERVICE_ROOTS_REQUEST_H

#include "common/ca/issue/request_rate.h"
#include "common/ca/store/store.h"
#include "common/layout/layout.h"
#include "common/wire/roots.h"

/*
 * Notes which roots an authenticated client has pinned, unless it says so again, or more often in a
 * minute than any rotation changes them: each note syncs the record's disk. What is not noted for
 * that is noted when the client asks again.
 */
int note_roots(struct store *store, struct rate *rate, const char *client,
	       const struct roots_request *request, struct fault *fault) MUST_CHECK;

/*
 * The CA's half of POST /v1/roots: answers which roots a client should have pinned, as the files
 * are now: a rotation counts without a restart.
 * *ret_answer's claims are left to the caller. Errors: -1 only when the CA itself failed.
 */
int answer_roots(const struct layout *layout, struct roots_answer *ret_answer,
		 struct fault *fault) MUST_CHECK;

#endif
