#include "common/crypto/signed_message.h"

#include "common/base/random.h"
#include "common/crypto/base64.h"
#include "common/crypto/jws_compact.h"

#include <inttypes.h>
#include <string.h>

/* RFC 7515 section 3.1 */
enum { PART_HEADER, PART_PAYLOAD, PART_SIGNATURE, PART_COUNT };

enum { JTI_LEN = 16 };

/* RFC 7515 section 4.1.8 */
#define DIGEST_MEMBER "x5t#S256"

/* The end of the year 9999. Time 0 is refused, and thereby -0. */
static const int64_t iat_max = 253402300799;

int generate_jti(char ret_jti[static JTI_SIZE], struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	uint8_t random[JTI_LEN];

	if (fill_random(random, sizeof(random), fault) < 0)
		return -1;
	append_base64url(&text, (struct bytes){random, sizeof(random)});
	if (check_buffer(&text, fault) < 0)
		return -1;
	memcpy(ret_jti, text.data, JTI_SIZE);
	return 0;
}

bool valid_jti(const char *jti)
{
	CLEANUP(clear_buffer) struct buffer octets = {0};

	return strnlen(jti, JTI_SIZE) == JTI_SIZE - 1 &&
	       decode_base64url(bytes_of_string(jti), &octets, NULL) == 0;
}

/* Names, jti and base64 need no escapes in JSON. `signer` is the member that names the signer's
   certificate. */
static int append_header(struct buffer *jws, enum signature_algorithm algorithm,
			 const struct message_claims *claims, const struct buffer *signer,
			 struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer header = {0};

	append_format(&header, "{\"alg\":\"%s\",\"typ\":\"" MESSAGE_TYPE "\",",
		      format_signature_algorithm(algorithm));
	append_bytes(&header, bytes_of_buffer(signer));
	if (claims->iss[0] != '\0')
		append_format(&header, ",\"iss\":\"%s\"", claims->iss);
	if (claims->aud[0] != '\0')
		append_format(&header, ",\"aud\":\"%s\"", claims->aud);
	append_format(&header, ",\"iat\":%" PRId64 ",\"jti\":\"%s\"}", claims->iat_s, claims->jti);
	append_base64url(jws, bytes_of_buffer(&header));
	return check_buffer(&header, fault);
}

/* Both names, aud alone, or none. */
static bool valid_names(const struct message_claims *claims)
{
	if (claims->aud[0] == '\0')
		return claims->iss[0] == '\0';
	return valid_name(claims->aud) && (claims->iss[0] == '\0' || valid_name(claims->iss));
}

static int sign_as(const struct private_key *key, const struct message_claims *claims,
		   const struct buffer *signer, struct bytes payload, struct buffer *ret_jws,
		   struct fault *fault)
{
	enum signature_algorithm algorithm = default_signature_algorithm(private_key_type(key));
	CLEANUP(clear_buffer) struct buffer jws = {0};
	CLEANUP(clear_buffer) struct buffer signature = {0};

	if (!valid_names(claims) || !valid_jti(claims->jti))
		return set_fault(fault, FAULT_FAILED,
				 "iss, aud and jti: expected names of nodes and 22 characters of "
				 "base64url");
	if (check_buffer(signer, fault) < 0 ||
	    append_header(&jws, algorithm, claims, signer, fault) < 0)
		return -1;
	append_string(&jws, ".");
	append_base64url(&jws, payload);
	if (check_buffer(&jws, fault) < 0 ||
	    sign_data(key, algorithm, bytes_of_buffer(&jws), &signature, fault) < 0)
		return -1;
	append_string(&jws, ".");
	append_base64url(&jws, bytes_of_buffer(&signature));
	if (check_buffer(&jws, fault) < 0)
		return -1;
	*ret_jws = take_buffer(&jws);
	return 0;
}

