#ifndef CERTPOOL_CA_SHARED_FRONT_ENDS_H
#define CERTPOOL_CA_SHARED_FRONT_ENDS_H

#include "common/base/name.h"
#include "common/ca/store/store.h"

/*
 * The front ends of a record: the hosts on which certpool serves it. Number 1 is the host that made
 * the record, and the only one of a record that is not shared. A number and a name are for good:
 * the audit log of a front end stays when it is removed.
 */
struct front_end {
	int64_t number;
	char name[NAME_SIZE];
	int64_t lines;       /* of its audit log, with those that were trimmed */
	int64_t heartbeat_s; /* of the database's clock; 0: it has not served yet */
	bool removed;
};

typedef int front_end_function(void *context, const struct front_end *front_end,
			       struct fault *fault);

/* Lists all by number, those that were removed too. -1 of the function ends the listing. */
int list_front_ends(struct store *store, front_end_function *function, void *context,
		    struct fault *fault) MUST_CHECK;

/* Errors: FAULT_NOT_FOUND. A front end that was removed is found. */
int find_front_end(struct store *store, const char *name, struct front_end *ret_front_end,
		   struct fault *fault) MUST_CHECK;

/* Notes that this process serves as its front end, at the time of the database's clock. */
int note_heartbeat(struct store *store, struct fault *fault) MUST_CHECK;

/* Writes a checkpoint of the audit log (append_checkpoint), unless another front end wrote one in
   the last CHECKPOINT_S. */
enum { CHECKPOINT_S = 60 };
int write_checkpoint(struct store *store, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
