#include "common/crypto/shared_key.h"

#include "common/base/random.h"
#include "common/crypto/aes.h"
#include "common/crypto/base64.h"
#include "common/crypto/jws_compact.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_ID_LEN = 16 };

int generate_shared_key(struct shared_key *ret_key, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer kid = {0};
	uint8_t random[KEY_ID_LEN];

	/* A kid must be a valid_name, which cannot begin with '-'. */
	do {
		clear_buffer(&kid);
		if (fill_random(random, sizeof(random), fault) < 0)
			return -1;
		append_base64url(&kid, (struct bytes){random, sizeof(random)});
		if (check_buffer(&kid, fault) < 0)
			return -1;
	} while (!valid_name((const char *)kid.data));
	if (fill_random(ret_key->key, SHARED_KEY_LEN, fault) < 0)
		return -1;
	ret_key->ends_s = 0;
	ret_key->offer = false;
	memcpy(ret_key->kid, kid.data, kid.len + 1);
	return 0;
}

int format_shared_key(const struct shared_key *key, struct secret *ret_jwk, struct fault *fault)
{
	static const char form[] = "{\"kty\":\"oct\",\"alg\":\"A256KW\",\"kid\":\"%s\",\"key_ops\":"
				   "[\"wrapKey\",\"unwrapKey\"],\"k\":\"%s\"%s}\n";
	char old[64] = "";
	CLEANUP(clear_secret) struct secret jwk = {0};
	CLEANUP(clear_buffer) struct buffer k = {0};
	int len;

	append_base64url(&k, (struct bytes){key->key, SHARED_KEY_LEN});
	if (key->ends_s != 0)
		(void)snprintf(old, sizeof(old), ",\"exp\":%" PRId64 ",\"offer\":%s", key->ends_s,
			       key->offer ? "true" : "false");
	if (check_buffer(&k, fault) < 0 ||
	    allocate_secret(sizeof(form) + KEY_ID_SIZE + k.len + sizeof(old), &jwk, fault) < 0)
		return -1;
	len = snprintf((char *)jwk.data, jwk.len, form, key->kid, (const char *)k.data, old);
	wipe(k.data, k.len);
	jwk.len = (size_t)len;
	*ret_jwk = take_secret(&jwk);
	return 0;
}

static bool has_operation(const json_t *operations, const char *name)
{
	size_t index;
	json_t *operation;

	json_array_foreach(operations, index, operation) if (json_is_string(operation) &&
							     strcmp(json_string_value(operation),
								    name) == 0) return true;
	return false;
}

/* Checks all members but k. */
static int check_parameters(const json_t *jwk, struct fault *fault)
{
	const json_t *operations = json_object_get(jwk, "key_ops");
	const char *kty = get_string(jwk, "kty");
	const char *alg = get_string(jwk, "alg");
	const char *kid = get_string(jwk, "kid");

	if (kty == NULL || strcmp(kty, "oct") != 0)
		return set_fault(fault, FAULT_MALFORMED, "JWK: kty: expected \"oct\"");
	if (alg == NULL || strcmp(alg, "A256KW") != 0)
		return set_fault(fault, FAULT_MALFORMED, "JWK: alg: expected \"A256KW\"");
	if (kid == NULL || !valid_name(kid))
		return set_fault(fault, FAULT_MALFORMED,
				 "JWK: kid: expected 1 to 64 characters from A-Z a-z 0-9 _ -");
	if (operations != NULL &&
	    !(has_operation(operations, "wrapKey") && has_operation(operations, "unwrapKey")))
		return set_fault(fault, FAULT_MALFORMED,
				 "JWK: key_ops: expected \"wrapKey\" and \"unwrapKey\"");
	return 0;
}

static bool all_equal(struct bytes octets)
{
	unsigned int difference = 0;

	for (size_t i = 1; i < octets.len; i++)
		difference |= (unsigned int)(octets.data[i] ^ octets.data[0]);
	return difference == 0;
}

/* A time after 1970, or nothing. */
static int read_end(const json_t *jwk, int64_t *ret_ends_s, struct fault *fault)
{
	const json_t *exp = json_object_get(jwk, "exp");

	*ret_ends_s = json_integer_value(exp);
	if (exp != NULL && *ret_ends_s <= 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "JWK: exp: expected a number of seconds since 1970");
	return 0;
}

int parse_shared_key(struct bytes jwk, struct shared_key *ret_key, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	int64_t ends_s;
	CLEANUP(clear_secret) struct secret k = {0};
	struct fault problem = {0};
	const char *text;

	if (parse_json_object(jwk, "JWK", &object, fault) < 0 ||
	    check_parameters(object, fault) < 0 || read_end(object, &ends_s, fault) < 0)
		return -1;
	text = get_string(object, "k");
	if (text != NULL && decode_base64url_secret(bytes_of_string(text), &k, &problem) < 0 &&
	    pass_failure(&problem, fault) < 0)
		return -1;
	if (k.len != SHARED_KEY_LEN)
		return set_fault(fault, FAULT_MALFORMED,
				 "JWK: k: expected %d octets in base64url (43 characters)",
				 SHARED_KEY_LEN);
	if (all_equal(bytes_of_secret(&k)))
		return set_fault(fault, FAULT_MALFORMED,
				 "JWK: k: expected a random key, found one octet repeated");
	ret_key->ends_s = ends_s;
	ret_key->offer = json_is_true(json_object_get(object, "offer"));
	memcpy(ret_key->key, k.data, SHARED_KEY_LEN);
	memcpy(ret_key->kid, get_string(object, "kid"), strlen(get_string(object, "kid")) + 1);
	return 0;
}

