/*
 * Orders certificates from a CA of certpool on this machine by ACME (RFC 8555), one after the other
 * over several connections that are kept, each with an account of its own, and prints one line of
 * JSON: how many, in which time, and how long one took. A certificate is three requests: newOrder,
 * finalize, and the certificate's download; its names are valid from policy, so that there is no
 * authorization to ask for. What a client computes is not the CA's rate: its requests are made
 * before, and its signatures are cheap ones (quick_signer.h).
 */
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/url.h"
#include "common/crypto/base64.h"
#include "common/crypto/json.h"
#include "tests/bench/parts/answer.h"
#include "tests/bench/parts/peer.h"
#include "tests/bench/parts/quantile.h"
#include "tests/bench/parts/quick_signer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLIENTS_MAX = 64,
	LINES_MAX = 1 << 30,
	CREDENTIALS_MAX = 4096,
	CHUNK = 16384,
	SILENCE_MS = 30000,
	NONCE_MAX = 64,
	US_PER_S = 1000000,
};

/* What all clients share. */
struct orders {
	struct peer_address address;
	struct peer_tls tls;
	char host[ENDPOINT_TEXT_SIZE]; /* with the port */
	json_t *credentials;
	struct buffer new_account;
	struct buffer new_order;
	struct buffer text; /* of the requests, each a line: its DNS name, a space, base64url */
	pthread_mutex_t lock;
	struct bytes rest; /* of the text: the requests that nobody has taken yet */
	uint32_t *took_us;
	size_t count;
};

struct client {
	struct orders *orders;
	pthread_t thread;
	struct peer peer;
	struct quick_signer signer;
	struct buffer account;  /* its URL; empty: none yet */
	char nonce[NONCE_MAX];  /* for the next request */
	struct answer answer;   /* the last one */
	struct buffer location; /* of the last answer; empty: it has none */
	struct fault fault;
};

/* --- one signed request --- */

static void append_jws(struct buffer *json, const struct buffer *protected,
		       const struct buffer *payload, const struct buffer *signature)
{
	append_format(json, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"",
		      (const char *)protected->data, (const char *)payload->data);
	append_base64url(json, bytes_of_buffer(signature));
	append_string(json, "\"}");
}

/* Encodes header and payload, and what is signed of them. */
static int encode_parts(const struct buffer *header, struct bytes payload,
			struct buffer *ret_protected, struct buffer *ret_payload,
			struct buffer *ret_input, struct fault *fault)
{
	append_base64url(ret_protected, bytes_of_buffer(header));
	append_string(ret_payload, "");
	append_base64url(ret_payload, payload);
	if (check_buffer(header, fault) < 0 || check_buffer(ret_protected, fault) < 0 ||
	    check_buffer(ret_payload, fault) < 0)
		return -1;
	append_format(ret_input, "%s.%s", (const char *)ret_protected->data,
		      (const char *)ret_payload->data);
	return check_buffer(ret_input, fault);
}

static int sign_request(const struct client *client, const char *url, struct bytes payload,
			struct buffer *ret_json, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer header = {0};
	CLEANUP(clear_buffer) struct buffer protected = {0};
	CLEANUP(clear_buffer) struct buffer encoded = {0};
	CLEANUP(clear_buffer) struct buffer input = {0};
	CLEANUP(clear_buffer) struct buffer signature = {0};

	append_format(&header, "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"%s\",", client->nonce,
		      url);
	if (client->account.len > 0)
		append_format(&header, "\"kid\":\"%s\"}", (const char *)client->account.data);
	else
		append_format(&header, "\"jwk\":%s}", (const char *)client->signer.jwk.data);
	if (encode_parts(&header, payload, &protected, &encoded, &input, fault) < 0)
		return -1;
	sign_quickly(&client->signer, bytes_of_buffer(&input), &signature);
	append_jws(ret_json, &protected, &encoded, &signature);
	return check_buffer(ret_json, fault);
}

static int receive_answer(struct client *client, struct fault *fault)
{
	struct answer *answer = &client->answer;
	struct pollfd polled = {.fd = client->peer.socket, .events = POLLIN};
	uint8_t chunk[CHUNK];

	reset_answer(answer);
	while (!is_answer_complete(answer, false)) {
		ssize_t len = receive_peer(&client->peer, chunk, sizeof(chunk));

		if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR) ||
		    (len < 0 && poll(&polled, 1, SILENCE_MS) == 0))
			return set_fault(fault, FAULT_UNREACHABLE,
					 "the server ended the connection, or said nothing for "
					 "%d ms",
					 SILENCE_MS);
		if (len > 0)
			append_bytes(&answer->text, (struct bytes){chunk, (size_t)len});
		if (check_buffer(&answer->text, fault) < 0)
			return -1;
	}
	return 0;
}

