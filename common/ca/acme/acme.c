#include "common/ca/acme/acme.h"

#include "common/base/clock.h"
#include "common/ca/acme/exchange.h"
#include "common/crypto/base64.h"
#include "common/wire/acme_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A token, in base64url, and more. */
enum { PATH_REST_SIZE = FLATTENED_JWS_MAX / 8 };

static const char renewal_path[] = "renewal-info/";

/* Who may ask: the holder of an account, of a key, or of either. */
enum asker { BY_ACCOUNT, BY_KEY, BY_EITHER };

/* A path below ACME_PATH; one that ends in '/' has more behind it. `end` is the end of that. */
struct acme_route {
	const char *path;
	const char *end;
	enum asker asker;
	acme_function *answer;
};

static const struct acme_route acme_routes[] = {
	{"new-account", "", BY_KEY, answer_new_account},
	{"account/", "/orders", BY_ACCOUNT, answer_orders},
	{"account/", "", BY_ACCOUNT, answer_account},
	{"key-change", "", BY_ACCOUNT, answer_key_change},
	{"new-order", "", BY_ACCOUNT, answer_new_order},
	{"order/", "/finalize", BY_ACCOUNT, answer_finalize},
	{"order/", "", BY_ACCOUNT, answer_order},
	{"authorization/", "", BY_ACCOUNT, answer_authorization},
	{"challenge/", "", BY_ACCOUNT, answer_challenge},
	{"certificate/", "", BY_ACCOUNT, answer_certificate},
	{"revoke-cert", "", BY_EITHER, answer_revocation},
};

int new_acme(const struct acme_settings *settings, struct acme **ret_acme, struct fault *fault)
{
	CLEANUP(free_acme) struct acme *acme = calloc(1, sizeof(*acme));

	if (acme == NULL)
		return set_memory_fault(fault);
	acme->settings = *settings;
	pthread_mutex_init(&acme->lock, NULL);
	if (new_nonces(&acme->nonces, fault) < 0 ||
	    set_acme_challenged(acme, authority_ca(settings->authority)->acme_challenged, fault) <
		    0)
		return -1;
	*ret_acme = TAKE(acme);
	return 0;
}

void free_acme(struct acme **pointer)
{
	struct acme *acme = TAKE(*pointer);

	if (acme == NULL)
		return;
	free_validator(&acme->validator);
	free_nonces(&acme->nonces);
	pthread_mutex_destroy(&acme->lock);
	free(acme->challenged);
	free(acme);
}

int set_acme_challenged(struct acme *acme, const char *challenged, struct fault *fault)
{
	CLEANUP(free_string) char *copy = NULL;
	char *before;
	int result = 0;

	if (challenged != NULL) {
		copy = strdup(challenged);
		if (copy == NULL)
			return set_memory_fault(fault);
	}
	pthread_mutex_lock(&acme->lock);
	if (copy != NULL && acme->validator == NULL)
		result = new_validator(&acme->settings, &acme->validator, fault);
	before = acme->challenged;
	if (result == 0)
		acme->challenged = TAKE(copy);
	pthread_mutex_unlock(&acme->lock);
	if (result == 0)
		free(before);
	return result;
}

void format_acme_base(const struct ca_node *ca, const struct endpoint *endpoint,
		      char ret_base[static ACME_BASE_SIZE])
{
	char text[ENDPOINT_TEXT_SIZE];
	const char *url = ca->acme_url;
	size_t len;

	format_endpoint(endpoint, text);
	if (url == NULL)
		url = text;
	len = strlen(url);
	while (len > 0 && url[len - 1] == '/')
		len--;
	(void)snprintf(ret_base, ACME_BASE_SIZE, "%.*s%s", (int)len, url, ACME_PATH);
}

void set_acme_endpoint(struct acme *acme, const struct endpoint *endpoint)
{
	format_acme_base(authority_ca(acme->settings.authority), endpoint, acme->base);
	acme->ready = true;
}

/* Every answer but to a GET has a nonce (RFC 8555 section 6.5), and every one the directory
   (section 7.1). */
static void add_common_fields(struct acme *acme, struct http_response *response, bool nonce)
{
	char text[NONCE_SIZE];

	add_response_field(response, "Link", "<%sdirectory>;rel=\"index\"", acme->base);
	if (!nonce)
		return;
	make_nonce(acme->nonces, text);
	add_response_field(response, "Replay-Nonce", "%s", text);
	add_response_field(response, "Cache-Control", "no-store");
}

