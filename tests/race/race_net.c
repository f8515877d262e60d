/*
 * The HTTP server and its clients under the thread sanitizer, without TLS and with it: many clients
 * at once, clients that leave, also within a handshake, connections that are cut for being late,
 * certificates of the server that are replaced, and a server that stops meanwhile. Criterion aborts
 * under that sanitizer, so this is a program by itself. Exit status 0: all was answered.
 */
#include "common/base/workers.h"
#include "common/net/client/client.h"
#include "common/net/server.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 3, CLIENTS = 8, EXCHANGES = 100, CONNECTED = 10, ANSWER_MAX = 4096 };

static int answer_echo(const struct http_request *request, struct http_response *response,
		       void *context, struct fault *fault)
{
	(void)context;
	(void)fault;
	response->content_type = "text/plain";
	append_bytes(&response->body, request->body);
	return 0;
}

static int answer_fault(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	(void)request;
	(void)response;
	(void)context;
	return set_fault(fault, FAULT_UNDECRYPTABLE, "never to be read");
}

static const struct http_route routes[] = {
	{"POST", "/echo", "text/plain", ANSWER_MAX, answer_echo, WORK_SHORT, NULL, ROUTE_PRIVATE},
	{"POST", "/work", "text/plain", ANSWER_MAX, answer_echo, WORK_LONG, NULL, ROUTE_PRIVATE},
	{"POST", "/fault", "text/plain", ANSWER_MAX, answer_fault, WORK_LONG, NULL, ROUTE_PRIVATE},
	{0},
};

/* The server's certificate, which one of the clients replaces again and again. */
struct certified {
	struct tls_slot slot;
	struct buffer key;
	struct buffer certificate;
};

/* Opens a connection, says something that is no whole request, or no whole handshake, and leaves.
 */
static void leave_early(const struct endpoint *endpoint, bool stay)
{
	static const char request[] = "POST /work HTTP/1.1\r\nHost: a\r\n";
	static const char hello[] = "\x16\x03\x01\x02\x00\x01";
	const char *text = endpoint->secure ? hello : request;
	const size_t len = (endpoint->secure ? sizeof(hello) : sizeof(request)) - 1;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
	int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char octet;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(connection, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		(void)send(connection, text, len, MSG_NOSIGNAL);
		while (stay && recv(connection, &octet, 1, 0) > 0)
			;
	}
	(void)close(connection);
}

struct stop_context {
	struct http_server *server;
	struct endpoint endpoint;
	struct certified *certified; /* NULL: without TLS */
};

static int certify_by_gnutls(struct certified *certified, gnutls_x509_privkey_t key,
			     gnutls_x509_crt_t crt)
{
	static const char name[] = "CN=server";
	gnutls_datum_t pem;

	if (gnutls_x509_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, 0, 0) < 0 ||
	    gnutls_x509_crt_set_serial(crt, name, strlen(name)) < 0 ||
	    gnutls_x509_crt_set_dn(crt, name, NULL) < 0 || gnutls_x509_crt_set_key(crt, key) < 0 ||
	    gnutls_x509_crt_set_activation_time(crt, 0) < 0 ||
	    gnutls_x509_crt_set_expiration_time(crt, INT32_MAX) < 0 ||
	    gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA512, 0) < 0 ||
	    gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) < 0)
		return -1;
	append_bytes(&certified->certificate, (struct bytes){pem.data, pem.size});
	gnutls_free(pem.data);
	if (gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, 0, &pem) < 0)
		return -1;
	append_bytes(&certified->key, (struct bytes){pem.data, pem.size});
	gnutls_free(pem.data);
	return 0;
}

static int certify(struct certified *certified, struct fault *fault)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	int result = -1;

	init_tls_slot(&certified->slot);
	if (gnutls_x509_privkey_init(&key) == 0 && gnutls_x509_crt_init(&crt) == 0)
		result = certify_by_gnutls(certified, key, crt);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return result == 0 ? 0 : set_fault(fault, FAULT_FAILED, "GnuTLS makes no certificate");
}

