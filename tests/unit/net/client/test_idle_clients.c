#include "common/net/client/idle_clients.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

/* No client connects before its first exchange. */
static const struct http_client_settings settings = {.endpoint = {"127.0.0.1", 9, false}};

Test(idle_clients, gives_out_a_client_that_was_returned)
{
	CLEANUP(clear_idle_clients) struct idle_clients idle = {0};
	struct http_client *client = NULL;
	struct http_client *again = NULL;
	const struct http_client *first;

	init_idle_clients(&idle, &settings);
	OK(take_http_client(&idle, &client, &fault));
	first = client;
	return_http_client(&idle, &client);
	cr_expect_null(client);
	OK(take_http_client(&idle, &again, &fault));
	cr_expect_eq(again, first);
	return_http_client(&idle, &again);
}

Test(idle_clients, makes_another_for_a_second_thread)
{
	CLEANUP(clear_idle_clients) struct idle_clients idle = {0};
	struct http_client *clients[IDLE_CLIENTS_MAX + 1] = {NULL};

	init_idle_clients(&idle, &settings);
	for (size_t i = 0; i < COUNT_OF(clients); i++) {
		OK(take_http_client(&idle, &clients[i], &fault));
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(clients[i], clients[j]);
	}
	/* One more than stay open. */
	for (size_t i = 0; i < COUNT_OF(clients); i++)
		return_http_client(&idle, &clients[i]);
	cr_expect_eq(idle.count, IDLE_CLIENTS_MAX);
}
