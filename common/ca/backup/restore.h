#ifndef CERTPOOL_CA_BACKUP_RESTORE_H
#define CERTPOOL_CA_BACKUP_RESTORE_H

#include "common/ca/store/absorb_crl.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/x509/issuer_set.h"

/* Restores a CA from its backup (backup.h) into a layout that has no CA. */
struct restore_options {
	const struct layout *layout;
	const struct manifest *manifest;
	struct bytes passphrase; /* empty: not given */
	struct bytes crl;        /* CRLs of the CA, absorb_crls; empty: not given */
	const char *crl_name;    /* for messages */
	int64_t now_s;
};

/* The CRLs in the layout, and those of the file that was given. */
enum { RESTORED_CRLS_MAX = ISSUERS_MAX + CRL_BUNDLE_MAX };

struct restore_summary {
	int64_t made_s; /* when the backup was made */
	size_t certificates;
	size_t revoked;      /* with those that the record lacks */
	size_t keys;         /* files */
	bool unmatched;      /* a key is encrypted, so that it could not be compared with its
				certificate */
	uint64_t crl_number; /* the next CRL's number is higher */
	struct absorbed_crl crls[RESTORED_CRLS_MAX]; /* that were taken in */
	size_t crl_count;
	size_t given_crl_count;    /* of these, the last: from the file that was given */
	struct crl_names left_out; /* the issuers of those of that file that the backup lacks */
	bool root_crl;             /* the CRL of a root that lies apart is the backup's */
	struct buffer barred;      /* clients that the layout tells to be barred (barred.h) */
	struct buffer lost; /* serials of certificates that were issued since the backup and are
			       not revoked, by the log of signatures that was there */
};

void clear_restore_summary(struct restore_summary *summary);

/*
 * Reads a backup from the descriptor to its end; name is for messages. All checks come before the
 * first file has its name: the format, the digest of every member, the HMAC under the passphrase,
 * that each key belongs to its certificate, every page of the store. No file is overwritten. The
 * store gets its name last, so that a killed restore can be run again, and does not look like a CA.
 * The caller holds the layout's lock.
 *
 * The next CRL's number is higher than any number that the CA can have used since the backup, by
 * the clock. The audit log notes the restore.
 *
 * What was revoked since the backup stays revoked, as far as it can be known: the CRL that lies in
 * the layout, and those that are given, are taken in (absorb_crls), and the clients of state/barred
 * (barred.h) are disabled. What was issued since is named, if the log of signatures was there.
 *
 * Errors: FAULT_REFUSED for a layout that has a store, or another key or certificate than the
 * backup, and for a passphrase that is missing, wrong, or given for a backup without keys;
 * FAULT_UNVERIFIED for a member that was changed, and for a CRL that the restored CA did not sign;
 * FAULT_MALFORMED for a file that is no backup, and for a CRL or a state/barred that is none.
 * Owns: clear_restore_summary.
 */
int restore_backup(const struct restore_options *options, int descriptor, const char *name,
		   struct restore_summary *ret_summary, struct fault *fault) MUST_CHECK;

#endif