int sign_message(const struct private_key *key, const struct message_claims *claims,
		 const struct bytes *chain, size_t chain_count, struct bytes payload,
		 struct buffer *ret_jws, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer signer = {0};

	if (chain_count < 1 || chain_count > CHAIN_MAX)
		return set_fault(fault, FAULT_FAILED,
				 "x5c: expected 1 to %d certificates, found %zu", CHAIN_MAX,
				 chain_count);
	append_string(&signer, "\"x5c\":[");
	for (size_t i = 0; i < chain_count; i++) {
		append_string(&signer, i == 0 ? "\"" : ",\"");
		append_base64(&signer, chain[i]);
		append_string(&signer, "\"");
	}
	append_string(&signer, "]");
	return sign_as(key, claims, &signer, payload, ret_jws, fault);
}

int sign_message_by_digest(const struct private_key *key, const struct message_claims *claims,
			   const uint8_t sha256[static SHA256_LEN], struct bytes payload,
			   struct buffer *ret_jws, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer signer = {0};

	append_string(&signer, "\"" DIGEST_MEMBER "\":\"");
	append_base64url(&signer, (struct bytes){sha256, SHA256_LEN});
	append_string(&signer, "\"");
	return sign_as(key, claims, &signer, payload, ret_jws, fault);
}

/* Reads iss, which is optional, or aud. */
static int read_name(const json_t *header, const char *member, bool required,
		     char ret_name[static NAME_SIZE], struct fault *fault)
{
	const char *name = get_string(header, member);

	if (json_object_get(header, member) == NULL && !required)
		return 0;
	if (name == NULL || !valid_name(name))
		return set_fault(fault, FAULT_MALFORMED,
				 "header: %s: expected a node's name, 1 to 64 characters from A-Z "
				 "a-z 0-9 _ -",
				 member);
	memcpy(ret_name, name, strlen(name) + 1);
	return 0;
}

static int read_claims(const json_t *header, bool sealed, struct message_claims *claims,
		       struct fault *fault)
{
	const json_t *iat = json_object_get(header, "iat");
	const char *jti = get_string(header, "jti");

	if (read_name(header, "iss", false, claims->iss, fault) < 0 ||
	    read_name(header, "aud", !sealed, claims->aud, fault) < 0)
		return -1;
	if (!json_is_integer(iat) || json_integer_value(iat) < 1 ||
	    json_integer_value(iat) > iat_max)
		return set_fault(fault, FAULT_MALFORMED,
				 "header: iat: expected seconds since 1970, an integer from 1 to "
				 "%" PRId64,
				 iat_max);
	claims->iat_s = json_integer_value(iat);
	if (jti == NULL || !valid_jti(jti))
		return set_fault(fault, FAULT_MALFORMED,
				 "header: jti: expected 22 characters of base64url");
	memcpy(claims->jti, jti, JTI_SIZE);
	return 0;
}

static int read_x5c(const json_t *header, struct signed_message *message, struct fault *fault)
{
	const json_t *chain = json_object_get(header, "x5c");
	struct fault problem = {0};
	size_t octets = 0;

	if (!json_is_array(chain) || json_array_size(chain) < 1 ||
	    json_array_size(chain) > CHAIN_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "header: x5c: expected an array of 1 to %d certificates",
				 CHAIN_MAX);
	for (size_t i = 0; i < json_array_size(chain); i++) {
		const char *text = json_string_value(json_array_get(chain, i));

		if (text == NULL ||
		    decode_base64(bytes_of_string(text), &message->chain[i], &problem) < 0) {
			if (pass_failure(&problem, fault) < 0)
				return -1;
			return set_fault(fault, FAULT_MALFORMED,
					 "header: x5c: certificate %zu: expected base64 (RFC 4648 "
					 "section 4) of DER",
					 i + 1);
		}
		message->chain_count++;
		octets += message->chain[i].len;
	}
	if (octets > CHAIN_OCTETS_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "header: x5c: expected at most %d octets, found %zu",
				 CHAIN_OCTETS_MAX, octets);
	return 0;
}

static int read_digest(const json_t *header, struct signed_message *message, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer digest = {0};
	const char *text = get_string(header, DIGEST_MEMBER);
	struct fault problem = {0};

	if (text != NULL && decode_base64url(bytes_of_string(text), &digest, &problem) < 0 &&
	    pass_failure(&problem, fault) < 0)
		return -1;
	if (digest.len != SHA256_LEN)
		return set_fault(fault, FAULT_MALFORMED,
				 "header: " DIGEST_MEMBER
				 ": expected a SHA-256 digest in base64url, "
				 "43 characters");
	memcpy(message->sha256, digest.data, SHA256_LEN);
	message->by_digest = true;
	return 0;
}

