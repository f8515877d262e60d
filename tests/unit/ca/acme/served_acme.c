#include "tests/unit/ca/acme/served_acme.h"

#include "common/crypto/base64.h"
#include "common/crypto/json.h"
#include "common/crypto/key_file.h"
#include "common/crypto/signature.h"
#include "common/net/response.h"
#include "common/wire/acme_request.h"
#include "common/x509/csr.h"
#include "common/x509/pem.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name whose host is asked without a look-up: an address of this host, where nobody listens. */
static void allow_address(const struct served_acme *served)
{
	char dns[] = "DNS:{client}-{index}.example";
	char ip[] = "IP:" UNATTENDED_ADDRESS;
	char *const names[] = {dns, ip};
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	OK(read_client(served_store(served), "strict", &client, &found, &fault));
	OK(set_policy_alt_names(&client.policy, names, COUNT_OF(names), &fault));
	OK(write_client(served_store(served), &client, CLIENT_CHANGE, NOW_S, &fault));
}

static void add_served_account(struct served_acme *served)
{
	CLEANUP(clear_buffer) struct buffer id = {0};
	bool added;

	served->account_key = make_key(KEY_ECDSA_P256);
	served->account = (struct acme_account){.client = "strict", .contact = strdup("")};
	OK(get_public_key(served->account_key, &served->account.key, &fault));
	OK(add_account(served_store(served), &served->account, NOW_S, &added, &fault));
	append_base64url(&id, (struct bytes){served->account.id, ACCOUNT_ID_LEN});
	(void)snprintf(served->kid, sizeof(served->kid), BASE ACME_PATH "account/%s",
		       (const char *)id.data);
}

void serve_acme_alone(struct served_acme *served, size_t challenged)
{
	static const struct endpoint endpoint = {"127.0.0.1", 8443, true};
	struct shared_key key = {0};
	struct ca_node *ca;

	*served = (struct served_acme){0};
	make_ca(&served->fixture, NOW_S);
	ca = &served->fixture.manifest->ca;
	if (challenged != 0) {
		ca->acme_challenged = strdup("\nstrict\n");
		allow_address(served);
	}
	ca->acme_http_port = challenged;
	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(served->fixture.layout, "strict", &key, &fault));
	OK(init_shared_keys(&served->keys, served->fixture.layout, NULL, &fault));
	const struct acme_settings settings = {.authority = served->fixture.authority,
					       .keys = &served->keys};

	OK(new_acme(&settings, &served->acme, &fault));
	set_acme_endpoint(served->acme, &endpoint);
	add_served_account(served);
}

void stop_acme_alone(struct served_acme *served)
{
	free_private_key(&served->account_key);
	clear_acme_account(&served->account);
	free_acme(&served->acme);
	clear_shared_keys(&served->keys);
	remove_ca(&served->fixture);
}

struct store *served_store(const struct served_acme *served)
{
	return authority_store(served->fixture.authority);
}

void clear_answered(struct answered *answered)
{
	clear_buffer(&answered->response.body);
	clear_response_fields(&answered->response);
}

const char *find_field(const struct answered *answered, const char *name)
{
	for (size_t i = 0; i < answered->response.field_count; i++)
		if (strcmp(answered->response.fields[i].name, name) == 0)
			return (const char *)answered->response.fields[i].value.data;
	return "";
}

void copy_answer_text(const struct answered *answered, const char *name, char *ret_text,
		      size_t size)
{
	CLEANUP(free_json) json_t *json = NULL;
	const char *text;

	OK(parse_json_object(bytes_of_buffer(&answered->response.body), "answer", &json, &fault));
	text = get_string(json, name);
	(void)snprintf(ret_text, size, "%s", text != NULL ? text : "");
}

