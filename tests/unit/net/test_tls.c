/* A server over TLS and our client, and what each of them refuses. */
#include "common/net/server.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"
#include "tests/unit/net/tls_pair.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not static: the C library's header has recv as an inline function. */
atomic_uint receptions;

/* In place of the C library's: counts. */
ssize_t recv(int socket, void *data, size_t len, int flags)
{
	atomic_fetch_add(&receptions, 1);
	return recvfrom(socket, data, len, flags, NULL, NULL);
}

static atomic_uint sendings;

/* Likewise: our client sends otherwise. */
ssize_t sendmsg(int socket, const struct msghdr *message, int flags)
{
	atomic_fetch_add(&sendings, 1);
	return syscall(SYS_sendmsg, socket, message, flags);
}

static struct tls_pair pair;
static struct tls_slot slot;
static struct service_under_test service;

static void set_up(void)
{
	make_tls_pair(&pair, 3600);
	init_tls_slot(&slot);
	service = (struct service_under_test){
		.settings = {.listen = {2, {{"127.0.0.1", 0, true}, {"127.0.0.1", 0, false}}},
			     .tls = &slot}};
}

static void start(void)
{
	const struct tls_material material = material_of(&pair);

	OK(set_tls_identity(&slot, &material, &fault));
	start_service(&service);
}

static void tear_down(void)
{
	if (service.server != NULL)
		stop_service(&service);
	clear_tls_slot(&slot);
	remove_tls_pair(&pair);
}

TestSuite(tls, .init = set_up, .fini = tear_down);

static struct endpoint plain_endpoint(void)
{
	return http_server_endpoints(service.server)->endpoints[1];
}

static int get(const struct endpoint *endpoint, const char *roots, const char *path,
	       struct http_answer *ret_answer, struct fault *fault)
{
	const struct http_client_settings settings = {
		.endpoint = *endpoint, .roots = roots, .timeout_ms = 20000};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	if (new_http_client(&settings, &client, fault) < 0)
		return -1;
	return exchange_http(client, path, NULL, (struct bytes){0}, LARGE_MAX, ret_answer, fault);
}

Test(tls, answers_a_client_that_knows_the_root)
{
	struct http_client_settings own = {.roots = pair.root_path};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	struct tls_counts counts;

	start();
	own.endpoint = service.endpoint;
	OK(new_http_client(&own, &client, &fault));
	for (unsigned int i = 0; i < 20; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		cr_expect_eq(post_text(client, i % 2 == 0 ? "/echo" : "/work", "text", &answer),
			     200);
		cr_expect_str_eq((const char *)answer.body.data, "text");
	}
	counts = count_tls_handshakes(service.server);
	cr_expect_eq(counts.full, 1, "the connection is kept");
	cr_expect_eq(counts.resumed + counts.failed, 0);
}

Test(tls, sends_the_head_of_an_answer_with_its_body)
{
	CLEANUP(free_http_client) struct http_client *client = NULL;
	struct http_client_settings own = {.roots = pair.root_path};
	unsigned int before = 0;

	start();
	own.endpoint = service.endpoint;
	OK(new_http_client(&own, &client, &fault));
	for (unsigned int i = 0; i < 10; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		cr_expect_eq(post_text(client, i % 2 == 0 ? "/echo" : "/work", "text", &answer),
			     200);
		if (i > 0)
			cr_expect_eq(atomic_load(&sendings) - before, 1, "%u",
				     atomic_load(&sendings) - before);
		before = atomic_load(&sendings);
	}
}

Test(tls, carries_long_bodies_both_ways)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	CLEANUP(clear_http_answer) struct http_answer size = {0};
	CLEANUP(clear_buffer) struct buffer body = {0};
	struct http_client_settings own = {.roots = pair.root_path};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	start();
	own.endpoint = service.endpoint;
	OK(new_http_client(&own, &client, &fault));
	OK(exchange_http(client, "/large", NULL, (struct bytes){0}, LARGE_MAX, &answer, &fault));
	cr_expect_eq(answer.body.len, LARGE_MAX);
	memset(extend_buffer(&body, LARGE_MAX), 'x', LARGE_MAX);
	OK(exchange_http(client, "/large", "text/plain", bytes_of_buffer(&body), 100, &size,
			 &fault));
	cr_expect_str_eq((const char *)size.body.data, "1048576");
}

Test(tls, tells_a_client_in_the_middle_of_its_body_why_it_is_refused)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	CLEANUP(clear_buffer) struct buffer body = {0};
	struct http_client_settings own = {.roots = pair.root_path};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	start();
	own.endpoint = service.endpoint;
	OK(new_http_client(&own, &client, &fault));
	append_string(&body, "bad.");
	memset(extend_buffer(&body, LARGE_MAX - 4), 'x', LARGE_MAX - 4);
	OK(exchange_http(client, "/checked", "text/plain", bytes_of_buffer(&body), 1000, &answer,
			 &fault));
	cr_expect_eq(answer.status, 400);
	cr_expect_not_null(strstr((const char *)answer.body.data, "cannot be decrypted"));
}

