#ifndef CERTPOOL_CA_SERVICE_ROOTS_REQUEST_H
#define CERTPOOL_CA_SERVICE_ROOTS_REQUEST_H

#include "common/ca/store/store.h"
#include "common/layout/layout.h"
#include "common/wire/roots.h"

/*
 * The CA's half of POST /v1/roots: notes which roots an authenticated client has pinned, and
 * answers which it should have, as the files are now: a rotation counts without a restart.
 * *ret_answer's claims are left to the caller. Errors: -1 only when the CA itself failed.
 */
int answer_roots(const struct layout *layout, struct store *store, const char *client,
		 const struct roots_request *request, struct roots_answer *ret_answer,
		 struct fault *fault) MUST_CHECK;

#endif
