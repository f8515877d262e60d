#include "common/ca/acme/acme.h"

#include "common/ca/acme/accounts.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/driver.h"
#include "common/ca/store/store.h"
#include "common/crypto/base64.h"
#include "common/crypto/json.h"
#include "common/crypto/key_file.h"
#include "common/crypto/signature.h"
#include "common/net/response.h"
#include "common/wire/acme_request.h"
#include "common/x509/csr.h"
#include "common/x509/pem.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests of accounts and strangers, up to the answer. The client "strict" has an account. */

#define BASE "https://127.0.0.1:8443"

static struct ca_fixture fixture;
static struct shared_keys keys;
static struct acme *acme;
static struct private_key *account_key;
static struct acme_account account;

static struct public_key *public_of(const struct private_key *key)
{
	struct public_key *public = NULL;

	OK(get_public_key(key, &public, &fault));
	return public;
}

static void set_up(void)
{
	static const struct endpoint endpoint = {"127.0.0.1", 8443, true};
	struct shared_key key = {0};
	bool added;

	make_ca(&fixture, NOW_S);
	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(fixture.layout, "strict", &key, &fault));
	OK(init_shared_keys(&keys, fixture.layout, NULL, &fault));
	const struct acme_settings settings = {.authority = fixture.authority, .keys = &keys};

	OK(new_acme(&settings, &acme, &fault));
	set_acme_endpoint(acme, &endpoint);
	account_key = make_key(KEY_ECDSA_P256);
	account = (struct acme_account){
		.key = public_of(account_key), .client = "strict", .contact = strdup("")};
	OK(add_account(authority_store(fixture.authority), &account, NOW_S, &added, &fault));
}

static void tear_down(void)
{
	free_private_key(&account_key);
	clear_acme_account(&account);
	free_acme(&acme);
	clear_shared_keys(&keys);
	remove_ca(&fixture);
}

TestSuite(acme, .init = set_up, .fini = tear_down);

struct answered {
	struct http_response response;
	struct acme_outcome outcome;
};

static void clear_answered(struct answered *answered)
{
	clear_buffer(&answered->response.body);
	clear_response_fields(&answered->response);
}

static const char *find_field(const struct answered *answered, const char *name)
{
	for (size_t i = 0; i < answered->response.field_count; i++)
		if (strcmp(answered->response.fields[i].name, name) == 0)
			return (const char *)answered->response.fields[i].value.data;
	return "";
}

static void append_public_jwk(const struct private_key *key, struct buffer *text)
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

/* Under a fresh nonce; kid "": with the key itself. */
static struct buffer sign_request(const struct private_key *key, const char *kid, const char *path,
				  const char *payload)
{
	const struct http_request ask = {.method = "GET", .path = ACME_PATH "new-nonce"};
	CLEANUP(clear_answered) struct answered nonce = {0};
	CLEANUP(clear_buffer) struct buffer header = {0};
	CLEANUP(clear_buffer) struct buffer input = {0};
	CLEANUP(clear_buffer) struct buffer signature = {0};
	struct buffer jws = {0};
	size_t dot;

	OK(answer_acme_get(acme, &ask, &nonce.response, &fault));
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

/* wait_s: as answer_acme_post has it. */
static void ask(const struct private_key *key, const char *kid, const char *path,
		const char *payload, int64_t wait_s, struct answered *ret_answered)
{
	CLEANUP(clear_buffer) struct buffer jws = sign_request(key, kid, path, payload);
	const struct http_request request = {
		.method = "POST", .path = path, .body = bytes_of_buffer(&jws)};

	ret_answered->response.status = 200;
	OK(answer_acme_post(acme, &request, wait_s, &ret_answered->response, &ret_answered->outcome,
			    &fault));
}

static void find_kid(char *ret_kid, size_t size)
{
	CLEANUP(clear_buffer) struct buffer id = {0};

	append_base64url(&id, (struct bytes){account.id, ACCOUNT_ID_LEN});
	(void)snprintf(ret_kid, size, BASE ACME_PATH "account/%s", (const char *)id.data);
}

/* A stranger has a key, too: that it signs its request by it is no reason to serve it for free. */
Test(acme, has_the_origin_pay_for_whoever_has_no_client)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_certificate)
	struct certificate *certificate = certify_one(&fixture, NOW_S);
	CLEANUP(clear_buffer) struct buffer revocation = {0};
	CLEANUP(clear_answered) struct answered unbound = {0};
	CLEANUP(clear_answered) struct answered unknown = {0};
	CLEANUP(clear_answered) struct answered revoked = {0};

	ask(key, "", ACME_PATH "new-account", "{}", 0, &unbound);
	cr_expect_str_eq(unbound.outcome.problem.type, "externalAccountRequired");
	cr_expect(unbound.outcome.unpaid);
	ask(key, "", ACME_PATH "new-account", "{\"onlyReturnExisting\":true}", 0, &unknown);
	cr_expect_str_eq(unknown.outcome.problem.type, "accountDoesNotExist");
	cr_expect(unknown.outcome.unpaid);
	append_string(&revocation, "{\"certificate\":\"");
	append_base64url(&revocation, certificate_der(certificate));
	append_string(&revocation, "\"}");
	ask(key, "", ACME_PATH "revoke-cert", (const char *)revocation.data, 0, &revoked);
	cr_expect_str_eq(revoked.outcome.problem.type, "unauthorized");
	cr_expect(revoked.outcome.unpaid);
}

