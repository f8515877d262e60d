#include "tools/pool/explanation.h"

#include "common/crypto/base64.h"
#include "common/crypto/message.h"
#include "tools/output.h"

#include <string.h>

enum { JWS_PARTS = 3, JWE_PARTS = 5 };

/* A part between dots, as it is sent, and its octets. */
struct part {
	struct bytes text;
	struct buffer octets;
};

struct parts {
	struct part jws[JWS_PARTS];
	struct part jwe[JWE_PARTS];
};

static void clear_parts(struct parts *parts)
{
	for (size_t i = 0; i < JWS_PARTS; i++)
		clear_buffer(&parts->jws[i].octets);
	for (size_t i = 0; i < JWE_PARTS; i++)
		clear_buffer(&parts->jwe[i].octets);
}

static int cut_parts(struct bytes text, struct part *parts, size_t count, struct fault *fault)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *dot = text.len > 0 ? memchr(text.data, '.', text.len) : NULL;
		size_t len = dot != NULL ? (size_t)(dot - text.data) : text.len;

		if ((dot != NULL) != (i + 1 < count))
			return set_fault(fault, FAULT_MALFORMED,
					 "RFC 7515 section 7.1: expected %zu parts, found %s",
					 count, dot != NULL ? "more" : "fewer");
		parts[i].text = (struct bytes){text.data, len};
		if (decode_base64url(parts[i].text, &parts[i].octets, fault) < 0)
			return -1;
		if (dot != NULL)
			text = (struct bytes){dot + 1, text.len - len - 1};
	}
	return 0;
}

static void print_header(const struct part *part)
{
	print_line("  header         %.*s", (int)part->octets.len, (const char *)part->octets.data);
}

static void print_text(const struct parts *parts, size_t jws_len, size_t jwe_len)
{
	const struct part *jws = parts->jws;
	const struct part *jwe = parts->jwe;

	print_line("M, %zu octets:", jws[1].octets.len);
	print_octets(bytes_of_buffer(&jws[1].octets));
	print_line("JWS, %zu octets: M, signed by a member of the pool", jws_len);
	print_header(&jws[0]);
	print_line("  payload        %zu octets: M", jws[1].octets.len);
	print_line("  signature      %zu octets, over header and payload", jws[2].octets.len);
	print_line("JWE, %zu octets: the JWS, encrypted for the receiver", jwe_len);
	print_header(&jwe[0]);
	print_line(
		"  encrypted key  %zu octets: the key of this message, wrapped by the shared key",
		jwe[1].octets.len);
	print_line("  IV             %zu octets", jwe[2].octets.len);
	print_line("  ciphertext     %zu octets: the JWS", jwe[3].octets.len);
	print_line("  tag            %zu octets, over header, IV and ciphertext",
		   jwe[4].octets.len);
}

static void add_part(struct json_line *line, const char *name, struct bytes text)
{
	CLEANUP(clear_buffer) struct buffer copy = {0};

	append_bytes(&copy, text);
	add_json_text(line, name, copy.data != NULL ? (const char *)copy.data : "");
}

static int print_parts_json(const struct parts *parts, struct fault *fault)
{
	static const char *const jws_names[JWS_PARTS] = {"jws_header", "jws_payload",
							 "jws_signature"};
	static const char *const jwe_names[JWE_PARTS] = {"jwe_header", "jwe_encrypted_key",
							 "jwe_iv", "jwe_ciphertext", "jwe_tag"};
	CLEANUP(clear_json) struct json_line line = {0};

	for (size_t i = 0; i < JWS_PARTS; i++)
		add_part(&line, jws_names[i],
			 i == 0 ? bytes_of_buffer(&parts->jws[i].octets) : parts->jws[i].text);
	for (size_t i = 0; i < JWE_PARTS; i++)
		add_part(&line, jwe_names[i],
			 i == 0 ? bytes_of_buffer(&parts->jwe[i].octets) : parts->jwe[i].text);
	return print_json(&line, fault);
}

int explain_message(const struct command *command, const struct shared_key *key, struct bytes jwe,
		    struct fault *fault)
{
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	CLEANUP(clear_decrypted_message) struct decrypted_message message = {0};
	CLEANUP(clear_parts) struct parts parts = {0};
	struct bytes jws;

	if (add_peer_key(&ring, "receiver", key, fault) < 0 ||
	    decrypt_message(&ring, jwe, &message, fault) < 0)
		return -1;
	jws = bytes_of_secret(&message.plaintext);
	if (cut_parts(jws, parts.jws, JWS_PARTS, fault) < 0 ||
	    cut_parts(jwe, parts.jwe, JWE_PARTS, fault) < 0)
		return -1;
	if (command->json)
		return print_parts_json(&parts, fault);
	print_text(&parts, jws.len, jwe.len);
	return 0;
}
