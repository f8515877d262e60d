#include "common/crypto/jose/flattened_jws.h"

#include "common/crypto/base64.h"
#include "common/crypto/jws_compact.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_TEXT_MAX = 8192 };

static const struct place {
	const char *members[6]; /* of the protected header; ends with NULL */
	bool nonce;
	bool jwk;
	bool kid;
	bool keyed;
} places[] = {
	[JWS_REQUEST] = {{"alg", "nonce", "url", "jwk", "kid"}, true, true, true, false},
	[JWS_NEW_KEY] = {{"alg", "url", "jwk"}, false, true, false, false},
	[JWS_BINDING] = {{"alg", "url", "kid"}, false, false, true, true},
};

void clear_flattened_jws(struct flattened_jws *jws)
{
	free(jws->nonce);
	free(jws->url);
	free(jws->kid);
	free_public_key(&jws->key);
	clear_buffer(&jws->payload);
	clear_buffer(&jws->signing_input);
	clear_buffer(&jws->signature);
	*jws = (struct flattened_jws){0};
}

/* Copies a string member of the header that must be there, and not be empty. */
static int copy_member(const json_t *header, const char *name, char **ret_text, struct fault *fault)
{
	const char *text = get_string(header, name);

	if (text == NULL || text[0] == '\0' || strlen(text) > HEADER_TEXT_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "header: %s: expected a string of 1 to %d octets", name,
				 HEADER_TEXT_MAX);
	*ret_text = strdup(text);
	return *ret_text != NULL ? 0 : set_memory_fault(fault);
}

static int read_algorithm(const json_t *header, const struct place *place,
			  struct flattened_jws *jws, struct fault *fault)
{
	const char *alg = get_string(header, "alg");
	struct fault problem = {0};

	if (alg == NULL)
		return set_fault(fault, FAULT_MALFORMED, "header: alg: expected a string");
	if (place->keyed)
		return strcmp(alg, "HS256") == 0
			       ? 0
			       : set_fault(fault, FAULT_UNVERIFIED,
					   "header: alg: expected HS256, found \"%.32s\"", alg);
	if (parse_signature_algorithm(alg, &jws->algorithm, &problem) < 0)
		return set_fault(fault, FAULT_UNVERIFIED, "header: %s", problem.text);
	return 0;
}

/* RFC 8555 section 6.2: jwk or kid, and not both. */
static int read_key(const json_t *header, const struct place *place, struct flattened_jws *jws,
		    struct fault *fault)
{
	const json_t *jwk = json_object_get(header, "jwk");
	bool has_kid = json_object_get(header, "kid") != NULL;

	if ((jwk != NULL) == has_kid)
		return set_fault(fault, FAULT_MALFORMED,
				 "header: expected %s, found %s (RFC 8555 section 6.2)",
				 place->jwk && place->kid ? "either jwk or kid"
				 : place->jwk             ? "jwk"
							  : "kid",
				 has_kid ? "both" : "neither");
	if (has_kid)
		return copy_member(header, "kid", &jws->kid, fault);
	if (parse_public_jwk(jwk, &jws->key, fault) < 0)
		return prefix_fault(fault, "header");
	return 0;
}

static int read_header(struct bytes part, const struct place *place, struct flattened_jws *jws,
		       struct fault *fault)
{
	CLEANUP(free_json) json_t *header = NULL;

	if (parse_header(part, place->members, &header, fault) < 0 ||
	    read_algorithm(header, place, jws, fault) < 0 ||
	    copy_member(header, "url", &jws->url, fault) < 0 ||
	    (place->nonce && copy_member(header, "nonce", &jws->nonce, fault) < 0))
		return -1;
	return read_key(header, place, jws, fault);
}

static int decode_part(const json_t *object, const char *name, struct buffer *ret_octets,
		       struct fault *fault)
{
	if (decode_base64url(bytes_of_string(get_string(object, name)), ret_octets, fault) < 0)
		return prefix_fault(fault, "%s", name);
	return 0;
}

static int check_parts(const json_t *object, struct fault *fault)
{
	static const char *const parts[] = {"protected", "payload", "signature"};

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (get_string(object, parts[i]) == NULL)
			return set_fault(fault, FAULT_MALFORMED,
					 "expected a JWS in flattened JSON (RFC 7515 section "
					 "7.2.2), found no string \"%s\"",
					 parts[i]);
	if (json_object_size(object) != COUNT_OF(parts))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected exactly \"protected\", \"payload\" and \"signature\" "
				 "(RFC 8555 section 6.2), found %zu members",
				 json_object_size(object));
	return 0;
}

int read_flattened_jws(const json_t *object, enum jws_place place, struct flattened_jws *ret_jws,
		       struct fault *fault)
{
	CLEANUP(clear_flattened_jws) struct flattened_jws jws = {0};

	if (check_parts(object, fault) < 0)
		return prefix_fault(fault, "JWS");
	if (read_header(bytes_of_string(get_string(object, "protected")), &places[place], &jws,
			fault) < 0 ||
	    decode_part(object, "payload", &jws.payload, fault) < 0 ||
	    decode_part(object, "signature", &jws.signature, fault) < 0)
		return prefix_fault(fault, "JWS");
	append_format(&jws.signing_input, "%s.%s", get_string(object, "protected"),
		      get_string(object, "payload"));
	if (check_buffer(&jws.signing_input, fault) < 0)
		return -1;
	MOVE(ret_jws, jws);
	return 0;
}

int parse_flattened_jws(struct bytes json, enum jws_place place, struct flattened_jws *ret_jws,
			struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;

	if (json.len > FLATTENED_JWS_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "JWS: expected at most %d octets, found %zu", FLATTENED_JWS_MAX,
				 json.len);
	if (parse_json_object(json, "JWS", &object, fault) < 0)
		return -1;
	return read_flattened_jws(object, place, ret_jws, fault);
}

int verify_flattened_jws(const struct flattened_jws *jws, const struct public_key *key,
			 struct verdict *verdict, struct fault *fault)
{
	return verify_data(key, jws->algorithm, bytes_of_buffer(&jws->signing_input),
			   bytes_of_buffer(&jws->signature), verdict, fault);
}

bool verify_keyed_jws(const struct flattened_jws *jws, const uint8_t key[static SHA256_LEN])
{
	uint8_t mac[SHA256_LEN];

	hmac_sha256(key, bytes_of_buffer(&jws->signing_input), mac);
	return equal_secrets((struct bytes){mac, SHA256_LEN}, bytes_of_buffer(&jws->signature));
}
