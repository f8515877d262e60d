#ifndef CERTPOOL_CA_BACKUP_ARCHIVE_H
#define CERTPOOL_CA_BACKUP_ARCHIVE_H

#include "common/base/tar.h"
#include "common/crypto/digest.h"

/*
 * The file of a backup: a tar archive (common/base/tar.h) of these members in this order, which any
 * tar extracts; pki-layout/README.md says how to restore it by hand. It is written and read from
 * beginning to end, so that it can go through a pipe, and is never in memory as a whole.
 */
#define MEMBER_NOTE "BACKUP"            /* format, time, how to restore it */
#define MEMBER_MANIFEST "manifest.yaml" /* for the operator: restore_backup ignores it */
#define MEMBER_ROOT "cert/root.crt"
#define MEMBER_ISSUER "cert/ca.crt" /* when the root lies apart */
#define MEMBER_CRL "cert/ca.crl"
#define MEMBER_ROOT_CRL "cert/root.crl" /* when the root lies apart */
/* Of a rotation of the root (ca_roots.h): while it is under way; and also afterwards. */
#define MEMBER_NEXT_ROOT "cert/root.next.crt"
#define MEMBER_CROSS "cert/cross.crt"
#define MEMBER_NEXT_ROOT_CRL "cert/root.next.crl"
#define MEMBER_OLD_ROOT "cert/root.old.crt"
#define MEMBER_OLD_ROOT_CRL "cert/root.old.crl"
/* Then, of each later issuer, its certificate and its CRL, which may be absent: "cert/ca.2.crt",
   "cert/ca.2.crl", "cert/ca.3.crt", … */
#define MEMBER_FOLDER "cert/"
#define MEMBER_KEYS "keys.enc"      /* an archive of the key files, sealed (passphrase_seal.h) */
#define MEMBER_RECORD "state/ca.db" /* unless the record is in a database of its own */
#define MEMBER_FRONT_END "state/front_end" /* instead, of a front end that has joined */
#define MEMBER_SIGNED                                                                              \
	"state/signed.log"           /* read after the record: it has all of its certificates      \
				      */
#define MEMBER_SUMS "SHA256SUMS"     /* of all members above, for sha256sum -c */
#define MEMBER_MAC "SHA256SUMS.hmac" /* of SHA256SUMS, when there are keys: hex, line end */

#define NOTE_HEAD "certpool backup, version 1\n"
#define NOTE_TIME "made: " /* RFC 3339, then a line end */

/* An archive that is written. name is for messages. */
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

/* Adds the content of a file from its beginning, with mode 0600. No other process may write to the
   file. */
int add_member_file(struct archive_writer *writer, const char *member, int descriptor,
		    struct fault *fault) MUST_CHECK;

/* The same for the first `len` octets of a file to which others append. */
int add_member_part(struct archive_writer *writer, const char *member, int descriptor, size_t len,
		    struct fault *fault) MUST_CHECK;

/* Adds the sums, their HMAC (of seal_keys) unless mac_key is NULL, and the end. */
int finish_archive(struct archive_writer *writer, const uint8_t *mac_key,
		   struct fault *fault) MUST_CHECK;

/* An archive that is read. Every fault begins with its name; FAULT_MALFORMED when it is cut off. */
struct archive_reader {
	int descriptor;
	const char *name;
	struct running_digest *digest;
	struct buffer sums;     /* of the members read so far */
	struct tar_entry entry; /* the current member; no name: its header is not read yet */
	bool ended;
};

int open_archive(struct archive_reader *reader, struct fault *fault) MUST_CHECK;
void clear_archive_reader(struct archive_reader *reader);

/* Whether the next member has this name. */
int at_member(struct archive_reader *reader, const char *member, bool *ret_at,
	      struct fault *fault) MUST_CHECK;

/* Read the next member into memory (FAULT_TOO_LARGE over max octets), or into a file.
   FAULT_MALFORMED when the next member has another name. */
int read_member(struct archive_reader *reader, const char *member, size_t max,
		struct buffer *ret_content, struct fault *fault) MUST_CHECK;
int copy_member(struct archive_reader *reader, const char *member, int descriptor,
		struct fault *fault) MUST_CHECK;

/*
 * Reads the sums and the end, and compares the sums: FAULT_UNVERIFIED names a member that was
 * changed. The caller verifies *ret_mac, the HMAC of the sums (hex, line end); empty: the archive
 * has none.
 */
int finish_reading(struct archive_reader *reader, struct buffer *ret_mac,
		   struct fault *fault) MUST_CHECK;

/*
 * Opens a member that was sealed (passphrase_seal.h), once the archive was read to its end. The
 * HMAC proves that the maker of the whole archive knew the passphrase: only then is the member
 * decrypted with it. Errors: FAULT_REFUSED for another passphrase, or an archive that was changed.
 */
int open_sealed_member(const struct archive_reader *reader, struct bytes sealed, struct bytes mac,
		       struct bytes passphrase, struct secret *ret_plaintext,
		       struct fault *fault) MUST_CHECK;

#endif
