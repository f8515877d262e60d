#include "tests/unit/ca/served.h"

#include "common/base/clock.h"
#include "common/crypto/aes.h"
#include "common/crypto/base64.h"
#include "common/crypto/key_file.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

const char *const peers[PEER_COUNT] = {"client1", "client2", "stranger"};

static void remember_line(void *context, const char *method, const char *path, unsigned int status,
			  const char *text)
{
	struct served *served = context;
	size_t len;

	pthread_mutex_lock(&served->lock);
	len = strlen(served->log);
	(void)snprintf(served->log + len, sizeof(served->log) - len, "%s %s %u %s\n", method, path,
		       status, text);
	pthread_mutex_unlock(&served->lock);
}

void add_key(const struct served *served, const char *peer, struct shared_key *ret_key)
{
	OK(generate_shared_key(ret_key, &fault));
	OK(write_shared_key(served->ca.layout, peer, ret_key, &fault));
}

void start_served(struct served *served)
{
	struct ca_service_settings settings = {.listen = {1, {{"127.0.0.1", 0, false}}}};

	*served = (struct served){.now_s = read_clock()};
	pthread_mutex_init(&served->lock, NULL);
	make_ca(&served->ca, served->now_s);
	for (size_t i = 0; i < PEER_COUNT; i++)
		add_key(served, peers[i], &served->keys[i]);
	settings.authority = served->ca.authority;
	settings.layout = served->ca.layout;
	settings.log = remember_line;
	settings.log_context = served;
	OK(start_ca_service(&settings, &served->service, &fault));
	cr_assert_neq(ca_service_endpoints(served->service)->endpoints[0].port, 0);
}

void stop_served(struct served *served)
{
	stop_ca_service(&served->service);
	remove_ca(&served->ca);
	pthread_mutex_destroy(&served->lock);
}

bool logged(struct served *served, const char *part)
{
	bool is_logged;

	pthread_mutex_lock(&served->lock);
	is_logged = strstr(served->log, part) != NULL;
	pthread_mutex_unlock(&served->lock);
	return is_logged;
}

struct http_client *new_served_client(const struct served *served)
{
	struct http_client_settings settings = {
		.endpoint = ca_service_endpoints(served->service)->endpoints[0]};
	struct http_client *client = NULL;

	OK(new_http_client(&settings, &client, &fault));
	return client;
}

void exchange_body(const struct served *served, const char *path, const char *content_type,
		   struct bytes body, struct http_answer *ret_answer)
{
	CLEANUP(free_http_client) struct http_client *client = new_served_client(served);

	OK(exchange_http(client, path, content_type, body, CERTIFICATES_ANSWER_MAX, ret_answer,
			 &fault));
}

struct secret ask_json(const struct served *served, const struct message_kind *kind,
		       const struct shared_key *key, struct bytes plaintext,
		       uint8_t ret_sha256[static SHA256_LEN])
{
	CLEANUP(free_http_client) struct http_client *client = new_served_client(served);
	struct secret answer = {0};

	OK(ask_encrypted(client, kind, key, plaintext, &answer, ret_sha256, &fault));
	return answer;
}

void ask_certificates(const struct served *served, const struct shared_key *key,
		      struct bytes plaintext, struct certificates_answer *ret_answer)
{
	uint8_t sha256[SHA256_LEN];
	CLEANUP(clear_secret)
	struct secret json = ask_json(served, &certificates_kind, key, plaintext, sha256);

	OK(parse_certificates_answer(bytes_of_secret(&json), ret_answer, &fault));
	cr_expect_arr_eq(ret_answer->claims.request_sha256, sha256, SHA256_LEN);
	cr_expect_str_eq(ret_answer->claims.iss, "ca");
}

struct buffer encrypt_alike(const struct shared_key *key, const char *typ, struct bytes plaintext)
{
	static const uint8_t content_key[CONTENT_KEY_LEN] = {1};
	static const uint8_t iv[GCM_IV_LEN] = {2};
	CLEANUP(clear_buffer) struct buffer header = {0};
	uint8_t wrapped[WRAPPED_KEY_LEN];
	uint8_t ciphertext[4096];
	uint8_t tag[GCM_TAG_LEN];
	struct buffer jwe = {0};

	append_format(&header,
		      "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"%s\",\"typ\":\"%s\"}",
		      key->kid, typ);
	append_base64url(&jwe, bytes_of_buffer(&header));
	cr_assert_leq(plaintext.len, sizeof(ciphertext));
	wrap_key(key->key, content_key, wrapped);
	seal(content_key, iv, bytes_of_buffer(&jwe), plaintext, ciphertext, tag);
	append_string(&jwe, ".");
	append_base64url(&jwe, (struct bytes){wrapped, sizeof(wrapped)});
	append_string(&jwe, ".");
	append_base64url(&jwe, (struct bytes){iv, sizeof(iv)});
	append_string(&jwe, ".");
	append_base64url(&jwe, (struct bytes){ciphertext, plaintext.len});
	append_string(&jwe, ".");
	append_base64url(&jwe, (struct bytes){tag, sizeof(tag)});
	return jwe;
}

struct secret make_request_json(const struct served *served, size_t count)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	struct secret json = {0};

	OK(make_request_claims("client1", CA_NAME, served->now_s, &request.claims, &fault));
	add_members(&request, "client1", 1, count);
	OK(format_certificates_request(&request, &json, &fault));
	return json;
}

struct buffer encrypt_text(const struct shared_key *key, const char *typ, const char *plaintext)
{
	struct buffer jwe = {0};

	OK(encrypt_message(key, typ, NULL, bytes_of_string(plaintext), &jwe, &fault));
	return jwe;
}

void ask_about(const struct served *served, size_t peer, struct bytes pem,
	       struct status_answer *ret_answer)
{
	CLEANUP(clear_status_request) struct status_request request = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_secret) struct secret answer = {0};
	uint8_t sha256[SHA256_LEN];

	OK(make_request_claims(peers[peer], CA_NAME, served->now_s, &request.claims, &fault));
	append_bytes(&request.certificate, pem);
	OK(format_status_request(&request, &json, &fault));
	answer =
		ask_json(served, &status_kind, &served->keys[peer], bytes_of_secret(&json), sha256);
	OK(parse_status_answer(bytes_of_secret(&answer), ret_answer, &fault));
	OK(check_answer_claims(&ret_answer->claims, &request.claims, sha256, &fault));
}
