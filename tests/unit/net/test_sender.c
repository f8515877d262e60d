/* Senders of bodies who are not known at hand, and have to be looked up by a thread that waits. */
#include "common/base/workers.h"
#include "common/net/http.h"
#include "common/net/http_transaction.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHECKED "POST /checked HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"

static struct service_under_test service;

static void set_up(void)
{
	service = (struct service_under_test){.settings.lookups_wait = true};
	start_service(&service);
}

static void tear_down(void)
{
	open_gate(&service); /* a test that failed may have left it shut */
	stop_service(&service);
}

TestSuite(sender, .init = set_up, .fini = tear_down);

enum { BODY_LEN = 100000, START_LEN = 2000 };

/* Says the first octets of a body of BODY_LEN, which begins with `begin`. */
static int begin_body(const char *begin)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	int connection = connect_raw(&service.endpoint);

	append_format(&request, CHECKED "Content-Length: %d\r\n\r\n%s%0*d", BODY_LEN, begin,
		      START_LEN - (int)strlen(begin), 0);
	cr_assert(send_raw(connection, bytes_of_buffer(&request)));
	return connection;
}

static int send_short(const char *body)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	int connection = connect_raw(&service.endpoint);

	append_format(&request, CHECKED "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	cr_assert(send_raw(connection, bytes_of_buffer(&request)));
	return connection;
}

static void await_checked(unsigned int count)
{
	unsigned int checked;

	do {
		(void)poll(NULL, 0, 1);
		pthread_mutex_lock(&service.lock);
		checked = service.checked;
		pthread_mutex_unlock(&service.lock);
	} while (checked < count);
}

/* The gate opens only after the others are answered: no thread of the server waits at it. */
Test(sender, is_looked_up_while_the_server_answers_others)
{
	enum { STRANGERS = 64, OTHERS = 20 };
	int connections[STRANGERS];

	for (size_t i = 0; i < STRANGERS; i++)
		connections[i] = i % 2 == 0 ? begin_body("newbad.") : send_short("newbad.");
	await_checked(STRANGERS);
	await_waiting(&service, 1);
	for (size_t i = 0; i < OTHERS; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		struct http_client *client = new_test_client(&service.endpoint);

		cr_expect_eq(post_text(client, "/work", "known", &answer), 200);
		clear_http_answer(&answer);
		cr_expect_eq(post_text(client, "/glance", "known", &answer), 200);
		clear_http_answer(&answer);
		cr_expect_eq(post_text(client, "/echo", "short", &answer), 200);
		free_http_client(&client);
	}
	cr_expect_eq(service.waiting, 1);
	open_gate(&service);
	for (size_t i = 0; i < STRANGERS; i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		cr_expect(receive_answer(connections[i], &answer), "stranger %zu", i);
		cr_expect_eq(status_of(&answer), 400, "stranger %zu: %s", i, answer.data);
		(void)close(connections[i]);
	}
	cr_expect_eq(service.checked, STRANGERS);
}

/* catalogue 111: nothing more is taken of the body meanwhile */
Test(sender, is_looked_up_by_the_beginning_of_the_body)
{
	CLEANUP(clear_buffer) struct buffer rest = {0};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	int connection = begin_body("new.");

	await_waiting(&service, 1);
	cr_expect_eq(service.start_len, HTTP_START_MAX);
	open_gate(&service);
	append_format(&rest, "%0*d", BODY_LEN - START_LEN, 7);
	cr_assert(send_raw(connection, bytes_of_buffer(&rest)));
	cr_expect(receive_answer(connection, &answer));
	cr_expect_eq(status_of(&answer), 200, "%s", answer.data);
	cr_expect_not_null(strstr((const char *)answer.data, "\r\n\r\nnew.0"));
	cr_expect_str_eq((const char *)answer.data + answer.len - 3, "007");
	(void)close(connection);
}

Test(sender, of_a_short_body_is_looked_up_too)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};
	int connection = send_short("new.");

	await_waiting(&service, 1);
	open_gate(&service);
	cr_expect(receive_answer(connection, &answer));
	cr_expect_eq(status_of(&answer), 200, "%s", answer.data);
	(void)close(connection);
}

enum { ROLE_STOP, ROLE_OPEN, ROLES };

static int play_role(size_t index, void *context, struct fault *fault)
{
	(void)context;
	(void)fault;
	if (index == ROLE_STOP)
		stop_http_server(&service.server);
	else
		open_gate(&service);
	return 0;
}

Test(sender, is_looked_up_while_the_server_stops)
{
	int connections[] = {begin_body("new."), send_short("new."), begin_body("newbad.")};

	await_checked(COUNT_OF(connections));
	await_waiting(&service, 1);
	OK(run_tasks(ROLES, ROLES, play_role, NULL, &fault));
	for (size_t i = 0; i < COUNT_OF(connections); i++)
		(void)close(connections[i]);
}

/* One is at the gate and one may wait: of two more, the one that comes later. */
Test(sender, is_told_to_ask_again_when_too_many_are_looked_up)
{
	int connections[3];
	unsigned int answered[2] = {0};

	stop_service(&service);
	service.settings.most_pending = 1;
	start_service(&service);
	connections[0] = send_short("newbad1.");
	await_waiting(&service, 1);
	connections[1] = send_short("newbad2.");
	connections[2] = send_short("newbad3.");
	cr_expect(await_log(&service, "POST /checked 503 1 requests already wait"));
	open_gate(&service);
	for (size_t i = 0; i < COUNT_OF(connections); i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		cr_expect(receive_answer(connections[i], &answer), "sender %zu", i);
		answered[0] += status_of(&answer) == 400;
		answered[1] += status_of(&answer) == 503;
		(void)close(connections[i]);
	}
	cr_expect_eq(answered[0], 2);
	cr_expect_eq(answered[1], 1);
}
