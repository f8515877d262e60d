#include "common/pool/upkeep/server_member.h"

#include "common/base/random.h"
#include "common/base/staging.h"
#include "common/crypto/key_file.h"
#include "common/layout/template.h"
#include "common/pool/members/trust.h"
#include "common/wire/certificates.h"
#include "common/wire/envelope.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/csr.h"
#include "common/x509/pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char member_name[] = "server";
static const char key_name[] = "server.key";
static const char chain_name[] = "server.crt";

enum { STATUS_EVERY_S = 3600 };

/* A key and its certificate. */
struct server_pair {
	struct private_key *key;
	struct certificate *certificate;
};

static void clear_server_pair(struct server_pair *pair)
{
	free_private_key(&pair->key);
	free_certificate(&pair->certificate);
}

int init_server_member(struct server_member *server, const struct layout *layout,
		       const struct client_node *client, const struct endpoint *ca,
		       struct tls_slot *slot, struct fault *fault)
{
	const struct http_client_settings settings = {
		.endpoint = *ca, .roots = layout->root_path, .cancellable = true};

	server->layout = layout;
	server->client = client;
	server->slot = slot;
	if (new_http_client(&settings, &server->http, fault) < 0)
		return -1;
	return new_status_client(layout, client->name, ca, STATUS_IMPATIENT, &server->status,
				 fault);
}

void clear_server_member(struct server_member *server)
{
	free_http_client(&server->http);
	free_status_client(&server->status);
	free_private_key(&server->key);
	free_certificate(&server->certificate);
	clear_buffer(&server->shown);
}

void cancel_server_member(struct server_member *server)
{
	cancel_http_client(server->http);
	cancel_status_client(server->status);
}

static int format_host(const struct server_member *server, struct alt_names *ret_names,
		       struct fault *fault)
{
	const char *host = server->client->endpoint.host;
	char name[HOST_SIZE + 4];

	(void)snprintf(name, sizeof(name), "%s%s", is_address(host) ? "IP:" : "DNS:", host);
	return add_alt_name(ret_names, name, fault);
}

/* --- the files --- */

static int read_pair(const struct layout *layout, struct server_pair *ret_pair, struct fault *fault)
{
	CLEANUP(clear_server_pair) struct server_pair pair = {0};
	CLEANUP(free_public_key) struct public_key *key = NULL;
	CLEANUP(clear_secret) struct secret pem = {0};
	CLEANUP(clear_buffer) struct buffer chain = {0};
	struct bytes rest;

	if (read_secret_file(layout->server, key_name, PRIVATE_KEY_FILE_MAX, &pem, fault) < 0 ||
	    parse_private_key(bytes_of_secret(&pem), &pair.key, fault) < 0 ||
	    read_file(layout->cert, chain_name, INTERMEDIATES_PEM_MAX, &chain, fault) < 0)
		return -1;
	rest = bytes_of_buffer(&chain);
	if (parse_certificate_pem(cut_pem(&rest, "CERTIFICATE"), &pair.certificate, fault) < 0 ||
	    get_public_key(pair.key, &key, fault) < 0)
		return -1;
	if (!equal_bytes(public_key_spki(key), certificate_fields(pair.certificate)->spki))
		return set_fault(fault, FAULT_NOT_FOUND, "the key is not the certificate's");
	MOVE(ret_pair, pair);
	return 0;
}

/* The certificate, and all intermediates that the client knows. */
static int format_chain(const struct server_member *server, struct buffer *ret_pem,
			struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates known = {0};
	CLEANUP(clear_buffer) struct buffer chain = {0};
	CLEANUP(clear_buffer) struct buffer above = {0};

	if (read_intermediates(server->layout, &known, fault) < 0 ||
	    format_certificate_pem(certificate_der(server->certificate), &chain, fault) < 0 ||
	    format_intermediates(&known, &above, fault) < 0)
		return -1;
	append_bytes(&chain, bytes_of_buffer(&above));
	if (check_buffer(&chain, fault) < 0)
		return -1;
	*ret_pem = take_buffer(&chain);
	return 0;
}

