#include "common/crypto/running_digest.h"

#include "common/base/hex.h"

#include <nettle/sha2.h>
#include <stdlib.h>

struct running_digest {
	struct sha256_ctx context;
};

int new_running_digest(struct running_digest **ret_digest, struct fault *fault)
{
	struct running_digest *digest = calloc(1, sizeof(*digest));

	if (digest == NULL)
		return set_memory_fault(fault);
	sha256_init(&digest->context);
	*ret_digest = digest;
	return 0;
}

void free_running_digest(struct running_digest **digest)
{
	free(TAKE(*digest));
}

void update_digest(struct running_digest *digest, struct bytes data)
{
	sha256_update(&digest->context, data.len, data.data);
}

void finish_digest(struct running_digest *digest, uint8_t ret_digest[static SHA256_LEN])
{
	sha256_digest(&digest->context, SHA256_LEN, ret_digest);
}

void format_sha256(const uint8_t digest[static SHA256_LEN], char ret_text[static SHA256_TEXT_SIZE])
{
	format_hex((struct bytes){digest, SHA256_LEN}, ret_text);
}
