#include "tests/unit/crypto/jose_objects.h"

#include "common/crypto/aes.h"
#include "common/crypto/base64.h"
#include "common/crypto/jws_compact.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <gnutls/abstract.h>
#include <string.h>

struct buffer octets_of(const char *base64url)
{
	struct buffer octets = {0};

	OK(decode_base64url(bytes_of_string(base64url), &octets, &fault), "%s", base64url);
	return octets;
}

void strip_line_end(struct buffer *text)
{
	while (text->len > 0 && strchr("\r\n", (char)text->data[text->len - 1]) != NULL)
		text->data[--text->len] = '\0';
}

struct buffer open_compact(struct bytes text, struct bytes kek)
{
	struct bytes parts[COMPACT_PARTS_MAX];
	struct buffer octets[COMPACT_PARTS_MAX] = {{0}};
	struct buffer plaintext = {0};
	uint8_t content_key[CONTENT_KEY_LEN];

	OK(split_compact(text, 5, parts, &fault));
	for (size_t i = 0; i < COMPACT_PARTS_MAX; i++)
		OK(decode_base64url(parts[i], &octets[i], &fault));
	cr_assert_eq(octets[1].len, WRAPPED_KEY_LEN);
	cr_assert(unwrap_key(kek.data, octets[1].data, content_key));
	cr_assert(open_sealed(content_key,
			      &(const struct sealed){octets[2].data, parts[0],
						     bytes_of_buffer(&octets[3]), octets[4].data},
			      extend_buffer(&plaintext, octets[3].len)));
	for (size_t i = 0; i < COMPACT_PARTS_MAX; i++)
		clear_buffer(&octets[i]);
	return plaintext;
}

struct key_ring make_ring(struct bytes k, const char *kid)
{
	struct key_ring ring = {0};
	struct shared_key key = {0};

	cr_assert_eq(k.len, SHARED_KEY_LEN);
	memcpy(key.key, k.data, SHARED_KEY_LEN);
	memcpy(key.kid, kid, strlen(kid) + 1);
	OK(add_peer_key(&ring, "peer", &key, &fault));
	return ring;
}

static void import_jwk(const json_t *jwk, gnutls_pubkey_t handle)
{
	bool rsa = json_object_get(jwk, "n") != NULL;
	struct buffer a = octets_of(text_member(jwk, rsa ? "n" : "x"));
	struct buffer b = octets_of(text_member(jwk, rsa ? "e" : "y"));
	gnutls_datum_t first = {a.data, (unsigned int)a.len};
	gnutls_datum_t second = {b.data, (unsigned int)b.len};

	if (rsa)
		cr_assert_eq(gnutls_pubkey_import_rsa_raw(handle, &first, &second), 0);
	else
		cr_assert_eq(gnutls_pubkey_import_ecc_raw(handle, GNUTLS_ECC_CURVE_SECP256R1,
							  &first, &second),
			     0);
	clear_buffer(&a);
	clear_buffer(&b);
}

struct public_key *read_public_jwk(const json_t *jwk)
{
	gnutls_datum_t der = {0};
	gnutls_pubkey_t handle;
	struct public_key *key = NULL;
	struct fault fault = {0};

	cr_assert_eq(gnutls_pubkey_init(&handle), 0);
	import_jwk(jwk, handle);
	cr_assert_eq(gnutls_pubkey_export2(handle, GNUTLS_X509_FMT_DER, &der), 0);
	if (parse_public_key((struct bytes){der.data, der.size}, &key, &fault) < 0)
		cr_expect_eq(fault.class, FAULT_REFUSED, "%s", fault.text);
	gnutls_free(der.data);
	gnutls_pubkey_deinit(handle);
	return key;
}

bool verify_parts(struct bytes jws, const struct public_key *key,
		  enum signature_algorithm algorithm)
{
	struct bytes parts[COMPACT_PARTS_MAX];
	struct buffer signature = {0};
	struct buffer payload = {0};
	struct verdict verdict = {0};
	struct fault fault = {0};
	bool good = split_compact(jws, 3, parts, &fault) == 0 &&
		    decode_base64url(parts[2], &signature, &fault) == 0 &&
		    decode_base64url(parts[1], &payload, &fault) == 0;

	if (good)
		cr_assert_eq(verify_data(key, algorithm,
					 (struct bytes){jws.data, jws.len - parts[2].len - 1},
					 bytes_of_buffer(&signature), &verdict, &fault),
			     0);
	clear_buffer(&signature);
	clear_buffer(&payload);
	return good && !verdict.invalid;
}