void add_acme_fields(struct acme *acme, struct http_response *response)
{
	if (acme->ready)
		add_common_fields(acme, response, true);
}

static int check_ready(const struct acme *acme, struct fault *fault)
{
	return acme->ready ? 0 : set_fault(fault, FAULT_BUSY, "the CA is about to start");
}

bool is_renewal_question(const struct http_request *request)
{
	return strncmp(request->path + strlen(ACME_PATH), renewal_path, strlen(renewal_path)) == 0;
}

int answer_acme_rate(struct acme *acme, struct http_response *response, int64_t wait_s,
		     struct fault *fault)
{
	struct refusal problem = {0};

	add_common_fields(acme, response, true);
	add_response_field(response, "Retry-After", "%" PRId64, wait_s);
	set_refusal(&problem, "rateLimited",
		    "this address asks more than %d times a minute: try again in %" PRId64 " s",
		    RENEWALS_PER_MINUTE, wait_s);
	return answer_problem(response, &problem, fault);
}

/* Those of an address who have an account are served whatever the others there send. */
static void refuse_unpaid(struct acme_exchange *exchange, int64_t wait_s)
{
	add_response_field(exchange->response, "Retry-After", "%" PRId64, wait_s);
	set_refusal(&exchange->problem, "rateLimited",
		    "this address sent more than %d requests in a minute that could not be "
		    "authenticated: try again in %" PRId64 " s",
		    UNPAID_ACME_PER_MINUTE, wait_s);
}

/* The rest of the path, between the beginning and the end of the route's; NULL: another route. */
static bool match_route(const struct acme_route *route, const char *path, char *ret_rest,
			size_t size)
{
	size_t begin = strlen(route->path);
	size_t end = strlen(route->end);
	size_t len = strlen(path);

	if (strncmp(path, route->path, begin) != 0 || len < begin + end ||
	    strcmp(path + len - end, route->end) != 0 || len - begin - end >= size)
		return false;
	if (route->path[begin - 1] != '/' && len != begin)
		return false;
	(void)snprintf(ret_rest, size, "%.*s", (int)(len - begin - end), path + begin);
	return true;
}

/* The route of a path; NULL: there is none. */
static const struct acme_route *find_acme_route(const char *path, char *ret_rest, size_t size)
{
	for (size_t i = 0; i < COUNT_OF(acme_routes); i++)
		if (match_route(&acme_routes[i], path, ret_rest, size))
			return &acme_routes[i];
	return NULL;
}

/* RFC 8555 section 6.3: what there is, is asked for by POST-as-GET. */
static int refuse_get(struct acme *acme, const char *path, struct http_response *response,
		      struct fault *fault)
{
	char rest[PATH_REST_SIZE];
	struct refusal problem = {0};

	if (find_acme_route(path, rest, sizeof(rest)) == NULL)
		return set_fault(fault, FAULT_NOT_FOUND, "there is no such path");
	add_common_fields(acme, response, true);
	add_response_field(response, "Allow", "POST");
	set_refusal(&problem, "malformed",
		    "expected POST, with a JWS whose payload is empty (RFC 8555 section 6.3)");
	return answer_problem_as(response, &problem, 405, fault);
}

int answer_acme_get(struct acme *acme, const struct http_request *request,
		    struct http_response *response, struct fault *fault)
{
	const char *path = request->path + strlen(ACME_PATH);
	CLEANUP(clear_buffer) struct buffer json = {0};
	struct refusal problem = {0};

	if (check_ready(acme, fault) < 0)
		return -1;
	if (strcmp(path, "directory") == 0) {
		if (format_acme_directory(acme->base, &json, fault) < 0)
			return -1;
		set_json_body(response, &json);
		return 0;
	}
	if (strcmp(path, "new-nonce") == 0) {
		add_common_fields(acme, response, true);
		response->status = request->head ? 200 : 204;
		return 0;
	}
	if (!is_renewal_question(request))
		return refuse_get(acme, path, response, fault);
	if (answer_renewal_info(acme, path + strlen(renewal_path), response, &problem, fault) < 0)
		return -1;
	return is_refused(&problem) ? answer_problem(response, &problem, fault) : 0;
}

/* --- authentication --- */

void append_account_url(const struct acme *acme, const uint8_t id[static ACCOUNT_ID_LEN],
			struct buffer *url)
{
	append_format(url, "%saccount/", acme->base);
	append_base64url(url, (struct bytes){id, ACCOUNT_ID_LEN});
}

