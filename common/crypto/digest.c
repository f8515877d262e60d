#include "common/crypto/digest.h"

#include <nettle/sha2.h>

void digest_sha256(struct bytes data, uint8_t ret_digest[static SHA256_LEN])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, data.len, data.data);
	sha256_digest(&context, SHA256_LEN, ret_digest);
}
