#ifndef CERTPOOL_TOOLS_CLIENT_INVITATIONS_H
#define CERTPOOL_TOOLS_CLIENT_INVITATIONS_H

#include "common/ca/store/clients.h"
#include "common/wire/invitation.h"
#include "tools/operator.h"

/*
 * The CA's invitations. The record knows until when each counts, and whether somebody came by it:
 * it is listed until then. Two invitations of a client that has not joined have the same key, so
 * that either will do, unless one of them has an end or counts once: then the first is void.
 */

/* The end of an invitation that is made now; 0 when it has none. */
int64_t invitation_end(int64_t now_s, int64_t expires_s);

/*
 * Fills all but the key, for the client `invitation->to`: the record follows pool_size, unless that
 * is 0. Then makes or finds the key, and notes the invitation in the record.
 * Errors: FAULT_NOT_FOUND; FAULT_REFUSED for a client that was revoked, and for a limit when the
 * client has joined.
 */
int invite_client(const struct command *command, struct ca_operator *ca, size_t pool_size,
		  struct invitation *invitation, struct fault *fault) MUST_CHECK;

/* Clients to be added, and to be invited. */
struct new_clients {
	struct client *clients;
	size_t count;
	const char *folder; /* for CLIENT.invitation.json of each, made if it is not there; NULL:
			       no invitations */
	int64_t ends_s;     /* of the invitations; 0: they do not end */
	bool once;          /* each counts for one host */
};

/*
 * Adds the clients in one transaction, and writes the invitations. A key that an earlier client of
 * the name left, whose removal was killed, is removed first.
 * Errors: those of add_clients; *ret_failed as there.
 */
int add_invited_clients(const struct command *command, struct ca_operator *ca,
			const struct new_clients *new, size_t *ret_failed,
			struct fault *fault) MUST_CHECK;

/* Prints the invitations by which nobody has joined. */
int print_invitations(const struct command *command, const struct ca_operator *ca,
		      struct fault *fault) MUST_CHECK;

/*
 * Ends the key of an invitation that counted once, when its client has the successor: it is no old
 * key that somebody still needs.
 * Shape: the caller holds the layout's lock.
 */
int end_used_invitation(struct store *store, const struct layout *layout, const char *name,
			int64_t now_s, struct fault *fault) MUST_CHECK;

/* Takes key and invitation of a client that has not joined. Errors: those of withdraw_invitation.
 */
int withdraw_client(const struct command *command, struct ca_operator *ca, const char *name,
		    struct fault *fault) MUST_CHECK;

#endif