Test(acme, serves_accounts_of_an_address_where_others_ask_too_often)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_answered) struct answered stranger = {0};
	CLEANUP(clear_answered) struct answered forged = {0};
	CLEANUP(clear_answered) struct answered own = {0};
	char kid[128];

	find_kid(kid, sizeof(kid));
	ask(key, "", ACME_PATH "new-account", "{}", 7, &stranger);
	cr_expect_eq(stranger.response.status, 429);
	cr_expect_str_eq(find_field(&stranger, "Retry-After"), "7");
	ask(key, kid, kid + strlen(BASE), "", 7, &forged);
	cr_expect_eq(forged.response.status, 429);
	cr_expect(forged.outcome.unpaid);
	ask(account_key, kid, kid + strlen(BASE), "", 7, &own);
	cr_expect_eq(own.response.status, 200);
}

static void limit_rate(size_t per_minute)
{
	CLEANUP(clear_client) struct client record = {0};
	struct store *store = authority_store(fixture.authority);
	bool found;

	OK(read_client(store, "strict", &record, &found, &fault));
	cr_assert(found);
	record.policy.requests_per_minute = per_minute;
	OK(write_client(store, &record, CLIENT_CHANGE, NOW_S, &fault));
}

Test(acme, counts_every_request_of_an_account_against_its_client)
{
	CLEANUP(clear_answered) struct answered answered = {0};
	CLEANUP(clear_answered) struct answered refused = {0};
	char kid[128];

	find_kid(kid, sizeof(kid));
	limit_rate(1);
	ask(account_key, kid, ACME_PATH "new-order",
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}]}", 0, &answered);
	cr_expect_eq(answered.response.status, 201);
	ask(account_key, kid, ACME_PATH "new-order",
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}]}", 0, &refused);
	cr_expect_eq(refused.response.status, 429);
	cr_expect(!refused.outcome.unpaid);
}

/* --- two at once --- */