static int replace_certificate(struct certified *certified, struct fault *fault)
{
	struct tls_material material = {.ocsp = bytes_of_string("it is not looked at"),
					.ocsp_until_s = INT32_MAX};

	if (certified == NULL)
		return 0;
	material.chain_pem = bytes_of_buffer(&certified->certificate);
	material.key_pem = bytes_of_buffer(&certified->key);
	return set_tls_identity(&certified->slot, &material, fault);
}

static int exchange_some(const struct stop_context *stop, size_t index, struct fault *fault)
{
	static const char *const paths[] = {"/echo", "/work", "/fault", "/none"};
	const struct http_client_settings settings = {.endpoint = stop->endpoint,
						      .unverified = true};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	if (new_http_client(&settings, &client, fault) < 0)
		return -1;
	for (size_t i = 0; i < CONNECTED; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		struct bytes body = bytes_of_string("a request");

		if (exchange_http(client, paths[(index + i) % COUNT_OF(paths)], "text/plain", body,
				  ANSWER_MAX, &answer, fault) < 0)
			return -1;
	}
	return 0;
}

static int exchange_often(size_t index, void *context, struct fault *fault)
{
	const struct stop_context *stop = context;

	for (size_t i = 0; i < EXCHANGES / CONNECTED; i++) {
		if (exchange_some(stop, index, fault) < 0 ||
		    replace_certificate(stop->certified, fault) < 0)
			return -1;
		leave_early(&stop->endpoint, false);
	}
	return 0;
}

/*
 * The first stays until the server cuts it for being late, and then stops the server while the
 * others ask. They need not be answered: they may be late themselves.
 */
static int exchange_until_stopped(size_t index, void *context, struct fault *fault)
{
	struct stop_context *stop = context;
	const struct stop_context asked = {.endpoint = stop->endpoint,
					   .certified = stop->certified};
	struct fault unanswered = {0};

	(void)fault;
	if (index == 0) {
		leave_early(&stop->endpoint, true);
		stop_http_server(&stop->server);
		return 0;
	}
	while (exchange_often(index, (void *)(uintptr_t)&asked, &unanswered) == 0)
		;
	return 0;
}

static void ignore_log(void *context, const char *method, const char *path, unsigned int status,
		       const char *text)
{
	(void)context;
	(void)method;
	(void)path;
	(void)status;
	(void)text;
}

static int start(unsigned int request_timeout_s, struct certified *certified,
		 struct stop_context *ret_stop, struct fault *fault)
{
	const struct http_server_settings settings = {
		.listen = {1, {{"127.0.0.1", 0, certified != NULL}}},
		.tls = certified != NULL ? &certified->slot : NULL,
		.routes = routes,
		.log = ignore_log,
		.request_timeout_s = request_timeout_s};

	if (replace_certificate(certified, fault) < 0 ||
	    start_http_server(&settings, &ret_stop->server, fault) < 0)
		return -1;
	ret_stop->endpoint = http_server_endpoints(ret_stop->server)->endpoints[0];
	ret_stop->certified = certified;
	return 0;
}

static int run_round(struct certified *certified, struct fault *fault)
{
	struct stop_context patient = {0};
	struct stop_context stop = {0};
	int answered;

	if (start(0, certified, &patient, fault) < 0)
		return -1;
	answered = run_tasks(CLIENTS, CLIENTS, exchange_often, &patient, fault);
	stop_http_server(&patient.server);
	if (answered < 0 || start(1, certified, &stop, fault) < 0)
		return -1;
	return run_tasks(CLIENTS, CLIENTS, exchange_until_stopped, &stop, fault);
}

static void clear_certified(struct certified *certified)
{
	clear_tls_slot(&certified->slot);
	clear_buffer(&certified->key);
	clear_buffer(&certified->certificate);
}

static int run_rounds(struct fault *fault)
{
	CLEANUP(clear_certified) struct certified certified = {0};

	if (certify(&certified, fault) < 0)
		return -1;
	for (unsigned int round = 0; round < ROUNDS; round++)
		if (run_round(NULL, fault) < 0 || run_round(&certified, fault) < 0)
			return prefix_fault(fault, "round %u", round);
	return 0;
}

int main(void)
{
	struct fault fault = {0};

	if (run_rounds(&fault) == 0)
		return 0;
	(void)fprintf(stderr, "race_net: %s\n", fault.text);
	return 1;
}