/* Copies a field of the answer's head; "" when it has none. */
static void copy_field(const struct answer *answer, const char *field, struct buffer *ret_value)
{
	struct bytes head = {answer->text.data, answer->head};
	const size_t len = strlen(field);

	ret_value->len = 0;
	append_string(ret_value, "");
	while (head.len > 0) {
		struct bytes line = cut_line(&head);

		if (line.len > len && memcmp(line.data, field, len) == 0)
			append_bytes(ret_value, (struct bytes){line.data + len, line.len - len});
	}
}

/* Posts a payload to a URL of the server, and fills client->answer. */
static int post(struct client *client, const char *url, struct bytes payload, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_buffer) struct buffer nonce = {0};
	const char *path = strchr(url + strlen("https://"), '/');

	if (path == NULL)
		return set_fault(fault, FAULT_MALFORMED, "expected a URL, found \"%s\"", url);
	if (sign_request(client, url, payload, &body, fault) < 0)
		return -1;
	append_format(&request,
		      "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/jose+json\r\n"
		      "Content-Length: %zu\r\n\r\n%s",
		      path, client->orders->host, body.len, (const char *)body.data);
	if (check_buffer(&request, fault) < 0)
		return -1;
	if (!send_peer(&client->peer, bytes_of_buffer(&request)))
		return set_fault(fault, FAULT_UNREACHABLE, "the server ended the connection");
	if (receive_answer(client, fault) < 0)
		return -1;
	copy_field(&client->answer, "Location: ", &client->location);
	copy_field(&client->answer, "Replay-Nonce: ", &nonce);
	if (check_buffer(&client->location, fault) < 0 || check_buffer(&nonce, fault) < 0)
		return -1;
	(void)snprintf(client->nonce, sizeof(client->nonce), "%s", (const char *)nonce.data);
	return 0;
}

static const char *answer_body(const struct client *client)
{
	return (const char *)client->answer.text.data + client->answer.head;
}

static int expect_status(const struct client *client, unsigned int status, struct fault *fault)
{
	if (client->answer.status == status)
		return 0;
	return set_fault(fault, FAULT_FAILED, "expected the status %u, found %u: %.300s", status,
			 client->answer.status, answer_body(client));
}

/* Copies a URL that the answer has. */
static int copy_url(const struct client *client, const char *member, struct buffer *ret_url,
		    struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	const char *url;

	if (parse_json_object(bytes_of_string(answer_body(client)), "answer", &object, fault) < 0)
		return -1;
	url = get_string(object, member);
	if (url == NULL)
		return set_fault(fault, FAULT_MALFORMED, "expected \"%s\", found: %.300s", member,
				 answer_body(client));
	append_string(ret_url, url);
	return check_buffer(ret_url, fault);
}

/* --- accounts --- */

/* RFC 8555 section 7.3.4. */
static int format_binding(const struct client *client, struct buffer *ret_json, struct fault *fault)
{
	const json_t *credentials = client->orders->credentials;
	CLEANUP(clear_buffer) struct buffer key = {0};
	CLEANUP(clear_buffer) struct buffer header = {0};
	CLEANUP(clear_buffer) struct buffer protected = {0};
	CLEANUP(clear_buffer) struct buffer payload = {0};
	CLEANUP(clear_buffer) struct buffer input = {0};
	CLEANUP(clear_buffer) struct buffer signature = {0};
	uint8_t mac[SHA256_LEN];

	append_format(&header, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"url\":\"%s\"}",
		      get_string(credentials, "kid"),
		      (const char *)client->orders->new_account.data);
	if (decode_base64url(bytes_of_string(get_string(credentials, "hmac")), &key, fault) < 0 ||
	    encode_parts(&header, bytes_of_buffer(&client->signer.jwk), &protected, &payload,
			 &input, fault) < 0)
		return -1;
	if (key.len != SHA256_LEN)
		return set_fault(fault, FAULT_USAGE, "hmac: expected %d octets", SHA256_LEN);
	hmac_sha256(key.data, bytes_of_buffer(&input), mac);
	append_bytes(&signature, (struct bytes){mac, sizeof(mac)});
	append_jws(ret_json, &protected, &payload, &signature);
	return check_buffer(ret_json, fault);
}