/* newAccount of that key, bound to the client "strict". */
static void make_bound_request(const struct private_key *key, struct buffer *ret_payload)
{
	static const char header[] =
		"{\"alg\":\"HS256\",\"kid\":\"strict\",\"url\":\"" BASE ACME_PATH "new-account\"}";
	struct derived_key derived[DERIVED_KEYS_MAX];
	CLEANUP(clear_buffer) struct buffer jwk = {0};
	CLEANUP(clear_buffer) struct buffer input = {0};
	uint8_t mac[SHA256_LEN];
	size_t dot;

	cr_assert_eq(derive_from_shared_keys(&keys, "strict", ACME_BINDING_LABEL, derived,
					     &(struct fault){0}),
		     1);
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

/* A request of one of several threads. */
struct asker {
	const struct private_key *key;
	const char *kid;
	const char *path;
	const char *payload;
	struct answered answered;
};

static void *ask_beside_others(void *context)
{
	struct asker *asker = context;

	ask(asker->key, asker->kid, asker->path, asker->payload, 0, &asker->answered);
	return NULL;
}

enum { ROUNDS = 20, AT_ONCE = 4 };

/* Fills the answers of the same request, asked several times at once. */
static void ask_at_once(const struct asker *request, struct asker ret_askers[static AT_ONCE])
{
	pthread_t threads[AT_ONCE];

	for (size_t i = 0; i < AT_ONCE; i++) {
		ret_askers[i] = *request;
		cr_assert_eq(pthread_create(&threads[i], NULL, ask_beside_others, &ret_askers[i]),
			     0);
	}
	for (size_t i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
}

Test(acme, gives_a_key_one_account_whoever_asks_at_once)
{
	for (size_t round = 0; round < ROUNDS; round++) {
		CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
		CLEANUP(clear_buffer) struct buffer payload = {0};
		struct asker askers[AT_ONCE];
		size_t created = 0;

		make_bound_request(key, &payload);
		ask_at_once(&(struct asker){.key = key,
					    .kid = "",
					    .path = ACME_PATH "new-account",
					    .payload = (const char *)payload.data},
			    askers);
		for (size_t i = AT_ONCE; i-- > 0;) {
			created += askers[i].answered.response.status == 201;
			cr_expect_str_eq(askers[i].answered.outcome.problem.type, "");
			cr_expect_str_eq(find_field(&askers[i].answered, "Location"),
					 find_field(&askers[0].answered, "Location"));
			clear_answered(&askers[i].answered);
		}
		cr_expect_eq(created, 1);
	}
}

/* The path of a new order's finalize. */
static void make_order(const char *kid, char *ret_path, size_t size)
{
	CLEANUP(clear_answered) struct answered order = {0};
	CLEANUP(free_json) json_t *json = NULL;

	ask(account_key, kid, ACME_PATH "new-order",
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}]}", 0, &order);
	OK(parse_json_object(bytes_of_buffer(&order.response.body), "order", &json, &fault));
	(void)snprintf(ret_path, size, "%s", get_string(json, "finalize") + strlen(BASE));
}

static void make_finalize(struct buffer *ret_payload)
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

/* A request that is sent again, while the first one is under way, is not told that its key is
   spent: for that its order is valid. */
Test(acme, gives_an_order_one_certificate_whoever_asks_at_once)
{
	char kid[128];

	find_kid(kid, sizeof(kid));
	for (size_t round = 0; round < ROUNDS; round++) {
		CLEANUP(clear_buffer) struct buffer payload = {0};
		struct asker askers[AT_ONCE];
		size_t valid = 0;
		char path[2048];

		make_order(kid, path, sizeof(path));
		make_finalize(&payload);
		ask_at_once(&(struct asker){.key = account_key,
					    .kid = kid,
					    .path = path,
					    .payload = (const char *)payload.data},
			    askers);
		for (size_t i = 0; i < AT_ONCE; i++) {
			const char *type = askers[i].answered.outcome.problem.type;

			valid += askers[i].answered.response.status == 200;
			cr_expect(type[0] == '\0' || strcmp(type, "orderNotReady") == 0, "%s",
				  type);
			clear_answered(&askers[i].answered);
		}
		cr_expect_geq(valid, 1);
		cr_expect_eq(count_rows(&fixture), round + 1);
	}
}

/* --- a record on several servers --- */

static int fail_to_confirm(struct store *store, struct fault *fault)
{
	return set_fault(fault, FAULT_BUSY, "%s: no standby", store->name);
}

