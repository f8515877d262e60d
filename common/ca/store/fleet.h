#ifndef CERTPOOL_CA_STORE_FLEET_H
#define CERTPOOL_CA_STORE_FLEET_H

#include "common/ca/store/clients.h"

/* All clients at one moment, with what each of them has: the operator's view of the record. */
struct fleet_row {
	struct client client;
	size_t valid;        /* certificates that are neither expired nor revoked */
	size_t revoked;      /* whether expired or not */
	size_t members;      /* that have a valid certificate: fewer than `valid` when certificates
				were superseded by a renewal */
	int64_t first_end_s; /* when the first of these members has no valid certificate any more;
				0: there is none */
};

/* Called for one row, which it may move away. -1 ends the listing. */
typedef int fleet_function(void *context, struct fleet_row *row, struct fault *fault);

/* Lists the clients by name, in one pass over one index, whatever the number of certificates. */
int list_fleet(struct store *store, int64_t now_s, fleet_function *function, void *context,
	       struct fault *fault) MUST_CHECK;

/* Notes an invitation that was written, ends_s 0: it does not expire. Errors: FAULT_NOT_FOUND. */
int note_invitation(struct store *store, const char *client, int64_t now_s, int64_t ends_s,
		    struct fault *fault) MUST_CHECK;

/* Forgets the invitation of a client that has not joined. Errors: FAULT_NOT_FOUND without one;
   FAULT_REFUSED for a client that has joined. */
int withdraw_invitation(struct store *store, const char *client, int64_t now_s,
			struct fault *fault) MUST_CHECK;

/*
 * Notes that a client's request was decrypted: that it joined, durably and with an event, and when
 * it was seen, at most once an hour. *ret_ended is the end of the invitation when that is over and
 * nobody has joined by it, and else 0: nothing is noted then. A client that the record does not
 * have is none of its business.
 */
int note_presence(struct store *store, const char *client, int64_t now_s, int64_t *ret_ended_s,
		  struct fault *fault) MUST_CHECK;

#endif