void append_public_jwk(const struct private_key *key, struct buffer *text)
{
	enum { X_AT = 27, LEN = 32 };
	CLEANUP(clear_buffer) struct buffer spki = {0};

	OK(append_spki(key, &spki, &fault));
	append_string(text, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
	append_base64url(text, (struct bytes){spki.data + X_AT, LEN});
	append_string(text, "\",\"y\":\"");
	append_base64url(text, (struct bytes){spki.data + X_AT + LEN, LEN});
	append_string(text, "\"}");
}

struct buffer sign_request(const struct served_acme *served, const struct private_key *key,
			   const char *kid, const char *path, const char *payload)
{
	const struct http_request ask = {.method = "GET", .path = ACME_PATH "new-nonce"};
	CLEANUP(clear_answered) struct answered nonce = {0};
	CLEANUP(clear_buffer) struct buffer header = {0};
	CLEANUP(clear_buffer) struct buffer input = {0};
	CLEANUP(clear_buffer) struct buffer signature = {0};
	struct buffer jws = {0};
	size_t dot;

	OK(answer_acme_get(served->acme, &ask, &nonce.response, &fault));
	append_format(&header, "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"" BASE "%s\",",
		      find_field(&nonce, "Replay-Nonce"), path);
	append_format(&header, kid[0] != '\0' ? "\"kid\":\"%s\"}" : "\"jwk\":%s", kid);
	if (kid[0] == '\0') {
		append_public_jwk(key, &header);
		append_string(&header, "}");
	}
	append_base64url(&input, bytes_of_buffer(&header));
	dot = input.len;
	append_string(&input, ".");
	append_base64url(&input, bytes_of_string(payload));
	OK(sign_data(key, SIGNATURE_ES256, bytes_of_buffer(&input), &signature, &fault));
	append_format(&jws, "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"", (int)dot,
		      (const char *)input.data, (const char *)input.data + dot + 1);
	append_base64url(&jws, bytes_of_buffer(&signature));
	append_string(&jws, "\"}");
	cr_assert(!jws.failed);
	return jws;
}

void ask_as(const struct served_acme *served, const struct acme_asker *asker, const char *path,
	    const char *payload, struct answered *ret_answered)
{
	CLEANUP(clear_buffer)
	struct buffer jws = sign_request(served, asker->key, asker->kid, path, payload);
	const struct http_request request = {
		.method = "POST", .path = path, .body = bytes_of_buffer(&jws)};

	ret_answered->response.status = 200;
	OK(answer_acme_post(served->acme, &request, asker->wait_s, &ret_answered->response,
			    &ret_answered->outcome, &fault));
}

void ask(const struct served_acme *served, const char *url, const char *payload,
	 struct answered *ret_answered)
{
	const struct acme_asker account = {served->account_key, served->kid, 0};
	const bool whole = strncmp(url, BASE, strlen(BASE)) == 0;

	ask_as(served, &account, url + (whole ? strlen(BASE) : 0), payload, ret_answered);
}

void make_bound_request(struct served_acme *served, const struct private_key *key,
			struct buffer *ret_payload)
{
	static const char header[] =
		"{\"alg\":\"HS256\",\"kid\":\"strict\",\"url\":\"" BASE ACME_PATH "new-account\"}";
	struct derived_key derived[DERIVED_KEYS_MAX];
	CLEANUP(clear_buffer) struct buffer jwk = {0};
	CLEANUP(clear_buffer) struct buffer input = {0};
	uint8_t mac[SHA256_LEN];
	size_t count;
	size_t dot;

	OK(derive_from_shared_keys(&served->keys, "strict", ACME_BINDING_LABEL, derived, &count,
				   &fault));
	cr_assert_eq(count, 1);
	append_public_jwk(key, &jwk);
	append_base64url(&input, bytes_of_string(header));
	dot = input.len;
	append_string(&input, ".");
	append_base64url(&input, bytes_of_buffer(&jwk));
	hmac_sha256(derived[0].key, bytes_of_buffer(&input), mac);
	append_format(ret_payload,
		      "{\"externalAccountBinding\":{\"protected\":\"%.*s\",\"payload\":\"%s\","
		      "\"signature\":\"",
		      (int)dot, (const char *)input.data, (const char *)input.data + dot + 1);
	append_base64url(ret_payload, (struct bytes){mac, SHA256_LEN});
	append_string(ret_payload, "\"}}");
}

void make_order(const struct served_acme *served, const char *member, char *ret_url, size_t size)
{
	CLEANUP(clear_answered) struct answered order = {0};

	ask(served, ACME_PATH "new-order",
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}]}", &order);
	copy_answer_text(&order, member, ret_url, size);
}

void make_finalize(struct buffer *ret_payload)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_buffer)
	struct buffer pem = make_csr(key, "CN=strict-1.example", "DNS:strict-1.example");
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(unwrap_pem(bytes_of_buffer(&pem), "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST",
		      CSR_DER_MAX, &der, &fault));
	append_string(ret_payload, "{\"csr\":\"");
	append_base64url(ret_payload, bytes_of_buffer(&der));
	append_string(ret_payload, "\"}");
}
