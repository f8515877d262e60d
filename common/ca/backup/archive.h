#ifndef CERTPOOL_CA_BACKUP_ARCHIVE_H
#define CERTPOOL_CA_BACKUP_ARCHIVE_H

#include "common/base/tar.h"
#include "common/crypto/digest.h"

/*
 * A backup of a CA as a file: a tar archive (common/base/tar.h) with these members in this order,
 * which any tar extracts; pki-layout/README.md says how to restore it by hand. It is written and
 * read from beginning to end, so that it can come from a pipe, and is never in memory whole.
 */
#define MEMBER_NOTE "BACKUP"            /* what this is, when it was made, how to restore it */
#define MEMBER_MANIFEST "manifest.yaml" /* for whoever restores; restore leaves it alone */
#define MEMBER_ROOT "cert/root.crt"
#define MEMBER_ISSUER "cert/ca.crt" /* of a CA that is not its own root */
#define MEMBER_CRL "cert/ca.crl"
#define MEMBER_KEYS "keys.enc" /* an archive of the key files, sealed (passphrase_seal.h) */
#define MEMBER_RECORD "state/ca.db"
#define MEMBER_SUMS "SHA256SUMS"     /* of all members above, as sha256sum writes and checks it */
#define MEMBER_MAC "SHA256SUMS.hmac" /* of that, when there are keys: hex, and a line end */

#define NOTE_HEAD "certpool backup, version 1\n"
#define NOTE_TIME "made: " /* RFC 3339, then a line end */

/* Writes an archive. name is for messages. */
struct archive_writer {
	int descriptor;
	const char *name;
	int64_t now_s;
	struct running_digest *digest;
	struct buffer sums;
	uint64_t written; /* octets */
};

int begin_archive(struct archive_writer *writer, struct fault *fault) MUST_CHECK;
void clear_archive_writer(struct archive_writer *writer);

int add_member_octets(struct archive_writer *writer, const char *member, mode_t mode,
		      struct bytes content, struct fault *fault) MUST_CHECK;

/* The content of a file from its beginning, which nobody else writes to. */
int add_member_file(struct archive_writer *writer, const char *member, mode_t mode, int descriptor,
		    struct fault *fault) MUST_CHECK;

/* Sums, their authentication when there is a key, and the end. */
int finish_archive(struct archive_writer *writer, const uint8_t *mac_key,
		   struct fault *fault) MUST_CHECK;

/* Reads an archive. Every fault begins with its name; an end that comes too early is
   FAULT_MALFORMED. */
struct archive_reader {
	int descriptor;
	const char *name;
	struct running_digest *digest;
	struct buffer sums;     /* of the members that were read */
	struct tar_entry entry; /* the current one; no name: the next is to be read */
	bool ended;
};

int open_archive(struct archive_reader *reader, struct fault *fault) MUST_CHECK;
void clear_archive_reader(struct archive_reader *reader);

/* Whether the next member is the one of this name. */
int at_member(struct archive_reader *reader, const char *member, bool *ret_at,
	      struct fault *fault) MUST_CHECK;

/* Read it, whole, or into a file. FAULT_MALFORMED when something else is next. */
int read_member(struct archive_reader *reader, const char *member, size_t max,
		struct buffer *ret_content, struct fault *fault) MUST_CHECK;
int copy_member(struct archive_reader *reader, const char *member, int descriptor,
		struct fault *fault) MUST_CHECK;

/*
 * Reads the sums and the end, and compares: FAULT_UNVERIFIED, with the member's name, when one is
 * not as it was. The authentication of the sums is left to the caller: *ret_mac is empty when there
 * is none.
 */
int finish_reading(struct archive_reader *reader, struct buffer *ret_mac,
		   struct fault *fault) MUST_CHECK;

#endif
