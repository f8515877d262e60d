#ifndef CERTPOOL_POOL_UPKEEP_REVOKE_REPLACED_H
#define CERTPOOL_POOL_UPKEEP_REVOKE_REPLACED_H

#include "common/pool/revocation/learn_revocations.h"

struct revoked_replaced {
	size_t revoked; /* by this call, or before it */
	size_t left;    /* certificates that the CA does not know as the client's */
};

/*
 * Has the CA revoke the certificates that were replaced (superseded): those that are set aside in
 * cert/ (set_aside.h), and are no member's any more. The files of those that are revoked, have
 * ended or are still a member's are removed; the others stay. After a kill the next call continues.
 * The caller holds the layout's lock.
 * Errors: those of ask_statuses and ask_revocation.
 */
int revoke_replaced(const struct learning *learning, int64_t now_s,
		    struct revoked_replaced *ret_revoked, struct fault *fault) MUST_CHECK;

#endif
