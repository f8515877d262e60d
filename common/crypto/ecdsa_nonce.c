#include "common/crypto/ecdsa_nonce.h"

#include "common/base/random.h"
#include "common/crypto/ec_key.h"

#include <string.h>

/* K = HMAC_K(V || separator || rest), V = HMAC_K(V): steps d to g. */
static void update_state(struct ecdsa_nonces *nonces, uint8_t separator, const struct bytes *rest,
			 size_t count)
{
	const struct bytes key = {nonces->key, nonces->octets};
	struct bytes pieces[5] = {{nonces->value, nonces->octets}, {&separator, 1}};

	for (size_t i = 0; i < count; i++)
		pieces[2 + i] = rest[i];
	(void)compute_hmac(nonces->hash, key, pieces, 2 + count, nonces->key);
	(void)compute_hmac(nonces->hash, key, pieces, 1, nonces->value);
}

/* bits2octets of section 2.3.4: the digest as a number of the order's length, modulo the order. */
static void reduce_digest(struct bytes digest, struct bytes order, uint8_t *ret_octets)
{
	const size_t used = digest.len < order.len ? digest.len : order.len;
	int borrow = 0;

	memset(ret_octets, 0, order.len - used);
	memcpy(ret_octets + (order.len - used), digest.data, used);
	if (memcmp(ret_octets, order.data, order.len) < 0)
		return;
	for (size_t i = order.len; i-- > 0;) {
		int difference = ret_octets[i] - order.data[i] - borrow;

		borrow = difference < 0;
		ret_octets[i] = (uint8_t)difference;
	}
}

void init_ecdsa_nonces(struct ecdsa_nonces *nonces, enum key_type type, const uint8_t *scalar,
		       struct bytes digest, struct bytes extra)
{
	const size_t octets = ec_octets(type);
	uint8_t reduced[EC_OCTETS_MAX];
	const struct bytes rest[3] = {{scalar, octets}, {reduced, octets}, extra};

	*nonces = (struct ecdsa_nonces){
		.hash = type == KEY_ECDSA_P256 ? DIGEST_SHA256 : DIGEST_SHA384, .octets = octets};
	memset(nonces->value, 1, octets);
	reduce_digest(digest, ec_order(type), reduced);
	update_state(nonces, 0, rest, 3);
	update_state(nonces, 1, rest, 3);
}

void draw_ecdsa_nonce(struct ecdsa_nonces *nonces, size_t len, uint8_t *ret_octets)
{
	const struct bytes key = {nonces->key, nonces->octets};
	const struct bytes value = {nonces->value, nonces->octets};

	/* Step h.3: the number before was out of range. */
	if (nonces->drawn)
		update_state(nonces, 0, NULL, 0);
	(void)compute_hmac(nonces->hash, key, &value, 1, nonces->value);
	memcpy(ret_octets, nonces->value, len);
	nonces->drawn = true;
}

void draw_nonce(void *context, size_t len, uint8_t *ret_octets)
{
	struct nonce_source *source = context;

	if (source->hedged != NULL) {
		draw_ecdsa_nonce(source->hedged, len, ret_octets);
		return;
	}
	if (!source->failed && fill_random(ret_octets, len, source->fault) == 0)
		return;
	source->failed = true;
	memset(ret_octets, 1, len);
}