/* The first request has no nonce of the server's, and is answered with one. */
static int make_account(struct client *client, struct fault *fault)
{
	const char *url = (const char *)client->orders->new_account.data;
	CLEANUP(clear_buffer) struct buffer payload = {0};

	append_string(&payload, "{\"termsOfServiceAgreed\":true,\"externalAccountBinding\":");
	if (format_binding(client, &payload, fault) < 0)
		return -1;
	append_string(&payload, "}");
	if (post(client, url, bytes_of_buffer(&payload), fault) < 0 ||
	    expect_status(client, 400, fault) < 0 ||
	    post(client, url, bytes_of_buffer(&payload), fault) < 0 ||
	    expect_status(client, 201, fault) < 0)
		return -1;
	client->account = take_buffer(&client->location);
	return 0;
}

static int open_client(struct orders *orders, struct client *client, struct fault *fault)
{
	struct pollfd polled = {.events = POLLIN};

	*client = (struct client){.orders = orders, .nonce = "none"};
	client->peer = (struct peer){.socket = -1, .tls = &orders->tls};
	if (init_quick_signer(&client->signer, fault) < 0)
		return -1;
	if (!open_peer(&client->peer, &orders->address))
		return set_errno_fault(fault, "the server cannot be reached");
	polled.fd = client->peer.socket;
	while (client->peer.shakes)
		if (poll(&polled, 1, SILENCE_MS) == 0 || !shake_peer(&client->peer))
			return set_fault(fault, FAULT_FAILED, "a handshake failed");
	return make_account(client, fault);
}

static void clear_client(struct client *client)
{
	clear_peer(&client->peer);
	if (client->signer.jwk.len > 0)
		clear_quick_signer(&client->signer);
	clear_buffer(&client->account);
	clear_buffer(&client->answer.text);
	clear_buffer(&client->location);
}

/* --- orders --- */

/* The certificate for a name and a request, in base64url. */
static int order_certificate(struct client *client, struct bytes name, struct bytes request,
			     struct fault *fault)
{
	const struct orders *orders = client->orders;
	CLEANUP(clear_buffer) struct buffer finalize = {0};
	CLEANUP(clear_buffer) struct buffer certificate = {0};
	CLEANUP(clear_buffer) struct buffer order = {0};
	CLEANUP(clear_buffer) struct buffer payload = {0};
	static const char pem[] = "-----BEGIN CERTIFICATE-----\n";

	append_format(&order, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%.*s\"}]}",
		      (int)name.len, (const char *)name.data);
	if (check_buffer(&order, fault) < 0 ||
	    post(client, (const char *)orders->new_order.data, bytes_of_buffer(&order), fault) <
		    0 ||
	    expect_status(client, 201, fault) < 0 ||
	    copy_url(client, "finalize", &finalize, fault) < 0)
		return -1;
	append_format(&payload, "{\"csr\":\"%.*s\"}", (int)request.len, (const char *)request.data);
	if (check_buffer(&payload, fault) < 0 ||
	    post(client, (const char *)finalize.data, bytes_of_buffer(&payload), fault) < 0 ||
	    expect_status(client, 200, fault) < 0 ||
	    copy_url(client, "certificate", &certificate, fault) < 0 ||
	    post(client, (const char *)certificate.data, (struct bytes){0}, fault) < 0 ||
	    expect_status(client, 200, fault) < 0)
		return -1;
	return strncmp(answer_body(client), pem, strlen(pem)) == 0
		       ? 0
		       : set_fault(fault, FAULT_FAILED, "expected a certificate, found %.300s",
				   answer_body(client));
}

static bool take_request(struct orders *orders, struct bytes *ret_name, struct bytes *ret_request)
{
	const uint8_t *space;
	struct bytes line = {0};

	pthread_mutex_lock(&orders->lock);
	if (orders->rest.len > 0)
		line = cut_line(&orders->rest);
	pthread_mutex_unlock(&orders->lock);
	space = line.len > 0 ? memchr(line.data, ' ', line.len) : NULL;
	if (space == NULL)
		return false;
	*ret_name = (struct bytes){line.data, (size_t)(space - line.data)};
	*ret_request = (struct bytes){space + 1, line.len - ret_name->len - 1};
	return true;
}

static void *run_client(void *argument)
{
	struct client *client = argument;
	struct orders *orders = client->orders;
	struct bytes name;
	struct bytes request;

	while (take_request(orders, &name, &request)) {
		const int64_t begun_us = read_stopwatch_us();

		if (order_certificate(client, name, request, &client->fault) < 0)
			break;
		pthread_mutex_lock(&orders->lock);
		orders->took_us[orders->count++] = (uint32_t)(read_stopwatch_us() - begun_us);
		pthread_mutex_unlock(&orders->lock);
	}
	return NULL;
}

static int run_clients(struct orders *orders, struct client *clients, size_t count,
		       struct fault *fault)
{
	const int64_t begun_us = read_stopwatch_us();
	size_t started = 0;
	double seconds;

