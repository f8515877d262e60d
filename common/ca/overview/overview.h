#ifndef CERTPOOL_CA_OVERVIEW_OVERVIEW_H
#define CERTPOOL_CA_OVERVIEW_OVERVIEW_H

#include "common/ca/issue/ca_ends.h"
#include "common/ca/overview/activity.h"
#include "common/ca/overview/fleet_report.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/shared/front_ends.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/issuers.h"

/*
 * What there is to see of a CA at one moment, from its record and the files in its cert/: for
 * `certpool status`, as text, JSON and HTML, and for the admin's page. It needs no key, and a CA
 * that is stopped, or was restored from a backup, is as good as one that serves.
 */
enum {
	ENDING_SOON_WEEKS = 2, /* 14 days */
	OVERVIEW_FRONT_ENDS = 64,
	OVERVIEW_NAME_SIZE = 512,
};

struct overview {
	int64_t now_s;
	char *layout;                             /* path */
	char *store;                              /* store_name */
	bool shared;                              /* by several front ends */
	char issuing_subject[OVERVIEW_NAME_SIZE]; /* RFC 4514, cut */
	int64_t issuing_expiry_s;                 /* 0: the root itself issues */
	int64_t root_expiry_s;
	int64_t server_expiry_s;     /* of the TLS server's certificate; 0: there is none */
	struct ca_warnings warnings; /* about these two */
	char next_root[256];         /* "": no rotation of the root is under way */
	size_t lacking;              /* clients that have not pinned it */
	struct crl_info crl;         /* of the newest issuer; number 0: there is none yet */
	struct crl_info root_crl;
	bool root_crl_apart; /* the root lies apart, and has a CRL of its own */
	struct record_tally tally;
	size_t ending_soon; /* of the valid certificates, within ENDING_SOON_WEEKS */
	struct issuer_summary issuers[ISSUERS_MAX];
	size_t issuer_count; /* 0: there is one alone */
	struct front_end front_ends[OVERVIEW_FRONT_ENDS];
	size_t front_end_count;
	struct fleet fleet;
	struct activity *activity; /* owned, unless it was given */
	bool own_activity;
	struct activity_sum hour;
	struct activity_sum day;
	struct activity_sum month; /* ACTIVITY_DAYS */
};

/*
 * The activity, which may be NULL, is one that the caller keeps between two readings, and outlives
 * the overview; so does the manifest. ret_overview must be empty. Owns: clear_overview.
 */
int read_overview(struct store *store, const struct layout *layout, const struct manifest *manifest,
		  int64_t now_s, struct activity *activity, struct overview *ret_overview,
		  struct fault *fault) MUST_CHECK;
void clear_overview(struct overview *overview);

/* Lists up to `limit` certificates, the newest first, of a client or of all (NULL). */
int list_newest_certificates(struct store *store, const char *client, size_t limit,
			     certificate_function *function, void *context,
			     struct fault *fault) MUST_CHECK;

/* The same of the certificates whose serial begins with these octets. Shape: at most SERIAL_MAX. */
int list_by_serial_prefix(struct store *store, struct bytes prefix, size_t limit,
			  certificate_function *function, void *context,
			  struct fault *fault) MUST_CHECK;

#endif
