#include "common/ca/issue/join_requests.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/statement.h"
#include "common/crypto/digest.h"
#include "common/x509/csr.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct ca_fixture fixture;
static struct joined_requests *joined;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	OK(new_joined_requests(fixture.authority, &joined, &fault));
}

static void tear_down(void)
{
	free_joined_requests(&joined);
	remove_ca(&fixture);
}

TestSuite(join_requests, .init = set_up, .fini = tear_down);

struct asker {
	struct buffer pem;
	struct single_request request;
	struct single_answer answer;
	int result;
};

static void prepare(struct asker *asker, const char *client, const char *subject)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_csr) struct csr *csr = NULL;

	*asker = (struct asker){.pem = make_csr(key, subject, NULL)};
	OK(parse_csr_pem(bytes_of_buffer(&asker->pem), &csr, &fault));
	asker->request = (struct single_request){.client = client,
						 .manner = {.prefix = "est"},
						 .now_s = NOW_S,
						 .pem = bytes_of_buffer(&asker->pem)};
	public_key_sha256(csr_public_key(csr), asker->request.key_sha256);
}

static void clear_asker(struct asker *asker)
{
	clear_single_answer(&asker->answer);
	clear_buffer(&asker->pem);
}

static void *ask(void *argument)
{
	struct asker *asker = argument;
	struct fault problem = {0};

	asker->result = certify_joined(joined, &asker->request, &asker->answer, &problem);
	return NULL;
}

static void expect_certificate_of(const struct asker *asker)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	uint8_t key_sha256[SHA256_LEN];

	cr_assert_eq(asker->result, 0);
	cr_assert_str_eq(asker->answer.refusal.detail, "");
	OK(parse_certificate_der(bytes_of_buffer(&asker->answer.certificate), &certificate,
				 &fault));
	public_key_sha256(certificate_public_key(certificate), key_sha256);
	cr_expect_eq(memcmp(key_sha256, asker->request.key_sha256, SHA256_LEN), 0);
}

/* One request alone: the record names its member by the serial. */
Test(join_requests, certifies_one_and_names_it_by_its_serial)
{
	CLEANUP(clear_asker) struct asker asker;
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	char serial[SERIAL_TEXT_SIZE];
	bool found;

	prepare(&asker, "client1", "CN=client1-1");
	ask(&asker);
	expect_certificate_of(&asker);
	OK(find_by_key(authority_store(fixture.authority), asker.request.key_sha256, &record,
		       &found, &fault));
	cr_assert(found);
	format_serial((struct bytes){record.serial, SERIAL_MAX}, serial);
	cr_expect_eq(strncmp(record.member, "est-", 4), 0);
	cr_expect_str_eq(record.member + 4, serial);
}

enum { ASKERS = 24 };

static int count_certified(void *context, int64_t sequence, const char *line, struct fault *ignored)
{
	size_t *count = context;

	(void)sequence;
	(void)ignored;
	*count += strstr(line, "\"event\":\"certified\"") != NULL;
	return 0;
}

static void ask_at_once(struct asker *askers, size_t count)
{
	pthread_t threads[ASKERS];

	for (size_t i = 0; i < count; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
}

/* While another one writes in the record, the first one waits for it, and the others for the first
   one. */
Test(join_requests, that_arrive_together_share_a_transaction)
{
	struct store *store = authority_store(fixture.authority);
	struct asker askers[ASKERS];
	pthread_t threads[ASKERS];
	size_t events = 0;

	for (size_t i = 0; i < ASKERS; i++) {
		char subject[32];

		(void)snprintf(subject, sizeof(subject), "CN=client1-%zu", i + 1);
		prepare(&askers[i], "client1", subject);
	}
	{
		CLEANUP(end_transaction) struct transaction transaction = {0};

		OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
		for (size_t i = 0; i < ASKERS; i++)
			cr_assert_eq(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	}
	for (size_t i = 0; i < ASKERS; i++)
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < ASKERS; i++)
		expect_certificate_of(&askers[i]);
	cr_expect_eq(count_rows(&fixture), ASKERS);
	OK(list_audit(store, store_front_end(store), 1, count_certified, &events, &fault));
	cr_expect_gt(events, 0);
	cr_expect_lt(events, ASKERS, "each had a transaction of its own");
	for (size_t i = 0; i < ASKERS; i++)
		clear_asker(&askers[i]);
}

/* A client that repeats itself must not refuse those that arrive with it. */
Test(join_requests, with_one_key_get_one_certificate)
{
	struct asker askers[8];

	prepare(&askers[0], "client1", "CN=client1-1");
	for (size_t i = 1; i < COUNT_OF(askers); i++) {
		askers[i] = askers[0];
		askers[i].answer = (struct single_answer){0};
	}
	ask_at_once(askers, COUNT_OF(askers));
	for (size_t i = 0; i < COUNT_OF(askers); i++) {
		expect_certificate_of(&askers[i]);
		cr_expect(equal_bytes(bytes_of_buffer(&askers[i].answer.certificate),
				      bytes_of_buffer(&askers[0].answer.certificate)));
	}
	cr_expect_eq(count_rows(&fixture), 1);
	for (size_t i = 0; i < COUNT_OF(askers); i++)
		clear_single_answer(&askers[i].answer);
	clear_buffer(&askers[0].pem);
}

/* Each gets its own refusal, or that of the whole batch. */
Test(join_requests, that_are_refused_get_their_own_reason)
{
	struct asker askers[3];

	prepare(&askers[0], "client1", "CN=client1-1");
	prepare(&askers[1], "client1", "CN=another");
	prepare(&askers[2], "nobody", "CN=nobody-1");
	ask_at_once(askers, COUNT_OF(askers));
	expect_certificate_of(&askers[0]);
	cr_expect_eq(askers[1].result, 0);
	cr_expect_str_eq(askers[1].answer.refusal.type, "policy");
	cr_expect_eq(askers[2].result, 0);
	cr_expect_str_eq(askers[2].answer.refusal.type, "unknown_client");
	for (size_t i = 0; i < COUNT_OF(askers); i++)
		clear_asker(&askers[i]);
}
