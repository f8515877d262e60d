#ifndef CERTPOOL_TOOLS_POOL_CLIENT_POOL_H
#define CERTPOOL_TOOLS_POOL_CLIENT_POOL_H

#include "common/pool/enrolment/renew.h"
#include "common/pool/members/pool.h"
#include "common/pool/upkeep/keep.h"
#include "common/pool/upkeep/revoke_replaced.h"
#include "tools/node.h"
#include "tools/output.h"
#include "tools/pool/refusal_printer.h"

/*
 * What several verbs do with a client's pool: request, enroll and renew, which run and bench do as
 * well. Each locks the client's layout, shows progress on a terminal, and prints on standard error
 * why the CA refused members.
 */

/*
 * Asks which of the pool's certificates are revoked (learn_revocations), before the work of a verb.
 * What prevented it is kept in *ret_failure for print_learned, after that work: it is a note alone,
 * and says nothing that the work itself would not say. Where the CA says that it is, if that is not
 * where the manifest or an earlier answer has it, is kept (known_endpoint.h) once it answers there.
 */
void learn_client(const struct command *command, const struct node *node, const struct endpoint *ca,
		  struct learned *ret_learned, struct fault *ret_failure);
void print_learned(const struct command *command, const char *client, const struct learned *learned,
		   const struct fault *failure);

/* Asks the CA about the shared key (take_new_key), unless another process has the layout's lock:
   the next one asks again. */
int take_ca_key(const struct node *node, const struct endpoint *ca, struct fault *fault) MUST_CHECK;

/*
 * Locks the layout (lock_or_wait), and reads the numbers of the client's members again
 * (prepare_numbers): another process may have given it new ones, and retired others, while it was
 * waited for. Owns: the caller closes *ret_lock, also on failure.
 */
int lock_client(const struct command *command, const struct layout *layout,
		struct client_node *client, int *ret_lock, struct fault *fault) MUST_CHECK;

/* Makes the keys and requests that the pool lacks (make_pool). This and what follows lock the
   layout by lock_client. */
int make_client_pool(const struct command *command, const struct layout *layout,
		     struct client_node *client, struct make_summary *ret_made,
		     struct fault *fault) MUST_CHECK;

/*
 * Has the CA certify the members that have no certificate (enroll_pool).
 * Errors: those of enroll_pool, and of check_enrolled; with those *ret_enrolled is filled too.
 */
int enroll_client(const struct command *command, const struct layout *layout,
		  struct client_node *client, const struct endpoint *ca,
		  struct enroll_summary *ret_enrolled, struct fault *fault) MUST_CHECK;

/* FAULT_PARTIAL when some members were refused, FAULT_REFUSED when no member has a certificate. */
int check_enrolled(const char *client, const struct enroll_summary *enrolled,
		   struct fault *fault) MUST_CHECK;

/* A note of certificates that end with the CA's, if there are any. enroll_client and renew_client
   print it. */
void print_cut_short(const struct command *command, const char *client,
		     const struct cut_short *cut_short);

/* Notes of roots that were pinned and dropped. enroll_client and renew_client print them. */
void print_root_change(const struct command *command, const char *client,
		       const struct root_change *change);

/*
 * Renews the members that are due (renew_pool). The caller fills the layout, client, CA and terms
 * of the renewal, whose client this is; its callbacks are set here. Refused members are no fault:
 * see check_renewed.
 */
int renew_client(const struct command *command, const struct renewal *renewal,
		 struct client_node *client, struct renewal_summary *ret_renewed,
		 struct fault *fault) MUST_CHECK;

/* FAULT_PARTIAL when some of the due members were refused, FAULT_REFUSED when all were. */
int check_renewed(const char *client, const struct renewal_summary *renewed,
		  struct fault *fault) MUST_CHECK;

/*
 * Opens the client of a command whose operands are CLIENT, or CLIENT/MEMBER any number of times,
 * all of one client. *ret_members is empty (of size 0) if no member is named. Owns: clear_node,
 * clear_member_set. Errors: FAULT_USAGE; those of open_node.
 */
int open_members(const struct command *command, struct node *ret_node,
		 struct member_set *ret_members, struct fault *fault) MUST_CHECK;

/*
 * Makes whole what the upkeep's scope says (keep_pool), under the layout's lock. The caller fills
 * the layout, client, CA and the rest of the upkeep; its callbacks are set here.
 */
int keep_client(const struct command *command, const struct upkeep *upkeep,
		struct client_node *client, struct upkeep_summary *ret_kept,
		struct fault *fault) MUST_CHECK;

/*
 * The same for a pool whose members have numbers (pool_numbers.h): fills them up before, under the
 * same lock, and retires, when nothing is left to do, the *ret_retired members that had signed by
 * then. client is the upkeep's.
 */
int keep_numbered_client(const struct command *command, const struct upkeep *upkeep,
			 struct client_node *client, struct upkeep_summary *ret_kept,
			 size_t *ret_retired, struct fault *fault) MUST_CHECK;

/* Prints the summary as keep and repair do, but leaves the object of --json open for more. */
void print_kept(const struct command *command, const char *client,
		const struct upkeep_summary *kept, struct json_line *line);

/* FAULT_PARTIAL when members were refused or are left to their owner's hand, FAULT_REFUSED when all
   that needed something were refused. */
int check_kept(const char *client, const struct upkeep_summary *kept,
	       struct fault *fault) MUST_CHECK;

/* Has the certificates that were replaced revoked (revoke_replaced), under the layout's lock. */
int revoke_replaced_of(const struct command *command, const struct node *node,
		       const struct endpoint *ca, struct revoked_replaced *ret_revoked,
		       struct fault *fault) MUST_CHECK;

#endif
