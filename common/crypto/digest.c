#include "common/crypto/digest.h"

#include <nettle/sha2.h>

void digest_sha256(struct bytes data, uint8_t ret_digest[static SHA256_LEN])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, data.len, data.data);
	sha256_digest(&context, SHA256_LEN, ret_digest);
}

static size_t digest_sha384(struct bytes data, uint8_t *ret_digest)
{
	struct sha384_ctx context;

	sha384_init(&context);
	sha384_update(&context, data.len, data.data);
	sha384_digest(&context, SHA384_DIGEST_SIZE, ret_digest);
	return SHA384_DIGEST_SIZE;
}

static size_t digest_sha512(struct bytes data, uint8_t *ret_digest)
{
	struct sha512_ctx context;

	sha512_init(&context);
	sha512_update(&context, data.len, data.data);
	sha512_digest(&context, SHA512_DIGEST_SIZE, ret_digest);
	return SHA512_DIGEST_SIZE;
}

size_t compute_digest(enum digest_algorithm algorithm, struct bytes data,
		      uint8_t ret_digest[static DIGEST_MAX])
{
	switch (algorithm) {
	case DIGEST_SHA384:
		return digest_sha384(data, ret_digest);
	case DIGEST_SHA512:
		return digest_sha512(data, ret_digest);
	case DIGEST_SHA256:
		break;
	}
	digest_sha256(data, ret_digest);
	return SHA256_LEN;
}