/* Its connection is put aside in the middle of its body, and goes on. */
Test(tls, looks_up_a_client_that_it_does_not_know)
{
	static const struct {
		const char *begin;
		unsigned int status;
	} rows[] = {{"new.", 200}, {"newbad.", 400}, {"new2.", 200}};
	struct http_client_settings own = {.roots = pair.root_path};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	service.settings.lookups_wait = true;
	start();
	open_gate(&service);
	own.endpoint = service.endpoint;
	OK(new_http_client(&own, &client, &fault));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		CLEANUP(clear_buffer) struct buffer body = {0};

		append_string(&body, rows[i].begin);
		memset(extend_buffer(&body, 900000), 'x', 900000);
		OK(exchange_http(client, "/checked", "text/plain", bytes_of_buffer(&body),
				 LARGE_MAX, &answer, &fault),
		   "row %zu", i);
		cr_expect_eq(answer.status, rows[i].status, "row %zu", i);
		cr_expect(answer.status != 200 || equal_bytes(bytes_of_buffer(&answer.body),
							      bytes_of_buffer(&body)),
			  "row %zu", i);
	}
}

/* Catalogue 69. */
Test(tls, tells_a_client_without_tls_to_use_it)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct endpoint endpoint;

	start();
	endpoint = service.endpoint;
	endpoint.secure = false;
	OK(get(&endpoint, NULL, "/health", &answer, &fault));
	cr_expect_eq(answer.status, 400);
	cr_expect_not_null(strstr((const char *)answer.body.data, "this port speaks TLS"));
	cr_expect(
		await_log(&service, "TLS handshake: expected TLS, found other octets: 127.0.0.1"));
	cr_expect_eq(count_tls_handshakes(service.server).failed, 1);
}

Test(tls, serves_public_paths_alone_on_a_plain_endpoint_beside_it)
{
	CLEANUP(clear_http_answer) struct http_answer refused = {0};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct endpoint endpoint;

	start();
	endpoint = plain_endpoint();
	OK(get(&endpoint, NULL, "/health", &refused, &fault));
	cr_expect_eq(refused.status, 403);
	cr_expect_not_null(strstr((const char *)refused.body.data, "https://"));
	OK(get(&endpoint, NULL, "/shared", &answer, &fault));
	cr_expect_eq(answer.status, 200);
}

Test(tls, serves_a_secure_path_over_tls_alone)
{
	CLEANUP(clear_http_answer) struct http_answer refused = {0};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct endpoint endpoint;

	start();
	endpoint = plain_endpoint();
	OK(get(&endpoint, NULL, "/peer", &refused, &fault));
	cr_expect_eq(refused.status, 403);
	OK(get(&service.endpoint, pair.root_path, "/peer", &answer, &fault));
	cr_expect_eq(answer.status, 200);
	cr_expect_str_eq((const char *)answer.body.data, "secure, certificates: 0");
}

Test(tls, is_refused_by_a_client_with_another_root)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct tls_pair other;

	start();
	make_tls_pair(&other, 3600);
	REFUSED(get(&service.endpoint, other.root_path, "/health", &answer, &fault),
		FAULT_UNVERIFIED, "the server's certificate is not to be trusted");
	REFUSED(get(&service.endpoint, NULL, "/health", &answer, &fault), FAULT_USAGE,
		"expected a root");
	remove_tls_pair(&other);
}

Test(tls, is_refused_by_a_client_under_another_name)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct endpoint endpoint;

	start();
	endpoint = service.endpoint;
	(void)snprintf(endpoint.host, sizeof(endpoint.host), "localhost");
	REFUSED(get(&endpoint, pair.root_path, "/health", &answer, &fault), FAULT_UNVERIFIED,
		"does not match target host name 'localhost'");
}

Test(tls, is_refused_by_a_client_when_its_certificate_has_ended)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	remove_tls_pair(&pair);
	make_tls_pair(&pair, -60);
	start();
	REFUSED(get(&service.endpoint, pair.root_path, "/health", &answer, &fault),
		FAULT_UNVERIFIED, "expired certificate");
}

/* A member of a pool has no purpose; its subject may be anything. */
Test(tls, is_refused_by_a_client_when_its_certificate_is_not_for_servers)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	remove_tls_pair(&pair);
	make_flawed_pair(&pair, PAIR_WITHOUT_PURPOSE);
	start();
	REFUSED(get(&service.endpoint, pair.root_path, "/health", &answer, &fault),
		FAULT_UNVERIFIED, "expected the purpose serverAuth in it, found none");
}

Test(tls, is_refused_by_a_client_when_only_its_subject_has_the_name)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	remove_tls_pair(&pair);
	make_flawed_pair(&pair, PAIR_WITHOUT_NAME);
	start();
	REFUSED(get(&service.endpoint, pair.root_path, "/health", &answer, &fault),
		FAULT_UNVERIFIED, "not to be trusted");
}

