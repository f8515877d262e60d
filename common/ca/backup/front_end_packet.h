#ifndef CERTPOOL_CA_BACKUP_FRONT_END_PACKET_H
#define CERTPOOL_CA_BACKUP_FRONT_END_PACKET_H

#include "common/ca/shared/front_ends.h"

/*
 * What a further front end of a record needs, in one file: the manifest, the CA's certificates, its
 * keys, but for those in a token, and the key of the store. The file is a tar archive (archive.h)
 * of a note and of `front-end.enc`, an archive of these files under a passphrase, which
 * authenticates all of it.
 */
struct packet_options {
	const struct layout *layout;
	struct bytes manifest;
	struct bytes passphrase;
	const char *name; /* of the front end */
	int64_t number;
	int64_t now_s;
};

/* Writes a new file of mode 0600, durable on return. FAULT_REFUSED when the file exists. */
int write_front_end_packet(const struct packet_options *options, const char *path,
			   struct fault *fault) MUST_CHECK;

/* A packet that was opened. Zero-initialised is empty. Owns: clear_front_end_packet. */
struct front_end_packet {
	char name[NAME_SIZE];
	int64_t number;
	struct secret files;   /* the archive */
	struct bytes manifest; /* in it */
};

void clear_front_end_packet(struct front_end_packet *packet);

/* Reads a packet to its end. Errors: FAULT_MALFORMED for another file; FAULT_REFUSED for another
   passphrase, or a packet that was changed. */
int read_front_end_packet(int descriptor, const char *path, struct bytes passphrase,
			  struct front_end_packet *ret_packet, struct fault *fault) MUST_CHECK;

/* Puts the files, but for the manifest, into the layout. A file that is there must be the same.
   Shape: the caller holds the layout's lock. */
int unpack_front_end(const struct front_end_packet *packet, const struct layout *layout,
		     struct fault *fault) MUST_CHECK;

#endif
