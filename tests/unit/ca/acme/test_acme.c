#include "tests/unit/ca/acme/served_acme.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/clients.h"
#include "common/crypto/base64.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Requests of accounts and strangers, up to the answer. */

static struct served_acme served;

static void set_up(void)
{
	serve_acme_alone(&served, 0);
}

static void tear_down(void)
{
	stop_acme_alone(&served);
}

TestSuite(acme, .init = set_up, .fini = tear_down);

/* wait_s: as answer_acme_post has it. */
static void ask_by(const struct private_key *key, const char *kid, const char *path,
		   const char *payload, int64_t wait_s, struct answered *ret_answered)
{
	ask_as(&served, &(struct acme_asker){key, kid, wait_s}, path, payload, ret_answered);
}

/* A stranger has a key, too: that it signs its request by it is no reason to serve it for free. */
Test(acme, has_the_origin_pay_for_whoever_has_no_client)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_certificate)
	struct certificate *certificate = certify_one(&served.fixture, NOW_S);
	CLEANUP(clear_buffer) struct buffer revocation = {0};
	CLEANUP(clear_answered) struct answered unbound = {0};
	CLEANUP(clear_answered) struct answered unknown = {0};
	CLEANUP(clear_answered) struct answered revoked = {0};

	ask_by(key, "", ACME_PATH "new-account", "{}", 0, &unbound);
	cr_expect_str_eq(unbound.outcome.problem.type, "externalAccountRequired");
	cr_expect(unbound.outcome.unpaid);
	ask_by(key, "", ACME_PATH "new-account", "{\"onlyReturnExisting\":true}", 0, &unknown);
	cr_expect_str_eq(unknown.outcome.problem.type, "accountDoesNotExist");
	cr_expect(unknown.outcome.unpaid);
	append_string(&revocation, "{\"certificate\":\"");
	append_base64url(&revocation, certificate_der(certificate));
	append_string(&revocation, "\"}");
	ask_by(key, "", ACME_PATH "revoke-cert", (const char *)revocation.data, 0, &revoked);
	cr_expect_str_eq(revoked.outcome.problem.type, "unauthorized");
	cr_expect(revoked.outcome.unpaid);
}

Test(acme, serves_accounts_of_an_address_where_others_ask_too_often)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_answered) struct answered stranger = {0};
	CLEANUP(clear_answered) struct answered forged = {0};
	CLEANUP(clear_answered) struct answered own = {0};

	ask_by(key, "", ACME_PATH "new-account", "{}", 7, &stranger);
	cr_expect_eq(stranger.response.status, 429);
	cr_expect_str_eq(find_field(&stranger, "Retry-After"), "7");
	ask_by(key, served.kid, served.kid + strlen(BASE), "", 7, &forged);
	cr_expect_eq(forged.response.status, 429);
	cr_expect(forged.outcome.unpaid);
	ask_by(served.account_key, served.kid, served.kid + strlen(BASE), "", 7, &own);
	cr_expect_eq(own.response.status, 200);
}

static void limit_rate(size_t per_minute)
{
	CLEANUP(clear_client) struct client record = {0};
	struct store *store = authority_store(served.fixture.authority);
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

	limit_rate(1);
	ask_by(served.account_key, served.kid, ACME_PATH "new-order",
	       "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}]}", 0,
	       &answered);
	cr_expect_eq(answered.response.status, 201);
	ask_by(served.account_key, served.kid, ACME_PATH "new-order",
	       "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}]}", 0,
	       &refused);
	cr_expect_eq(refused.response.status, 429);
	cr_expect(!refused.outcome.unpaid);
}

/* --- two at once --- */

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

	ask_by(asker->key, asker->kid, asker->path, asker->payload, 0, &asker->answered);
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

		make_bound_request(&served, key, &payload);
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

/* A request that is sent again, while the first one is under way, is not told that its key is
   spent: for that its order is valid. */
Test(acme, gives_an_order_one_certificate_whoever_asks_at_once)
{
	for (size_t round = 0; round < ROUNDS; round++) {
		CLEANUP(clear_buffer) struct buffer payload = {0};
		struct asker askers[AT_ONCE];
		size_t valid = 0;
		char path[2048];

		make_order(&served, "finalize", path, sizeof(path));
		make_finalize(&payload);
		ask_at_once(&(struct asker){.key = served.account_key,
					    .kid = served.kid,
					    .path = path + strlen(BASE),
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
		cr_expect_eq(count_rows(&served.fixture), round + 1);
	}
}