/* The key first: a kill before the certificate leaves files that do not fit together. */
static int save(struct server_member *server, struct fault *fault)
{
	const struct layout *layout = server->layout;
	CLEANUP(clear_secret) struct secret key = {0};
	CLEANUP(clear_buffer) struct buffer chain = {0};

	if (format_private_key(server->key, &key, fault) < 0 ||
	    format_chain(server, &chain, fault) < 0)
		return -1;
	if (write_file(layout->server, key_name, STAGE_REPLACE, 0600, bytes_of_secret(&key),
		       fault) < 0)
		return prefix_fault(fault, "%s/Private/server", layout->path);
	if (write_file(layout->cert, chain_name, STAGE_REPLACE, 0644, bytes_of_buffer(&chain),
		       fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	server->saved = true;
	return 0;
}

/* --- the CA --- */

static int make_request(const struct server_member *server, const struct private_key *key,
			struct buffer *ret_pem, struct fault *fault)
{
	const struct pool_settings *pool = &server->client->pool;
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	CLEANUP(free_string) char *subject = NULL;
	uint8_t random[16];

	if (fill_random(random, sizeof(random), fault) < 0 ||
	    expand_template(pool->subject, server->client->name, pool->size + 1, random, &subject,
			    fault) < 0 ||
	    format_host(server, &names, fault) < 0)
		return -1;
	return create_csr(key, subject, &names, USE_SERVER, ret_pem, fault);
}

static int ask_ca(const struct server_member *server, const struct buffer *csr, int64_t now_s,
		  struct certificates_answer *ret_answer, struct fault *fault)
{
	struct member_pem member = {.pem = *csr};
	struct certificates_request request = {.members = &member, .count = 1};
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_secret) struct secret question = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	uint8_t sha256[SHA256_LEN];

	(void)snprintf(member.name, sizeof(member.name), "%s", member_name);
	if (read_shared_key(server->layout, CA_NAME, &key, fault) < 0 ||
	    make_request_claims(server->client->name, CA_NAME, now_s, &request.claims, fault) < 0 ||
	    format_certificates_request(&request, &question, fault) < 0 ||
	    ask_encrypted(server->http, &certificates_kind, &key, bytes_of_secret(&question), &json,
			  sha256, fault) < 0 ||
	    parse_certificates_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    check_ca_answer(&answer.claims, &answer.refusal, &request.claims, sha256, fault) < 0)
		return -1;
	if (answer.refusal_count > 0)
		return set_fault(fault, FAULT_REFUSED,
				 "the CA refuses %s/%s: %s: its policy for %s has to allow the "
				 "usage server, the host's name, and one certificate more",
				 server->client->name, member_name,
				 answer.refusals[0].refusal.detail, server->client->name);
	if (answer.certificate_count != 1)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "the CA's answer: expected one certificate, found %zu",
				 answer.certificate_count);
	MOVE(ret_answer, answer);
	return 0;
}

/* Takes the intermediates of an answer over, each of which has to be below a pinned root. */
static int keep_chain(const struct server_member *server, const struct certificates_answer *answer,
		      const struct roots *roots, struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates chain = {0};
	bool written;

	for (size_t i = 0; i < answer->chain_count; i++) {
		CLEANUP(free_certificate) struct certificate *certificate = NULL;
		struct verdict verdict = {0};
		struct verdict other = {0};

		if (parse_certificate_pem(bytes_of_buffer(&answer->chain[i]), &certificate, fault) <
			    0 ||
		    verify_intermediate(roots->root, certificate, &verdict, fault) < 0 ||
		    (roots->next != NULL &&
		     verify_intermediate(roots->next, certificate, &other, fault) < 0))
			return -1;
		if (verdict.invalid && (roots->next == NULL || other.invalid))
			return set_fault(fault, FAULT_UNVERIFIED, "the CA's answer: chain: %s",
					 verdict.reason);
		if (add_intermediate(&chain, &certificate, fault) < 0)
			return -1;
	}
	return keep_intermediates(server->layout, &chain, &written, fault);
}

/* The certificate has to be good for everybody who sends here. */
static int check_certificate(const struct server_member *server, const struct server_pair *pair,
			     const struct roots *roots, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates known = {0};
	CLEANUP(free_public_key) struct public_key *key = NULL;
	struct trust trust;
	struct verdict verdict = {0};

	if (read_intermediates(server->layout, &known, fault) < 0 ||
	    get_public_key(pair->key, &key, fault) < 0)
		return -1;
	trust = trust_in_roots(roots, &known);
	trust.usage = USE_SERVER;
	if (verify_chain(&trust, pair->certificate, now_s, NULL, &verdict, fault) < 0)
		return -1;
	if (!equal_bytes(public_key_spki(key), certificate_fields(pair->certificate)->spki))
		reject_because(&verdict, "it is for another key than the request's");
	if (verdict.invalid)
		return set_fault(fault, FAULT_UNVERIFIED, "the CA's answer: %s", verdict.reason);
	return 0;
}