void clear_shared_key(struct shared_key *key)
{
	wipe(key, sizeof(*key));
}

int seal_under_key(const struct shared_key *key, const char *context, struct bytes plaintext,
		   struct buffer *ret_sealed, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	uint8_t *begin = extend_buffer(&sealed, GCM_IV_LEN + plaintext.len + GCM_TAG_LEN);

	if (begin == NULL)
		return set_memory_fault(fault);
	if (fill_random(begin, GCM_IV_LEN, fault) < 0)
		return -1;
	seal(key->key, begin, bytes_of_string(context), plaintext, begin + GCM_IV_LEN,
	     begin + GCM_IV_LEN + plaintext.len);
	*ret_sealed = take_buffer(&sealed);
	return 0;
}

int open_under_key(const struct shared_key *key, const char *context, struct bytes sealed,
		   struct secret *ret_plaintext, struct fault *fault)
{
	static const size_t frame_len = GCM_IV_LEN + GCM_TAG_LEN;
	CLEANUP(clear_secret) struct secret plaintext = {0};
	struct sealed parts = {.iv = sealed.data, .associated = bytes_of_string(context)};

	if (sealed.len <= frame_len)
		return set_fault(fault, FAULT_UNDECRYPTABLE, "%s: cut off", context);
	parts.ciphertext = (struct bytes){sealed.data + GCM_IV_LEN, sealed.len - frame_len};
	parts.tag = sealed.data + sealed.len - GCM_TAG_LEN;
	if (allocate_secret(parts.ciphertext.len, &plaintext, fault) < 0)
		return -1;
	if (!open_sealed(key->key, &parts, plaintext.data))
		return set_fault(fault, FAULT_UNDECRYPTABLE,
				 "%s: cannot be decrypted: it was changed, or is under another key",
				 context);
	*ret_plaintext = take_secret(&plaintext);
	return 0;
}

/* Doubles the room when it is full: it is for 1, 2, 4, … keys. realloc would leave a copy of the
   keys behind. */
static int make_room(struct key_ring *ring, struct fault *fault)
{
	struct peer_key *keys;

	if ((ring->count & (ring->count - 1)) != 0)
		return 0;
	keys = calloc(ring->count > 0 ? 2 * ring->count : 1, sizeof(*keys));
	if (keys == NULL)
		return set_memory_fault(fault);
	if (ring->count > 0)
		memcpy(keys, ring->keys, ring->count * sizeof(*keys));
	wipe(ring->keys, ring->count * sizeof(*keys));
	free(ring->keys);
	ring->keys = keys;
	return 0;
}

int add_peer_key(struct key_ring *ring, const char *peer, const struct shared_key *key,
		 struct fault *fault)
{
	struct peer_key *added;

	for (size_t i = 0; i < ring->count; i++) {
		bool same_peer = strcmp(ring->keys[i].peer, peer) == 0;
		bool same_kid = strcmp(ring->keys[i].key.kid, key->kid) == 0;

		if (same_peer && same_kid && key->ends_s != 0)
			return 0;
		if (same_peer && key->ends_s == 0)
			return set_fault(fault, FAULT_REFUSED,
					 "two keys are shared with \"%s\": expected one", peer);
		if (same_kid)
			return set_fault(
				fault, FAULT_REFUSED,
				"the keys shared with \"%s\" and \"%s\" have the same kid: "
				"every pair of nodes has a key of its own",
				ring->keys[i].peer, peer);
	}
	if (make_room(ring, fault) < 0)
		return -1;
	added = &ring->keys[ring->count++];
	(void)snprintf(added->peer, sizeof(added->peer), "%s", peer);
	added->key = *key;
	return 0;
}

const struct peer_key *find_peer_key(const struct key_ring *ring, const char *peer)
{
	for (size_t i = 0; i < ring->count; i++)
		if (strcmp(ring->keys[i].peer, peer) == 0 && ring->keys[i].key.ends_s == 0)
			return &ring->keys[i];
	return NULL;
}

const struct peer_key *find_key_id(const struct key_ring *ring, struct bytes kid)
{
	const struct peer_key *found = NULL;

	/* The loop compares all keys, so that its time reveals nothing about the kids. */
	for (size_t i = 0; i < ring->count; i++)
		if (equal_secrets(bytes_of_string(ring->keys[i].key.kid), kid))
			found = &ring->keys[i];
	return found;
}

void clear_key_ring(struct key_ring *ring)
{
	wipe(ring->keys, ring->count * sizeof(*ring->keys));
	free(ring->keys);
	*ring = (struct key_ring){0};
}

static void wipe_and_free(void *memory)
{
	wipe(memory, malloc_usable_size(memory));
	free(memory);
}

void wipe_json_memory(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}
