#include "common/crypto/digest.h"

#include <nettle/nettle-meta.h>
#include <nettle/sha2.h>

void digest_sha256(struct bytes data, uint8_t ret_digest[static SHA256_LEN])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, data.len, data.data);
	sha256_digest(&context, SHA256_LEN, ret_digest);
}

static const struct nettle_hash *const hashes[] = {
	[DIGEST_SHA256] = &nettle_sha256,
	[DIGEST_SHA384] = &nettle_sha384,
	[DIGEST_SHA512] = &nettle_sha512,
};

size_t compute_digest(enum digest_algorithm algorithm, struct bytes data,
		      uint8_t ret_digest[static DIGEST_MAX])
{
	const struct nettle_hash *hash = hashes[algorithm];
	union {
		struct sha256_ctx sha256;
		struct sha512_ctx sha512; /* SHA-384's too */
	} context;

	hash->init(&context);
	hash->update(&context, data.len, data.data);
	hash->digest(&context, hash->digest_size, ret_digest);
	return hash->digest_size;
}
