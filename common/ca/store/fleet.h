#ifndef CERTPOOL_CA_STORE_FLEET_H
#define CERTPOOL_CA_STORE_FLEET_H

#include "common/ca/store/certificates.h"
#include "common/ca/store/client_keys.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/issuers.h"

/* All clients at one moment, with what each of them has: the operator's view of the record. */
enum { FLEET_ROOTS_MAX = 2 };

struct holding {
	size_t valid;        /* certificates that are neither expired nor revoked */
	size_t revoked;      /* whether expired or not */
	size_t members;      /* that have a valid certificate: fewer than `valid` when certificates
				were superseded by a renewal */
	int64_t first_end_s; /* when the first of these members has no valid certificate any more;
				0: there is none */
	/* Of the issuers of valid certificates (issuers.h), the first and the last; 0: none. */
	int64_t oldest_issuer;
	int64_t newest_issuer;
};

struct fleet_row {
	struct client client;
	struct holding holding;
	/* The SHA-256 of the roots that it said to have pinned, one behind the other. */
	uint8_t roots[FLEET_ROOTS_MAX][SHA256_LEN];
	size_t root_count;     /* 0: it never said */
	struct client_key key; /* the last rotation of the key that it shares with the CA */
};

/* What all certificates of the record come to, whoever has them. */
enum { TALLY_WEEKS = 29, WEEK_S = 7 * 86400 };

struct record_tally {
	struct store_summary summary;
	/* Valid certificates by the week in which they end, from now on; the last row has those
	   that end later. Their sum is summary.valid. */
	size_t ends[TALLY_WEEKS + 1];
	struct {
		size_t certificates;
		size_t valid;
	} issuers[ISSUERS_MAX + 1]; /* by their number */
};

/* Called for one row, which it may move away. -1 ends the listing. */
typedef int fleet_function(void *context, struct fleet_row *row, struct fault *fault);

/*
 * Lists the clients by name, and counts the certificates: in one snapshot, and one pass over one
 * index, in as much memory whatever their number. ret_tally may be NULL.
 */
int list_fleet(struct store *store, int64_t now_s, fleet_function *function, void *context,
	       struct record_tally *ret_tally, struct fault *fault) MUST_CHECK;

/* An invitation that was written. */
struct invitation_note {
	const char *client;
	int64_t now_s;
	int64_t ends_s;  /* 0: it does not expire */
	const char *kid; /* of its key, when that counts once; NULL: it stays the client's, and what
			    counted once before is refused as ever, unless `anew` */
	bool anew;       /* nobody has a key of the client: whoever joined has to join again */
};

/* Errors: FAULT_NOT_FOUND. */
int note_invitation(struct store *store, const struct invitation_note *note,
		    struct fault *fault) MUST_CHECK;

/* Lets nobody join by the client's invitation from now on. Errors: those of withdraw_invitation. */
int end_invitation(struct store *store, const char *client, int64_t now_s,
		   struct fault *fault) MUST_CHECK;

/* Forgets the invitation of a client that has not joined. Errors: FAULT_NOT_FOUND without one;
   FAULT_REFUSED for a client that has joined. */
int withdraw_invitation(struct store *store, const char *client, int64_t now_s,
			struct fault *fault) MUST_CHECK;

/* A client's request that was decrypted. */
struct sighting {
	const char *client;
	const char *kid; /* of the key */
	bool asks_key;   /* it asks for the key's successor, as who joins does */
	int64_t now_s;
};

enum presence {
	PRESENCE_NOTED,
	INVITATION_ENDED,       /* before anybody joined by it */
	INVITATION_USED,        /* it counts once, and somebody joined by it */
	INVITATION_NOT_CLAIMED, /* it counts once, for the question for its key's successor alone */
};

/*
 * Notes that a client joined, durably and with an event, and when it was seen, at most once an
 * hour. *ret_time_s is when the invitation ended or was used, else 0: nothing is noted then. A
 * client that the record does not have is none of its business.
 */
int note_presence(struct store *store, const struct sighting *sighting, enum presence *ret_presence,
		  int64_t *ret_time_s, struct fault *fault) MUST_CHECK;

#endif