Test(tls, shows_another_certificate_from_the_next_handshake_on)
{
	CLEANUP(clear_http_answer) struct http_answer before = {0};
	CLEANUP(clear_http_answer) struct http_answer kept = {0};
	CLEANUP(clear_http_answer) struct http_answer after = {0};
	struct http_client_settings own = {.roots = pair.root_path};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	struct tls_pair other;
	struct tls_material material;

	start();
	make_tls_pair(&other, 3600);
	own.endpoint = service.endpoint;
	OK(new_http_client(&own, &client, &fault));
	OK(exchange_http(client, "/health", NULL, (struct bytes){0}, 100, &before, &fault));
	material = material_of(&other);
	OK(set_tls_identity(&slot, &material, &fault));
	OK(exchange_http(client, "/health", NULL, (struct bytes){0}, 100, &kept, &fault));
	OK(get(&service.endpoint, other.root_path, "/health", &after, &fault));
	REFUSED(get(&service.endpoint, pair.root_path, "/health", &before, &fault),
		FAULT_UNVERIFIED, "not to be trusted");
	remove_tls_pair(&other);
}

Test(tls, keeps_the_old_identity_when_the_new_one_cannot_be_read)
{
	struct tls_material material;
	struct tls_identity *held;

	start();
	material = material_of(&pair);
	material.key_pem = bytes_of_string("no key");
	REFUSED(set_tls_identity(&slot, &material, &fault), FAULT_MALFORMED,
		"the server's private key: ");
	material = material_of(&pair);
	material.chain_pem = bytes_of_string("no certificate");
	REFUSED(set_tls_identity(&slot, &material, &fault), FAULT_MALFORMED,
		"the server's certificate: ");
	held = hold_tls_identity(&slot);
	cr_expect_not_null(held);
	release_tls_identity(&slot, &held);
}

Test(tls, needs_a_certificate)
{
	struct http_server *server = NULL;

	service.settings.tls = NULL;
	service.settings.routes = (const struct http_route[]){{0}};
	REFUSED(start_http_server(&service.settings, &server, &fault), FAULT_FAILED,
		"an https endpoint needs a certificate");
}

/* A handshake counts as the time before the first request. */
Test(tls, closes_a_connection_that_stops_within_its_handshake)
{
	static const uint8_t half[] = {0x16, 3, 1, 2, 0, 1};
	int connection;
	char octet;

	service.settings.patience_ms = 200;
	start();
	connection = connect_raw(&service.endpoint);
	(void)send_raw(connection, (struct bytes){half, sizeof(half)});
	cr_expect_leq(read(connection, &octet, 1), 0);
	close(connection);
	cr_expect(await_log(&service, "TLS handshake: it ended before it was complete: 127.0.0.1"));
}

/* libmicrohttpd looks for more when there is more, and not all the time. */
Test(tls, sleeps_while_a_handshake_waits_for_the_client)
{
	static const uint8_t half[] = {0x16, 3, 1, 2, 0, 1};
	enum { RECEPTIONS_MAX = 1000 };
	unsigned int before;
	int connection;
	char octet;

	service.settings.patience_ms = 500;
	start();
	before = atomic_load(&receptions);
	connection = connect_raw(&service.endpoint);
	(void)send_raw(connection, (struct bytes){half, sizeof(half)});
	cr_expect_leq(read(connection, &octet, 1), 0);
	close(connection);
	cr_expect_gt(atomic_load(&receptions), before);
	cr_expect_lt(atomic_load(&receptions) - before, RECEPTIONS_MAX);
}

/* In the plaintext that GnuTLS is about to encrypt. */
static int spoil(gnutls_session_t session, unsigned int type, unsigned int when,
		 unsigned int incoming, const gnutls_datum_t *message)
{
	(void)session;
	(void)type;
	(void)when;
	if (incoming == 0)
		((uint8_t *)(uintptr_t)message->data)[message->size - 1] ^= 1;
	return 0;
}

/* Who does not know the secrets of the handshake has made none. */
Test(tls, counts_a_handshake_whose_finished_is_wrong_among_the_failed)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	gnutls_certificate_credentials_t credentials = NULL;
	gnutls_session_t session = NULL;
	struct tls_counts counts;
	char octet;

	start();
	cr_assert_eq(gnutls_certificate_allocate_credentials(&credentials), 0);
	cr_assert_eq(gnutls_init(&session, GNUTLS_CLIENT), 0);
	cr_assert_eq(gnutls_set_default_priority(session), 0);
	cr_assert_eq(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), 0);
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_PRE,
					   spoil);
	gnutls_transport_set_int(session, connect_raw(&service.endpoint));
	gnutls_handshake_set_timeout(session, 20000);
	(void)gnutls_handshake(session);
	cr_expect_lt(gnutls_record_recv(session, &octet, 1), 0, "the server took it");
	cr_expect(await_log(&service, "TLS handshake: it ended before it was complete: 127.0.0.1"));
	(void)close(gnutls_transport_get_int(session));
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	OK(get(&service.endpoint, pair.root_path, "/health", &answer, &fault));
	counts = count_tls_handshakes(service.server);
	cr_expect_eq(counts.failed, 1);
	cr_expect_eq(counts.full, 1);
}
