#ifndef CERTPOOL_CA_REVOCATION_ROOT_CRL_H
#define CERTPOOL_CA_REVOCATION_ROOT_CRL_H

#include "common/ca/revocation/publish_crl.h"
#include "common/net/shared_body.h"
#include "common/x509/revocation/crl.h"

#include <pthread.h>

/*
 * The CRL of a root that lies apart from the CA: cert/root.crl (DER) in the root's layout, and a
 * copy in the layout of each CA below the root. A root that issues itself has none: its CRL is the
 * CA's.
 */
#define ROOT_CRL_FILE "root.crl"
/* Of the next root, while the root is being replaced, and of the root before: verifiers that hold
   either root need both. */
#define NEXT_ROOT_CRL_FILE "root.next.crl"
#define OLD_ROOT_CRL_FILE "root.old.crl"

/*
 * Reads the root's CRL of a layout. *ret_crl is NULL if there is none. Whether it is current is not
 * looked at.
 * Owns: free_crl. Errors: FAULT_UNVERIFIED unless the root signed it.
 */
int read_root_crl(const struct layout *layout, const struct certificate *root, struct crl **ret_crl,
		  struct fault *fault) MUST_CHECK;

/* The same of one of the three files, by the root that it belongs to. NULL: any root, whose
   signature is left to the verifiers. */
int read_root_crl_file(const struct layout *layout, const char *name,
		       const struct certificate *root, struct crl **ret_crl,
		       struct fault *fault) MUST_CHECK;

/* FAULT_NOT_FOUND: the layout has no CRL of the root, and how to make it. Returns -1. */
int set_no_root_crl(const struct layout *layout, struct fault *fault);

/* Number, times and entries. Errors: FAULT_FAILED for a number of more than 64 bits. */
int describe_root_crl(const struct crl *crl, struct crl_info *ret_info,
		      struct fault *fault) MUST_CHECK;

/* Whether a third of its validity or less is left, or it is from the future: the root should make
   another. */
bool is_root_crl_due(const struct crl_info *info, int64_t now_s);

/* Whether the CRL of the next root or of the old one is due, and has not ended. False also when
   that cannot be found out. */
bool is_other_root_crl_due(const struct layout *layout, int64_t now_s);

/*
 * The CA's copy in the memory of a server. An operator may replace the file while the server runs,
 * so each call looks at its inode, size and times. A CRL that was read is never given up for an
 * older one, nor because the file is gone. When the root is replaced meanwhile, it stays until
 * change_root, or until the new root's CRL lists something. Safe for several threads.
 */
struct root_crl_cache {
	const struct layout *layout;
	const char *name;               /* of the file */
	const struct certificate *root; /* NULL: of another root */
	pthread_mutex_t lock;
	bool has_state;
	struct stat state; /* of the file when it was last read */
	struct crl *crl;   /* the last good one; NULL: none yet */
	struct shared_body *body;
	struct crl_info info;
	struct fault fault; /* why the file could not be taken over; FAULT_NONE: it was */
};

/* layout and root must outlive it. */
void init_root_crl_cache(struct root_crl_cache *cache, const struct layout *layout,
			 const struct certificate *root);
void clear_root_crl_cache(struct root_crl_cache *cache);

/* For the file of another root: whatever it holds is given out, and nothing once it is gone. */
void init_other_root_crl_cache(struct root_crl_cache *cache, const struct layout *layout,
			       const char *name);

/* Has the cache go on with the CRL of another root, unless it is the same. It must outlive it. */
void change_root(struct root_crl_cache *cache, const struct certificate *root);

/*
 * Gives the last good CRL.
 * Owns: release_shared_body. Errors: FAULT_NOT_FOUND if there is none, with the command that makes
 * it.
 */
int get_root_crl(struct root_crl_cache *cache, struct shared_body **ret_body,
		 struct crl_info *ret_info, struct fault *fault) MUST_CHECK;

/*
 * Whether the root has revoked a certificate that it issued: FAULT_REFUSED, with time and reason.
 * Succeeds without a CRL. Any other fault: the file is there and cannot be relied on.
 */
int check_not_revoked(struct root_crl_cache *cache, const struct certificate *certificate,
		      struct fault *fault) MUST_CHECK;

#endif