/* The certificates, or the digest that names the first of them. */
static int read_signer(const json_t *header, struct signed_message *message, struct fault *fault)
{
	if (json_object_get(header, DIGEST_MEMBER) == NULL)
		return read_x5c(header, message, fault);
	if (json_object_get(header, "x5c") != NULL)
		return set_fault(fault, FAULT_MALFORMED,
				 "header: expected x5c or " DIGEST_MEMBER ", found both");
	return read_digest(header, message, fault);
}

static int read_header(struct bytes part, bool sealed, struct signed_message *message,
		       struct fault *fault)
{
	/* A sealed message has no names, and nobody has seen its certificate before. */
	static const char *const allowed[] = {"iss", "aud", DIGEST_MEMBER, "alg", "typ",
					      "x5c", "iat", "jti",         NULL};
	CLEANUP(free_json) json_t *header = NULL;
	const char *typ;
	const char *alg;

	if (parse_header(part, sealed ? allowed + 3 : allowed, &header, fault) < 0)
		return -1;
	alg = get_string(header, "alg");
	typ = get_string(header, "typ");
	if (alg == NULL)
		return set_fault(fault, FAULT_MALFORMED, "header: alg: expected a string");
	if (parse_signature_algorithm(alg, &message->algorithm, fault) < 0)
		return prefix_fault(fault, "header");
	if (typ == NULL || strcmp(typ, MESSAGE_TYPE) != 0)
		return set_fault(fault, FAULT_MALFORMED, "header: typ: expected \"%s\"",
				 MESSAGE_TYPE);
	if (read_claims(header, sealed, &message->claims, fault) < 0)
		return -1;
	return read_signer(header, message, fault);
}

static int read_compact(struct bytes jws, bool sealed, struct signed_message *message,
			struct fault *fault)
{
	struct bytes parts[COMPACT_PARTS_MAX];

	if (split_compact(jws, PART_COUNT, parts, fault) < 0 ||
	    read_header(parts[PART_HEADER], sealed, message, fault) < 0)
		return -1;
	if (decode_base64url(parts[PART_PAYLOAD], &message->payload, fault) < 0)
		return prefix_fault(fault, "payload");
	if (decode_base64url(parts[PART_SIGNATURE], &message->signature, fault) < 0)
		return prefix_fault(fault, "signature");
	append_bytes(&message->signing_input,
		     (struct bytes){jws.data, jws.len - parts[PART_SIGNATURE].len - 1});
	return check_buffer(&message->signing_input, fault);
}

static int parse_jws(struct bytes jws, bool sealed, struct signed_message *ret_message,
		     struct fault *fault)
{
	CLEANUP(clear_signed_message) struct signed_message message = {0};

	if (read_compact(jws, sealed, &message, fault) < 0)
		return prefix_fault(fault, "JWS");
	MOVE(ret_message, message);
	return 0;
}

int parse_signed_message(struct bytes jws, struct signed_message *ret_message, struct fault *fault)
{
	return parse_jws(jws, false, ret_message, fault);
}

int parse_sealed_message(struct bytes jws, struct signed_message *ret_message, struct fault *fault)
{
	return parse_jws(jws, true, ret_message, fault);
}

int verify_message(const struct signed_message *message, const struct public_key *key,
		   struct verdict *verdict, struct fault *fault)
{
	return verify_data(key, message->algorithm, bytes_of_buffer(&message->signing_input),
			   bytes_of_buffer(&message->signature), verdict, fault);
}

void clear_signed_message(struct signed_message *message)
{
	for (size_t i = 0; i < CHAIN_MAX; i++)
		clear_buffer(&message->chain[i]);
	wipe_buffer(&message->payload);
	wipe_buffer(&message->signing_input);
	clear_buffer(&message->signature);
	*message = (struct signed_message){0};
}
