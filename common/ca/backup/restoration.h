#ifndef CERTPOOL_CA_BACKUP_RESTORATION_H
#define CERTPOOL_CA_BACKUP_RESTORATION_H

#include "common/base/staging.h"
#include "common/ca/backup/archive.h"
#include "common/ca/backup/restore.h"

/* For restore.c and restore_files.c: a backup that is being restored. */

/* The root and the issuers below it, if it lies apart, by their numbers. */
enum { CA_CERTIFICATES_MAX = ISSUERS_MAX + 1, ROOT = 0 };

/* Of a root that lies apart, and of a rotation of any root, in the order in which a backup has
   them. Each may be absent. */
enum { ROOT_CRL, NEXT_ROOT, CROSS, NEXT_ROOT_CRL, OLD_ROOT, OLD_ROOT_CRL, ROOT_FILES };

struct root_file {
	const char *member;
	size_t max;
};
extern const struct root_file root_files[ROOT_FILES];

/* "cert/root.crt", "cert/ca.crt", "cert/ca.2.crt", … */
void name_certificate_member(size_t i, char ret_member[static FILE_NAME_SIZE]);

struct restoration {
	const struct restore_options *options;
	const char *name;
	struct archive_reader reader;
	struct buffer pems[CA_CERTIFICATES_MAX]; /* of the certificates; empty: not in the backup */
	struct buffer crls[ISSUERS_MAX];         /* of the issuers, likewise */
	struct buffer root_files[ROOT_FILES];
	struct buffer sealed;         /* the keys, encrypted; empty: not in the backup */
	struct buffer mac;            /* of the sums: hex, line end; empty: the same */
	struct secret keys;           /* an archive of key files (key_files.h) */
	struct buffer front_end_text; /* of its file (front_ends.h); empty: not in the backup */
	int64_t front_end;            /* its number; 0: none */
	struct staging *files;        /* all but the store */
	struct staging *store;
	struct staging *unused; /* what is in the backup, and not wanted */
	struct restore_summary summary;
};

/* Has the certificates, the CRLs and the keys staged, once the archive was read to its end: each
   belongs to the others, and none takes the place of another one. */
int stage_files(struct restoration *restoration, struct fault *fault) MUST_CHECK;

#endif