static void keep_pair(struct server_member *server, struct server_pair *pair, bool saved)
{
	free_private_key(&server->key);
	free_certificate(&server->certificate);
	server->key = TAKE(pair->key);
	server->certificate = TAKE(pair->certificate);
	server->saved = saved;
}

static int enroll(struct server_member *server, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_server_pair) struct server_pair pair = {0};
	CLEANUP(clear_roots) struct roots roots = {0};
	CLEANUP(clear_buffer) struct buffer csr = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	if (read_roots(server->layout, &roots, fault) < 0 ||
	    generate_private_key(server->client->pool.key, &pair.key, fault) < 0 ||
	    make_request(server, pair.key, &csr, fault) < 0 ||
	    ask_ca(server, &csr, now_s, &answer, fault) < 0 ||
	    parse_certificate_pem(bytes_of_buffer(&answer.certificates[0].pem), &pair.certificate,
				  fault) < 0 ||
	    keep_chain(server, &answer, &roots, fault) < 0 ||
	    check_certificate(server, &pair, &roots, now_s, fault) < 0)
		return -1;
	keep_pair(server, &pair, false);
	server->status_at_s = now_s;
	return 0;
}

/* --- whether it is time --- */

static bool has_host(const struct server_member *server)
{
	CLEANUP(clear_alt_names) struct alt_names wanted = {0};
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct fault ignored = {0};

	return format_host(server, &wanted, &ignored) == 0 &&
	       get_certificate_alt_names(server->certificate, &names, &ignored) == 0 &&
	       has_alt_name(&names, wanted.names[0]);
}

static bool is_usable(const struct server_member *server, int64_t now_s)
{
	return server->certificate != NULL &&
	       now_s >= certificate_not_before(server->certificate) &&
	       now_s < certificate_not_after(server->certificate) && has_host(server);
}

static bool is_due(const struct server_member *server, int64_t now_s)
{
	int64_t begin_s;
	int64_t end_s;

	if (!is_usable(server, now_s))
		return true;
	begin_s = certificate_not_before(server->certificate);
	end_s = certificate_not_after(server->certificate);
	return (end_s - now_s) * 3 <= end_s - begin_s;
}

/* Whether the CA says that it was revoked, or does not know it. A CA that does not answer is asked
   again the next time. */
static bool is_barred(struct server_member *server, int64_t now_s)
{
	struct status_answer answer;
	struct fault ignored = {0};

	if (now_s >= server->status_at_s && now_s - server->status_at_s < STATUS_EVERY_S)
		return false;
	if (ask_status(server->status, certificate_der(server->certificate), now_s, &answer,
		       &ignored) < 0)
		return false;
	if (answer.status == STATUS_REVOKED || answer.status == STATUS_UNKNOWN)
		return true;
	server->status_at_s = now_s;
	return false;
}

static int show(struct server_member *server, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer chain = {0};
	CLEANUP(clear_secret) struct secret key = {0};
	struct tls_material material = {0};

	if (format_chain(server, &chain, fault) < 0)
		return -1;
	if (equal_bytes(bytes_of_buffer(&chain), bytes_of_buffer(&server->shown)))
		return 0;
	if (format_private_key(server->key, &key, fault) < 0)
		return -1;
	material.chain_pem = bytes_of_buffer(&chain);
	material.key_pem = bytes_of_secret(&key);
	if (set_tls_identity(server->slot, &material, fault) < 0)
		return -1;
	clear_buffer(&server->shown);
	server->shown = take_buffer(&chain);
	return 0;
}

int show_server_member(struct server_member *server, int64_t now_s, bool *ret_done,
		       struct fault *fault)
{
	CLEANUP(clear_server_pair) struct server_pair pair = {0};
	struct fault ignored = {0};

	*ret_done = false;
	if (read_pair(server->layout, &pair, &ignored) < 0)
		return 0;
	keep_pair(server, &pair, true);
	if (!is_usable(server, now_s))
		return 0;
	if (show(server, fault) < 0)
		return -1;
	*ret_done = !is_barred(server, now_s);
	return 0;
}

int refresh_server_member(struct server_member *server, int64_t now_s, bool *ret_renewed,
			  struct fault *fault)
{
	*ret_renewed = is_due(server, now_s) || is_barred(server, now_s);
	if (*ret_renewed && enroll(server, now_s, fault) < 0) {
		*ret_renewed = false;
		return -1;
	}
	if (show(server, fault) < 0)
		return -1;
	return server->saved ? 0 : save(server, fault);
}
