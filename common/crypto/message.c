#include "common/crypto/message.h"

#include "common/base/random.h"
#include "common/crypto/aes.h"
#include "common/crypto/base64.h"
#include "common/crypto/jws_compact.h"

#include <string.h>

/* RFC 7516 section 3.1: header, encrypted key, IV, ciphertext, tag. */
enum { PART_HEADER, PART_KEY, PART_IV, PART_CIPHERTEXT, PART_TAG, PART_COUNT };

static bool valid_type(const char *type)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789.+-/";
	size_t len = strnlen(type, TYPE_SIZE);

	return len > 0 && len < TYPE_SIZE && strspn(type, alphabet) == len;
}

static int append_header(struct buffer *jwe, const char *kid, const char *typ, const char *cty,
			 struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer header = {0};

	if (!valid_type(typ) || (cty != NULL && !valid_type(cty)))
		return set_fault(fault, FAULT_MALFORMED,
				 "typ and cty: expected fewer than %d "
				 "characters from A-Z a-z 0-9 . + - /",
				 TYPE_SIZE);
	append_format(&header,
		      "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"%s\",\"typ\":\"%s\"", kid,
		      typ);
	if (cty != NULL)
		append_format(&header, ",\"cty\":\"%s\"", cty);
	append_string(&header, "}");
	append_base64url(jwe, bytes_of_buffer(&header));
	return check_buffer(&header, fault);
}

/* Encrypts under the content key, and authenticates the JWE so far: the encoded header. */
static int append_sealed(struct buffer *jwe, const struct shared_key *key,
			 const uint8_t content_key[static CONTENT_KEY_LEN], struct bytes plaintext,
			 struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer ciphertext = {0};
	uint8_t *begin = extend_buffer(&ciphertext, plaintext.len);
	uint8_t wrapped[WRAPPED_KEY_LEN];
	uint8_t iv[GCM_IV_LEN];
	uint8_t tag[GCM_TAG_LEN];

	if (begin == NULL)
		return set_memory_fault(fault);
	if (fill_random(iv, sizeof(iv), fault) < 0)
		return -1;
	wrap_key(key->key, content_key, wrapped);
	seal(content_key, iv, bytes_of_buffer(jwe), plaintext, begin, tag);
	append_string(jwe, ".");
	append_base64url(jwe, (struct bytes){wrapped, sizeof(wrapped)});
	append_string(jwe, ".");
	append_base64url(jwe, (struct bytes){iv, sizeof(iv)});
	append_string(jwe, ".");
	append_base64url(jwe, bytes_of_buffer(&ciphertext));
	append_string(jwe, ".");
	append_base64url(jwe, (struct bytes){tag, sizeof(tag)});
	return check_buffer(jwe, fault);
}

int encrypt_message(const struct shared_key *key, const char *typ, const char *cty,
		    struct bytes plaintext, struct buffer *ret_jwe, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	CLEANUP(clear_secret) struct secret content_key = {0};

	if (append_header(&jwe, key->kid, typ, cty, fault) < 0 || check_buffer(&jwe, fault) < 0 ||
	    allocate_secret(CONTENT_KEY_LEN, &content_key, fault) < 0 ||
	    fill_random(content_key.data, CONTENT_KEY_LEN, fault) < 0 ||
	    append_sealed(&jwe, key, content_key.data, plaintext, fault) < 0)
		return -1;
	*ret_jwe = take_buffer(&jwe);
	return 0;
}

static int expect_string(const json_t *header, const char *name, const char *value,
			 struct fault *fault)
{
	const char *found = get_string(header, name);

	if (found != NULL && strcmp(found, value) == 0)
		return 0;
	return set_fault(fault, FAULT_MALFORMED, "header: %s: expected \"%s\", found %s%s%s", name,
			 value, found != NULL ? "\"" : "", found != NULL ? found : "none",
			 found != NULL ? "\"" : "");
}