/* The account that a URL names; false: none could. */
static bool read_account_url(const struct acme *acme, const char *url,
			     uint8_t ret_id[static ACCOUNT_ID_LEN])
{
	static const char path[] = "account/";
	const size_t base_len = strlen(acme->base);
	CLEANUP(clear_buffer) struct buffer id = {0};
	struct fault ignored = {0};

	if (strncmp(url, acme->base, base_len) != 0 ||
	    strncmp(url + base_len, path, strlen(path)) != 0 ||
	    decode_base64url(bytes_of_string(url + base_len + strlen(path)), &id, &ignored) < 0 ||
	    id.len != ACCOUNT_ID_LEN)
		return false;
	memcpy(ret_id, id.data, ACCOUNT_ID_LEN);
	return true;
}

static int find_asking_account(struct acme_exchange *exchange, struct fault *fault)
{
	struct store *store = authority_store(exchange->acme->settings.authority);
	uint8_t id[ACCOUNT_ID_LEN];
	bool found = false;

	if (read_account_url(exchange->acme, exchange->jws.kid, id) &&
	    find_account(store, id, &exchange->account, &found, fault) < 0)
		return -1;
	if (!found)
		set_refusal(&exchange->problem, "accountDoesNotExist",
			    "kid: expected the URL of an account of this CA");
	else if (exchange->account.deactivated)
		set_refusal(&exchange->problem, "unauthorized", "the account is deactivated");
	exchange->has_account = found;
	return 0;
}

