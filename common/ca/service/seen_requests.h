#ifndef CERTPOOL_CA_SERVICE_SEEN_REQUESTS_H
#define CERTPOOL_CA_SERVICE_SEEN_REQUESTS_H

#include "common/base/bytes.h"
#include "common/crypto/digest.h"

#include <pthread.h>

/*
 * The requests that the CA has read in the last minutes, so that one that comes again is recognised
 * before it is decrypted or parsed. A request is known by its JWE's header and encrypted key: they
 * are authenticated and random, so that a jti has one JWE, which nobody but the client can replace
 * by another (RFC 7516 section 5.1, RFC 3394). Once it is decrypted, it is known by all of its
 * octets. Only authenticated requests are remembered.
 *
 * A request is remembered for at least SEEN_S, so for as long as it can be fresh, unless more than
 * SEEN_MAX / 2 come in that time: then the older half is forgotten. In memory: a restart forgets
 * all. Safe for several threads.
 */
enum { SEEN_S = 600, SEEN_MAX = 1 << 20 };

/* An open-addressed set of 64 bits of each request's digest; 0: an empty place. */
struct seen_set {
	uint64_t *places;
	size_t size; /* a power of two, or 0 */
	size_t count;
};

struct seen_requests {
	pthread_mutex_t lock;
	struct seen_set recent;
	struct seen_set before; /* of the SEEN_S before those */
	int64_t recent_us;      /* of the stopwatch: when recent was begun */
};

void init_seen_requests(struct seen_requests *seen);
void clear_seen_requests(struct seen_requests *seen);

/* By header and encrypted key. */
bool has_seen(struct seen_requests *seen, struct bytes jwe, int64_t now_us);

/* By the SHA-256 of the whole JWE: a client that uses a content key twice makes two requests. */
bool has_seen_whole(struct seen_requests *seen, const uint8_t sha256[static SHA256_LEN],
		    int64_t now_us);

/* In both ways. Does nothing for lack of memory: the request is then taken for new if it comes
   again. */
void remember_request(struct seen_requests *seen, struct bytes jwe,
		      const uint8_t sha256[static SHA256_LEN], int64_t now_us);

#endif