/* Copies typ or cty; "" if the header has none. */
static int copy_type(const json_t *header, const char *name, char ret_type[static TYPE_SIZE],
		     struct fault *fault)
{
	const char *type = get_string(header, name);

	ret_type[0] = '\0';
	if (json_object_get(header, name) == NULL)
		return 0;
	if (type == NULL || !valid_type(type))
		return set_fault(fault, FAULT_MALFORMED,
				 "header: %s: expected fewer than %d characters from A-Z a-z 0-9 . "
				 "+ - /",
				 name, TYPE_SIZE);
	memcpy(ret_type, type, strlen(type) + 1);
	return 0;
}

/* A JWE, decoded. */
struct jwe_fields {
	struct bytes header; /* encoded as received: the tag authenticates it */
	struct buffer wrapped;
	struct buffer iv;
	struct buffer ciphertext;
	struct buffer tag;
	char kid[KEY_ID_SIZE];
	char typ[TYPE_SIZE];
	char cty[TYPE_SIZE];
};

static void clear_jwe_fields(struct jwe_fields *fields)
{
	clear_buffer(&fields->wrapped);
	clear_buffer(&fields->iv);
	clear_buffer(&fields->ciphertext);
	clear_buffer(&fields->tag);
}

static int read_header(struct jwe_fields *fields, struct fault *fault)
{
	static const char *const allowed[] = {"alg", "enc", "kid", "typ", "cty", NULL};
	CLEANUP(free_json) json_t *header = NULL;
	const char *kid;

	if (parse_header(fields->header, allowed, &header, fault) < 0 ||
	    expect_string(header, "alg", "A256KW", fault) < 0 ||
	    expect_string(header, "enc", "A256GCM", fault) < 0 ||
	    copy_type(header, "typ", fields->typ, fault) < 0 ||
	    copy_type(header, "cty", fields->cty, fault) < 0)
		return -1;
	kid = get_string(header, "kid");
	if (kid == NULL || !valid_name(kid))
		return set_fault(fault, FAULT_MALFORMED, "header: kid: expected the name of a key");
	memcpy(fields->kid, kid, strlen(kid) + 1);
	return 0;
}

/* Decodes a part; len is its expected length, 0 for any. */
static int read_part(struct bytes text, const char *name, size_t len, struct buffer *ret_octets,
		     struct fault *fault)
{
	if (decode_base64url(text, ret_octets, fault) < 0)
		return prefix_fault(fault, "%s", name);
	if (len != 0 && ret_octets->len != len)
		return set_fault(fault, FAULT_MALFORMED, "%s: expected %zu octets, found %zu", name,
				 len, ret_octets->len);
	return 0;
}

/* The checks before any cryptography. Nettle would abort on a wrapped key of another length. */
static int decode_jwe(struct bytes jwe, struct jwe_fields *fields, struct fault *fault)
{
	struct bytes texts[COMPACT_PARTS_MAX];

	if (split_compact(jwe, PART_COUNT, texts, fault) < 0)
		return -1;
	fields->header = texts[PART_HEADER];
	if (read_header(fields, fault) < 0 ||
	    read_part(texts[PART_KEY], "encrypted_key", WRAPPED_KEY_LEN, &fields->wrapped, fault) <
		    0 ||
	    read_part(texts[PART_IV], "iv", GCM_IV_LEN, &fields->iv, fault) < 0 ||
	    read_part(texts[PART_CIPHERTEXT], "ciphertext", 0, &fields->ciphertext, fault) < 0)
		return -1;
	return read_part(texts[PART_TAG], "tag", GCM_TAG_LEN, &fields->tag, fault);
}

