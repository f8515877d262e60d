#include "common/crypto/digest.h"

#include "common/base/hex.h"

#include <nettle/hmac.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

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

union hash_context {
	struct sha256_ctx sha256;
	struct sha512_ctx sha512; /* SHA-384's too */
};

size_t compute_digest(enum digest_algorithm algorithm, struct bytes data,
		      uint8_t ret_digest[static DIGEST_MAX])
{
	const struct nettle_hash *hash = hashes[algorithm];
	union hash_context context;

	hash->init(&context);
	hash->update(&context, data.len, data.data);
	hash->digest(&context, hash->digest_size, ret_digest);
	return hash->digest_size;
}

size_t compute_hmac(enum digest_algorithm algorithm, struct bytes key, const struct bytes *pieces,
		    size_t piece_count, uint8_t ret_mac[static DIGEST_MAX])
{
	const struct nettle_hash *hash = hashes[algorithm];
	struct {
		union hash_context outer;
		union hash_context inner;
		union hash_context state;
	} keyed;

	hmac_set_key(&keyed.outer, &keyed.inner, &keyed.state, hash, key.len, key.data);
	for (size_t i = 0; i < piece_count; i++)
		hmac_update(&keyed.state, hash, pieces[i].len, pieces[i].data);
	hmac_digest(&keyed.outer, &keyed.inner, &keyed.state, hash, hash->digest_size, ret_mac);
	wipe(&keyed, sizeof(keyed));
	return hash->digest_size;
}

void hmac_sha256(const uint8_t key[static SHA256_LEN], struct bytes data,
		 uint8_t ret_mac[static SHA256_LEN])
{
	uint8_t mac[DIGEST_MAX];

	(void)compute_hmac(DIGEST_SHA256, (struct bytes){key, SHA256_LEN}, &data, 1, mac);
	memcpy(ret_mac, mac, SHA256_LEN);
}

void derive_key(struct bytes secret, const char *label, uint8_t ret_key[static SHA256_LEN])
{
	static const uint8_t no_salt[SHA256_LEN];
	const struct bytes info[] = {bytes_of_string(label), {(const uint8_t *)"\x01", 1}};
	uint8_t mac[DIGEST_MAX];
	uint8_t extracted[SHA256_LEN];

	hmac_sha256(no_salt, secret, extracted);
	(void)compute_hmac(DIGEST_SHA256, (struct bytes){extracted, SHA256_LEN}, info,
			   COUNT_OF(info), mac);
	memcpy(ret_key, mac, SHA256_LEN);
	wipe(extracted, sizeof(extracted));
	wipe(mac, sizeof(mac));
}

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