/* A COMMIT that waits for a standby, which does not come, is seen by those who read meanwhile. */
Test(acme, gives_no_certificate_out_before_a_commit_after_it)
{
	struct store *store = authority_store(fixture.authority);
	const struct store_driver *driver = store->driver;
	struct store_driver lonely = *driver;
	CLEANUP(clear_buffer) struct buffer payload = {0};
	CLEANUP(clear_buffer) struct buffer jws = {0};
	CLEANUP(clear_answered) struct answered order = {0};
	CLEANUP(clear_answered) struct answered refused = {0};
	CLEANUP(clear_answered) struct answered given = {0};
	CLEANUP(free_json) json_t *json = NULL;
	char kid[128];
	char path[2048];

	find_kid(kid, sizeof(kid));
	make_order(kid, path, sizeof(path));
	make_finalize(&payload);
	ask(account_key, kid, path, (const char *)payload.data, 0, &order);
	OK(parse_json_object(bytes_of_buffer(&order.response.body), "order", &json, &fault));
	(void)snprintf(path, sizeof(path), "%s", get_string(json, "certificate") + strlen(BASE));
	jws = sign_request(account_key, kid, path, "");
	const struct http_request request = {
		.method = "POST", .path = path, .body = bytes_of_buffer(&jws)};

	lonely.confirm = fail_to_confirm;
	store->driver = &lonely;
	REFUSED(answer_acme_post(acme, &request, 0, &refused.response, &refused.outcome, &fault),
		FAULT_BUSY, "no standby");
	store->driver = driver;
	ask(account_key, kid, path, "", 0, &given);
	cr_expect_eq(given.response.status, 200);
}

/* --- refusals --- */

struct lines {
	char last[4096];
};

static int keep_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct lines *lines = context;

	(void)sequence;
	(void)fault;
	(void)snprintf(lines->last, sizeof(lines->last), "%s", line);
	return 0;
}

static void expect_logged(const char *part)
{
	struct lines lines = {0};

	OK(list_audit(authority_store(fixture.authority), FIRST_FRONT_END, 1, keep_line, &lines,
		      &fault));
	cr_expect_not_null(strstr(lines.last, part), "expected %s in %s", part, lines.last);
}

/* One line a minute: so each refusal has a CA of its own. */
Test(acme, logs_a_request_for_a_certificate_that_is_refused)
{
	CLEANUP(clear_answered) struct answered answered = {0};
	char kid[128];
	char path[2048];

	find_kid(kid, sizeof(kid));
	make_order(kid, path, sizeof(path));
	ask(account_key, kid, path, "{\"csr\":\"AAAA\"}", 0, &answered);
	cr_expect_str_eq(answered.outcome.problem.type, "badCSR");
	expect_logged("\"type\":\"bad_request\"");
}

Test(acme, logs_a_profile_that_is_refused)
{
	CLEANUP(clear_answered) struct answered answered = {0};
	char kid[128];

	find_kid(kid, sizeof(kid));
	ask(account_key, kid, ACME_PATH "new-order",
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}],"
	    "\"profile\":\"server\"}",
	    0, &answered);
	cr_expect_str_eq(answered.outcome.problem.type, "invalidProfile");
	expect_logged("\"type\":\"profile\"");
}

Test(acme, logs_a_disabled_client_that_asks)
{
	CLEANUP(clear_answered) struct answered answered = {0};
	bool changed;
	char kid[128];

	find_kid(kid, sizeof(kid));
	OK(set_client_disabled(authority_store(fixture.authority), "strict", true, NOW_S, &changed,
			       &fault));
	ask(account_key, kid, kid + strlen(BASE), "", 0, &answered);
	cr_expect_str_eq(answered.outcome.problem.type, "unauthorized");
	cr_expect(!answered.outcome.unpaid);
	expect_logged("\"type\":\"disabled\"");
}

/* --- what has no request signed --- */

Test(acme, refuses_to_be_asked_by_GET_what_is_asked_by_POST)
{
	const struct http_request request = {.method = "GET", .path = ACME_PATH "new-order"};
	CLEANUP(clear_answered) struct answered answered = {0};

	OK(answer_acme_get(acme, &request, &answered.response, &fault));
	cr_expect_eq(answered.response.status, 405);
	cr_expect_str_eq(find_field(&answered, "Allow"), "POST");
	cr_expect_not_null(strstr((const char *)answered.response.body.data, "error:malformed"));
}
