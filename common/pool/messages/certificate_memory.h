#ifndef CERTPOOL_POOL_MESSAGES_CERTIFICATE_MEMORY_H
#define CERTPOOL_POOL_MESSAGES_CERTIFICATE_MEMORY_H

#include "common/crypto/signed_message.h"

#include <pthread.h>

/*
 * Certificates that messages name by their digest (RFC 7515 section 4.1.8): what a receiver
 * remembers, and what a sender knows of that. Both are in memory alone: after a restart of the
 * sender its messages have certificates again, after one of the receiver it wants them again.
 * Nothing here is trusted: a certificate that was remembered is verified like one that came along.
 */

/*
 * The certificates of messages that verified, for each peer its own: a peer cannot find out which
 * ones another has shown. A certificate is remembered until it was not used for REMEMBERED_S; while
 * the memory is full, or the peer's part of it, a new one is not remembered, and goes on coming
 * with its messages. Peers whose names have the same hash share one part. Safe for several threads.
 */
struct certificate_memory;

enum {
	REMEMBERED_MAX = 8192,
	REMEMBERED_PER_PEER = 1024,
	REMEMBERED_OCTETS = 4096, /* of one message's certificates */
	REMEMBERED_S = 3600
};

/* Owns: free_certificate_memory. */
int new_certificate_memory(struct certificate_memory **ret_memory, struct fault *fault) MUST_CHECK;
void free_certificate_memory(struct certificate_memory **memory);

/* Remembers the certificates that came with the message; those that the same first one came with
   before are forgotten. False: there is no room. */
bool remember_certificate(struct certificate_memory *memory, const char *peer,
			  const struct signed_message *message, int64_t now_s);

/* Fills the chain of a message by digest, as the peer presented it before; without such a
   certificate chain_count stays 0. */
int recall_certificate(struct certificate_memory *memory, const char *peer, int64_t now_s,
		       struct signed_message *message, struct fault *fault) MUST_CHECK;

/* Which members' certificates a receiver remembers, by what it has answered. Members of the same
   number modulo KNOWN_MAX displace each other. Safe for several threads. */
enum { KNOWN_MAX = 1024 };

struct known_certificates {
	pthread_mutex_t lock;
	uint8_t sha256[KNOWN_MAX][SHA256_LEN]; /* zeros: none */
};

void init_known_certificates(struct known_certificates *known);
void clear_known_certificates(struct known_certificates *known);

/* Whether the receiver remembers the member's certificate of that digest. */
bool is_known_certificate(struct known_certificates *known, size_t member,
			  const uint8_t sha256[static SHA256_LEN]);
void note_known_certificate(struct known_certificates *known, size_t member,
			    const uint8_t sha256[static SHA256_LEN], bool remembered);

#endif