	while (started < count &&
	       pthread_create(&clients[started].thread, NULL, run_client, &clients[started]) == 0)
		started++;
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(clients[i].thread, NULL);
	seconds = (double)(read_stopwatch_us() - begun_us) / US_PER_S;
	for (size_t i = 0; i < count; i++)
		if (clients[i].fault.class != FAULT_NONE)
			return pass_fault(&clients[i].fault, fault);
	if (started < count)
		return set_fault(fault, FAULT_FAILED, "cannot start a thread");
	sort_times(orders->took_us, orders->count);
	printf("{\"requests\":%zu,\"seconds\":%.3f,\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}"
	       "\n",
	       orders->count, seconds, (double)orders->count / seconds,
	       quantile_ms(orders->took_us, orders->count, 0.5),
	       quantile_ms(orders->took_us, orders->count, 0.99));
	return 0;
}

/* --- what the program is told --- */

static int read_credentials(struct orders *orders, const char *path, struct endpoint *ret_endpoint,
			    struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	char url_path[URL_PATH_SIZE];
	char endpoint[ENDPOINT_TEXT_SIZE];
	const char *directory;
	int len;

	if (read_file(AT_FDCWD, path, CREDENTIALS_MAX, &text, fault) < 0 ||
	    parse_json_object(bytes_of_buffer(&text), path, &orders->credentials, fault) < 0)
		return -1;
	directory = get_string(orders->credentials, "directory");
	if (directory == NULL || get_string(orders->credentials, "kid") == NULL ||
	    get_string(orders->credentials, "hmac") == NULL)
		return set_fault(fault, FAULT_USAGE, "%s: expected directory, kid and hmac", path);
	if (parse_url(directory, ret_endpoint, url_path, fault) < 0)
		return -1;
	format_endpoint(ret_endpoint, endpoint);
	(void)snprintf(orders->host, sizeof(orders->host), "%s", strstr(endpoint, "//") + 2);
	len = (int)(strrchr(directory, '/') - directory);
	append_format(&orders->new_account, "%.*s/new-account", len, directory);
	append_format(&orders->new_order, "%.*s/new-order", len, directory);
	if (check_buffer(&orders->new_account, fault) < 0)
		return -1;
	return check_buffer(&orders->new_order, fault);
}

static int read_requests(struct orders *orders, const char *path, struct fault *fault)
{
	size_t count = 0;

	if (read_file(AT_FDCWD, path, LINES_MAX, &orders->text, fault) < 0)
		return -1;
	orders->rest = bytes_of_buffer(&orders->text);
	for (size_t i = 0; i < orders->rest.len; i++)
		count += orders->rest.data[i] == '\n';
	orders->took_us = calloc(count + 1, sizeof(*orders->took_us));
	return orders->took_us != NULL ? 0 : set_memory_fault(fault);
}

static void clear_orders(struct orders *orders)
{
	clear_peer_tls(&orders->tls);
	free_json(&orders->credentials);
	clear_buffer(&orders->new_account);
	clear_buffer(&orders->new_order);
	clear_buffer(&orders->text);
	free(orders->took_us);
}

static int order_certificates(char **arguments, size_t count, struct fault *fault)
{
	static struct client clients[CLIENTS_MAX];
	CLEANUP(clear_orders) struct orders orders = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct endpoint endpoint;
	size_t opened = 0;
	int result;

	if (read_credentials(&orders, arguments[2], &endpoint, fault) < 0 ||
	    find_peer_address(&endpoint, &orders.address, fault) < 0 ||
	    init_peer_tls(&orders.tls, arguments[1], endpoint.host, fault) < 0 ||
	    read_requests(&orders, arguments[3], fault) < 0)
		return -1;
	do
		result = open_client(&orders, &clients[opened], fault);
	while (++opened < count && result == 0);
	if (result == 0)
		result = run_clients(&orders, clients, count, fault);
	for (size_t i = 0; i < opened; i++)
		clear_client(&clients[i]);
	return result;
}

int main(int count, char **arguments)
{
	struct fault fault = {0};
	unsigned long clients = count == 5 ? strtoul(arguments[4], NULL, 10) : 0;

	if (clients == 0 || clients > CLIENTS_MAX) {
		(void)fputs(
			"usage: acme_orders ROOTS CREDENTIALS REQUESTS CLIENTS\n"
			"CREDENTIALS: as `certpool client acme --json` prints them; REQUESTS: in "
			"each line\na DNS name, a space, and a request for a certificate in "
			"base64url.\n",
			stderr);
		return 2;
	}
	if (order_certificates(arguments, clients, &fault) == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "acme_orders: %s\n", fault.text);
	return EXIT_FAILURE;
}