static int decrypt_fields(const struct key_ring *ring, const struct jwe_fields *fields,
			  struct decrypted_message *message, struct fault *fault)
{
	/* A message with an unknown kid is tried with a key of zeros, and so takes the same path
	   and time as one under a wrong key. */
	static const struct peer_key no_peer = {.peer = ""};
	const struct peer_key *found = find_key_id(ring, bytes_of_string(fields->kid));
	const struct peer_key *peer = found != NULL ? found : &no_peer;
	CLEANUP(clear_secret) struct secret content_key = {0};
	const struct sealed sealed = {.iv = fields->iv.data,
				      .associated = fields->header,
				      .ciphertext = bytes_of_buffer(&fields->ciphertext),
				      .tag = fields->tag.data};

	if (allocate_secret(CONTENT_KEY_LEN, &content_key, fault) < 0 ||
	    allocate_secret(sealed.ciphertext.len, &message->plaintext, fault) < 0)
		return -1;
	if (!unwrap_key(peer->key.key, fields->wrapped.data, content_key.data) || found == NULL)
		return set_fault(fault, FAULT_UNDECRYPTABLE,
				 "encrypted_key: not wrapped under a key that we share (kid "
				 "\"%s\")",
				 fields->kid);
	if (!open_sealed(content_key.data, &sealed, message->plaintext.data))
		return set_fault(fault, FAULT_UNDECRYPTABLE,
				 "tag: the message under kid \"%s\" was altered", fields->kid);
	memcpy(message->peer, peer->peer, sizeof(message->peer));
	memcpy(message->kid, peer->key.kid, sizeof(message->kid));
	message->under_old_key = peer->key.ends_s != 0;
	memcpy(message->typ, fields->typ, sizeof(message->typ));
	memcpy(message->cty, fields->cty, sizeof(message->cty));
	return 0;
}

int decrypt_message(const struct key_ring *ring, struct bytes jwe,
		    struct decrypted_message *ret_message, struct fault *fault)
{
	CLEANUP(clear_jwe_fields) struct jwe_fields fields = {0};
	CLEANUP(clear_decrypted_message) struct decrypted_message message = {0};
	struct fault problem = {0};

	if (decode_jwe(jwe, &fields, &problem) < 0) {
		if (pass_failure(&problem, fault) < 0)
			return -1;
		return set_fault(fault, FAULT_UNDECRYPTABLE, "JWE: %s", problem.text);
	}
	if (decrypt_fields(ring, &fields, &message, fault) < 0)
		return prefix_fault(fault, "JWE");
	MOVE(ret_message, message);
	return 0;
}

int read_key_id(struct bytes start, char ret_kid[static KEY_ID_SIZE], struct fault *fault)
{
	const uint8_t *point = start.len > 0 ? memchr(start.data, '.', start.len) : NULL;
	struct jwe_fields fields = {.header = {start.data, 0}};
	struct fault problem = {0};

	if (point == NULL)
		return set_fault(fault, FAULT_UNDECRYPTABLE,
				 "JWE: expected a header and a point in the first %zu octets",
				 start.len);
	fields.header.len = (size_t)(point - start.data);
	if (read_header(&fields, &problem) < 0)
		return set_fault(fault, FAULT_UNDECRYPTABLE, "JWE: %s", problem.text);
	memcpy(ret_kid, fields.kid, KEY_ID_SIZE);
	return 0;
}

int find_sender(const struct key_ring *ring, struct bytes start, char ret_peer[static NAME_SIZE],
		struct fault *fault)
{
	const struct peer_key *peer;
	char kid[KEY_ID_SIZE];

	if (read_key_id(start, kid, fault) < 0)
		return -1;
	peer = find_key_id(ring, bytes_of_string(kid));
	if (peer == NULL)
		return set_fault(fault, FAULT_UNDECRYPTABLE,
				 "JWE: header: kid: expected that of a key that we share, found "
				 "\"%s\"",
				 kid);
	memcpy(ret_peer, peer->peer, NAME_SIZE);
	return 0;
}

void clear_decrypted_message(struct decrypted_message *message)
{
	clear_secret(&message->plaintext);
	*message = (struct decrypted_message){0};
}