static int check_signature(struct acme_exchange *exchange, struct fault *fault)
{
	const struct public_key *key =
		exchange->has_account ? exchange->account.key : exchange->jws.key;
	struct verdict verdict = {0};

	if (verify_flattened_jws(&exchange->jws, key, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		set_refusal(&exchange->problem, "unauthorized",
			    "the JWS is not signed by the key %s: %s",
			    exchange->has_account ? "of its account" : "in its header",
			    verdict.reason);
	return 0;
}

static void check_asker(struct acme_exchange *exchange, enum asker asker)
{
	if (asker == BY_ACCOUNT && exchange->jws.kid == NULL)
		set_refusal(&exchange->problem, "malformed",
			    "JWS: header: expected kid, found jwk (RFC 8555 section 6.2)");
	if (asker == BY_KEY && exchange->jws.kid != NULL)
		set_refusal(&exchange->problem, "malformed",
			    "JWS: header: expected jwk, found kid (RFC 8555 section 6.2)");
}

static void check_url(struct acme_exchange *exchange, const char *path)
{
	const size_t base_len = strlen(exchange->acme->base);
	const char *url = exchange->jws.url;

	if (strncmp(url, exchange->acme->base, base_len) != 0 || strcmp(url + base_len, path) != 0)
		set_refusal(&exchange->problem, "unauthorized",
			    "JWS: header: url: expected \"%.200s%.100s\", found \"%.200s\" (RFC "
			    "8555 section 6.4)",
			    exchange->acme->base, path, url);
}

static void check_nonce(struct acme_exchange *exchange, bool use)
{
	struct nonces *nonces = exchange->acme->nonces;

	if (is_refused(&exchange->problem))
		return;
	if (use ? !use_nonce(nonces, exchange->jws.nonce)
		: !is_fresh_nonce(nonces, exchange->jws.nonce))
		set_refusal(&exchange->problem, "badNonce",
			    "the nonce is not good any more: try again with that of this answer");
}

int set_parse_problem(struct acme_exchange *exchange, const struct fault *failure,
		      const char *malformed, struct fault *fault)
{
	if (failure->class == FAULT_FAILED || failure->class == FAULT_BUSY ||
	    failure->class == FAULT_INTERRUPTED)
		return pass_fault(failure, fault);
	set_refusal(&exchange->problem, malformed, "%s", failure->text);
	return 0;
}

/* The parser of a JWS has a class for each of these. */
static const char *name_jws_problem(enum fault_class class)
{
	return class == FAULT_UNVERIFIED ? "badSignatureAlgorithm"
	       : class == FAULT_REFUSED  ? "badPublicKey"
					 : "malformed";
}

/* Of an account that has shown its key: whether its client may ask, and so often. */
static int admit_account(struct acme_exchange *exchange, struct fault *fault)
{
	const struct acme_account *account = &exchange->account;
	struct refusal refusal = {0};

	exchange->client_pays = true;
	if (!account->barred)
		return charge_acme_account(exchange, fault);
	set_refusal(&refusal, "disabled",
		    "the CA has disabled, revoked or removed the client \"%s\" of this account",
		    account->client);
	return refuse_client(exchange, account->client, &refusal, fault);
}

/* Cheap checks come first; the nonce is used last, so that nobody uses another's up. */
static int authenticate_acme(struct acme_exchange *exchange, const struct acme_route *route,
			     int64_t wait_s, struct fault *fault)
{
	struct fault failure = {0};

	if (parse_flattened_jws(exchange->request->body, JWS_REQUEST, &exchange->jws, &failure) < 0)
		return set_parse_problem(exchange, &failure, name_jws_problem(failure.class),
					 fault);
	check_asker(exchange, route->asker);
	if (wait_s > 0 && exchange->jws.kid == NULL)
		refuse_unpaid(exchange, wait_s);
	if (!is_refused(&exchange->problem))
		check_url(exchange, exchange->request->path + strlen(ACME_PATH));
	check_nonce(exchange, false);
	if (!is_refused(&exchange->problem) && exchange->jws.kid != NULL &&
	    find_asking_account(exchange, fault) < 0)
		return -1;
	if (!is_refused(&exchange->problem) && check_signature(exchange, fault) < 0)
		return -1;
	check_nonce(exchange, true);
	return is_refused(&exchange->problem) || !exchange->has_account
		       ? 0
		       : admit_account(exchange, fault);
}

/* --- from the request to the answer --- */

static void clear_acme_exchange(struct acme_exchange *exchange)
{
	clear_flattened_jws(&exchange->jws);
	clear_acme_account(&exchange->account);
}

/* Who lost a nonce only has to ask again. */
static bool is_unpaid(const struct acme_exchange *exchange)
{
	return is_refused(&exchange->problem) && !exchange->client_pays &&
	       strcmp(exchange->problem.type, "badNonce") != 0;
}

/* With a nonce, like every answer to a POST (RFC 8555 section 6.5). The reason of a failure of the
   CA itself goes to its log alone. */
static int answer_failure(struct http_response *response, const struct fault *failure,
			  struct fault *fault)
{
	const bool busy = failure->class == FAULT_BUSY || failure->class == FAULT_INTERRUPTED;
	struct refusal problem = {0};

	set_refusal(&problem, "serverInternal", "%s",
		    busy ? failure->text : "the CA failed; its log says why");
	if (busy)
		add_response_field(response, "Retry-After", "1");
	if (answer_problem_as(response, &problem, busy ? 503 : 500, fault) < 0)
		return -1;
	clear_buffer(&response->reason);
	append_string(&response->reason, failure->text);
	return check_buffer(&response->reason, fault);
}

static int answer_no_path(struct http_response *response, struct fault *fault)
{
	struct refusal problem = {0};

	set_refusal(&problem, "malformed", "there is no such path");
	return answer_problem_as(response, &problem, 404, fault);
}

int answer_acme_post(struct acme *acme, const struct http_request *request, int64_t wait_s,
		     struct http_response *response, struct acme_outcome *ret_outcome,
		     struct fault *fault)
{
	CLEANUP(clear_acme_exchange)
	struct acme_exchange exchange = {
		.acme = acme, .request = request, .response = response, .now_s = read_clock()};
	char rest[PATH_REST_SIZE];
	const struct acme_route *route;
	struct fault failure = {0};

	if (check_ready(acme, fault) < 0)
		return -1;
	route = find_acme_route(request->path + strlen(ACME_PATH), rest, sizeof(rest));
	add_common_fields(acme, response, true);
	if (route == NULL)
		return answer_no_path(response, fault);
	if (authenticate_acme(&exchange, route, wait_s, &failure) < 0 ||
	    (!is_refused(&exchange.problem) && route->answer(&exchange, rest, &failure) < 0))
		return answer_failure(response, &failure, fault);
	ret_outcome->unpaid = is_unpaid(&exchange);
	if (ret_outcome->unpaid && wait_s > 0 && strcmp(exchange.problem.type, "rateLimited") != 0)
		refuse_unpaid(&exchange, wait_s);
	ret_outcome->problem = exchange.problem;
	return is_refused(&exchange.problem) ? answer_problem(response, &exchange.problem, fault)
					     : 0;
}
