#include "common/ca/acme/validator.h"

#include "common/base/clock.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A CA that validates at a scripted server on 127.0.0.1. */
static struct ca_fixture ca;
static struct validator *validator;
static struct scripted_server *server;
static struct buffer request; /* the last one that it was sent */

#define KEY_AUTHORIZATION                                                                          \
	"token-token-token-token-token-token-token-t."                                             \
	"print-print-print-print-print-print-print-p"

static void set_up(void)
{
	make_ca(&ca, NOW_S);
}

static void tear_down(void)
{
	free_validator(&validator);
	if (server != NULL)
		(void)stop_scripted_server(&server, &request);
	clear_buffer(&request);
	remove_ca(&ca);
}

TestSuite(validator, .init = set_up, .fini = tear_down);

static void start(const struct script *script)
{
	const struct acme_settings settings = {.authority = ca.authority};
	struct endpoint endpoint;

	server = start_scripted_server(script, &endpoint);
	ca.manifest->ca.acme_http_port = endpoint.port;
	OK(new_validator(&settings, &validator, &fault));
}

static struct store *ca_store(void)
{
	return authority_store(ca.authority);
}

/* A challenge that was begun now. */
static struct validation begin(uint8_t number, const char *client)
{
	struct validation validation = {.id = {number}};
	const int64_t now_s = read_clock();
	bool begun;

	(void)snprintf(validation.client, sizeof(validation.client), "%s", client);
	(void)snprintf(validation.name, sizeof(validation.name), "IP:127.0.0.1");
	(void)snprintf(validation.key_authorization, sizeof(validation.key_authorization), "%s",
		       KEY_AUTHORIZATION);
	OK(begin_challenge(ca_store(), validation.id, now_s + CHALLENGED_VALIDITY_S, now_s, &begun,
			   &fault));
	cr_assert(begun);
	return validation;
}

static struct challenge find_now(const struct validation *validation)
{
	struct challenge challenge;

	OK(find_challenge(ca_store(), validation->id, read_clock(), &challenge, &fault));
	return challenge;
}

/* What comes of a challenge whose host shows that page. */
static struct challenge validate_at(const char *answer)
{
	const struct script script = {.answer = bytes_of_string(answer)};
	struct validation validation;
	struct challenge challenge;

	start(&script);
	validation = begin(1, "client1");
	OK(submit_validation(validator, &validation, &fault));
	for (challenge = find_now(&validation); challenge.state == CHALLENGE_PROCESSING;
	     challenge = find_now(&validation))
		(void)usleep(10000);
	return challenge;
}

