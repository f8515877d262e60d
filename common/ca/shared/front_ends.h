#ifndef CERTPOOL_CA_SHARED_FRONT_ENDS_H
#define CERTPOOL_CA_SHARED_FRONT_ENDS_H

#include "common/base/name.h"
#include "common/ca/store/store.h"

enum { VERSION_SIZE = 32 };

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
	bool serves;         /* it has not stopped since */
	bool joined;
	bool removed;
	char version[VERSION_SIZE]; /* of certpool, when it last began to serve; "": unknown */
};

/*
 * Adds a front end, which has yet to join, with its event; one that was added and has not joined is
 * added again. Errors: FAULT_REFUSED for a name that another has or had, and for a record that
 * cannot be shared.
 */
int add_front_end(struct store *store, const char *name, int64_t now_s, int64_t *ret_number,
		  struct fault *fault) MUST_CHECK;

/*
 * Notes that the layout is that front end, in the record, with its event and the public half of its
 * key pair, and in the layout, which has the key of the store. To be killed and called again is no
 * matter. Errors: FAULT_REFUSED for a front end that has joined in
 * another layout, or was removed, and for a record that does not know of it.
 */
int join_front_ends(struct store *store, const struct layout *layout, const char *name,
		    int64_t number, int64_t now_s, struct fault *fault) MUST_CHECK;

/* Bars a front end from the record, with its event: one that serves finds that out in its next
   change, and makes none any more. The others have a new key of the store (change_store_key) from
   the same moment on. Errors: FAULT_NOT_FOUND; FAULT_REFUSED for this process's own. */
int remove_front_end(struct store *store, const struct layout *layout, const char *name,
		     int64_t now_s, size_t *ret_left, struct fault *fault) MUST_CHECK;

/* For what has to be done on each host by hand: FAULT_REFUSED, with how to do it, unless this front
   end is the only one that has joined and was not removed. */
int check_only_front_end(struct store *store, const char *act, struct fault *fault) MUST_CHECK;

/*
 * From here on the store works as the layout's front end (set_store_front_end). Nothing to do for a
 * record that is not shared. Errors: FAULT_NOT_FOUND for a layout that has not joined;
 * FAULT_REFUSED for a front end that was removed.
 */
int recognise_front_end(struct store *store, const struct layout *layout,
			struct fault *fault) MUST_CHECK;

/* The same with the number that the layout's file is to have; 0: the layout has no such file.
   Shape: a record that is shared. */
int work_as_front_end(struct store *store, const struct layout *layout, int64_t number,
		      struct fault *fault) MUST_CHECK;

/*
 * Before this process serves as its front end: nobody else does, in another layout or on another
 * host. What serves has a heartbeat, and one that has stopped without a word is forgotten after
 * HEARTBEAT_LOST_S. Errors: FAULT_BUSY.
 */
enum { HEARTBEAT_LOST_S = 10 };
int claim_front_end(struct store *store, const struct layout *layout, const char *version,
		    struct fault *fault) MUST_CHECK;
void release_front_end(struct store *store, const struct layout *layout);

typedef int front_end_function(void *context, const struct front_end *front_end,
			       struct fault *fault);

/* Lists all by number, those that were removed too. -1 of the function ends the listing. */
int list_front_ends(struct store *store, front_end_function *function, void *context,
		    struct fault *fault) MUST_CHECK;

/* Errors: FAULT_NOT_FOUND. A front end that was removed is found. */
int find_front_end(struct store *store, const char *name, struct front_end *ret_front_end,
		   struct fault *fault) MUST_CHECK;

/* The time of the database's clock. */
int read_front_end_clock(struct store *store, int64_t *ret_now_s, struct fault *fault) MUST_CHECK;

/* Notes that this process serves as its front end, at the time of the database's clock. Errors:
   FAULT_REFUSED once that was removed, and bar_store. */
int note_heartbeat(struct store *store, struct fault *fault) MUST_CHECK;

/* Writes a checkpoint of the audit log (append_checkpoint), unless another front end wrote one in
   the last CHECKPOINT_S. */
enum { CHECKPOINT_S = 60 };
int write_checkpoint(struct store *store, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