/* RFC 8555 section 8.3: white space at the end alone is passed over. */
Test(validator, knows_a_key_authorization_with_white_space_behind_it)
{
	static const struct {
		struct bytes page;
		bool is;
	} rows[] = {
		{{(const uint8_t *)"a.b", 3}, true},        {{(const uint8_t *)"a.b\n", 4}, true},
		{{(const uint8_t *)"a.b \t\r\n", 7}, true}, {{(const uint8_t *)" a.b", 4}, false},
		{{(const uint8_t *)"a.bc", 4}, false},      {{(const uint8_t *)"a.", 2}, false},
		{{(const uint8_t *)"A.b", 3}, false},       {{(const uint8_t *)"a.b\0", 4}, false},
		{{(const uint8_t *)"a.b\0\n", 5}, false},   {{(const uint8_t *)"", 0}, false},
		{{(const uint8_t *)"\n", 1}, false},        {{(const uint8_t *)"a .b", 4}, false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(is_key_authorization(rows[i].page, "a.b"), rows[i].is, "row %zu", i);
}

Test(validator, asks_the_host_for_the_token_and_records_that_it_is_there)
{
	struct challenge challenge = validate_at(
		"HTTP/1.1 200 OK\r\nContent-Length: 89\r\n\r\n" KEY_AUTHORIZATION "\r\n");

	cr_expect_eq(challenge.state, CHALLENGE_VALID, "%s", challenge.problem.detail);
	(void)stop_scripted_server(&server, &request);
	append_string(&request, "");
	cr_expect_not_null(strstr((const char *)request.data,
				  "GET /.well-known/acme-challenge/"
				  "token-token-token-token-token-token-token-t HTTP/1.1\r\n"),
			   "%s", (const char *)request.data);
}

Test(validator, records_what_the_host_shows_instead)
{
	struct challenge challenge =
		validate_at("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother");

	cr_expect_eq(challenge.state, CHALLENGE_INVALID);
	cr_expect_str_eq(challenge.problem.type, "incorrectResponse");
	cr_expect_not_null(
		strstr(challenge.problem.detail,
		       "http-01: IP:127.0.0.1: expected the key authorization " KEY_AUTHORIZATION
		       ", found a page of 5 octets that is another"),
		"%s", challenge.problem.detail);
}

/* Nothing waits for a host that is silent when the CA is stopped; the client asks again later. */
Test(validator, leaves_a_challenge_to_a_later_run_when_it_ends)
{
	const struct script script = {.silent = true};
	struct validation validation;
	struct challenge challenge;

	start(&script);
	validation = begin(1, "client1");
	OK(submit_validation(validator, &validation, &fault));
	free_validator(&validator);
	cr_expect_eq(find_now(&validation).state, CHALLENGE_PROCESSING);
	OK(find_challenge(ca_store(), validation.id, read_clock() + VALIDATION_MAX_S + 1,
			  &challenge, &fault));
	cr_expect_eq(challenge.state, CHALLENGE_PENDING);
}

/* Lines of the log, in their order: 'l' for an outcome that will be recorded later, 'x' for others.
 */
struct log_of_outcomes {
	pthread_mutex_t lock;
	struct buffer lines;
};

static void note_outcome(void *context, const char *method, const char *path, unsigned int status,
			 const char *text)
{
	struct log_of_outcomes *log = context;

	(void)method;
	(void)path;
	(void)status;
	pthread_mutex_lock(&log->lock);
	append_string(&log->lines, strstr(text, "recorded later") != NULL ? "l" : "x");
	pthread_mutex_unlock(&log->lock);
}

static size_t count_outcomes(struct log_of_outcomes *log)
{
	size_t count;

	pthread_mutex_lock(&log->lock);
	count = log->lines.len;
	pthread_mutex_unlock(&log->lock);
	return count;
}

/* Of a record that takes no outcome, each validator lets go at once: others have them. */
Test(validator, asks_further_hosts_while_outcomes_cannot_be_recorded)
{
	enum { MORE_THAN_VALIDATORS = 20 };
	struct log_of_outcomes log = {.lock = PTHREAD_MUTEX_INITIALIZER};
	const struct acme_settings settings = {.authority = ca.authority,
					       .exchange_log = note_outcome,
					       .exchange_log_context = &log};
	struct validation validations[MORE_THAN_VALIDATORS];

	/* Nobody listens at port 0: each host is an answer at once. */
	ca.manifest->ca.acme_http_port = 0;
	OK(new_validator(&settings, &validator, &fault));
	for (size_t i = 0; i < MORE_THAN_VALIDATORS; i++)
		validations[i] = begin((uint8_t)(i + 1), "client1");
	bar_store(ca_store());
	for (size_t i = 0; i < MORE_THAN_VALIDATORS; i++)
		OK(submit_validation(validator, &validations[i], &fault));
	while (count_outcomes(&log) < MORE_THAN_VALIDATORS)
		(void)usleep(1000);
	free_validator(&validator);
	for (size_t i = 0; i < MORE_THAN_VALIDATORS; i++)
		cr_expect_eq(log.lines.data[i], 'l', "outcome %zu of %s", i, log.lines.data);
	clear_buffer(&log.lines);
}

/* One client's silent hosts do not take the place of the others. */
Test(validator, takes_a_client_no_more_than_an_orders_names_at_once)
{
	enum { MORE_THAN_ENOUGH = 2 * ACME_NAMES_MAX + 64 };
	const struct script script = {.silent = true};
	struct validation validation = {.client = "client1", .name = "IP:127.0.0.1"};
	struct fault busy = {0};
	int taken = 0;

	start(&script);
	while (taken < MORE_THAN_ENOUGH && submit_validation(validator, &validation, &busy) == 0)
		taken++;
	cr_expect_geq(taken, ACME_NAMES_MAX);
	cr_expect_lt(taken, MORE_THAN_ENOUGH);
	cr_expect_eq(busy.class, FAULT_BUSY, "%s", busy.text);
	(void)snprintf(validation.client, sizeof(validation.client), "client2");
	OK(submit_validation(validator, &validation, &fault));
}
