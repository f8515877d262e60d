#include "common/net/client/client.h"

#include "common/net/client/libcurl.h"
#include "common/net/http.h"
#include "common/net/problem.h"
#include "common/net/tls_identity.h"

#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_TIMEOUT_MS = 5000,
	TIMEOUT_MS = 60000,
	POLL_MS = 1000,
	FIELD_SIZE = 160,
	HTTP_OK = 200
};

struct http_client {
	const struct libcurl *libcurl;
	CURL *curl;
	CURLM *multi; /* of a client that can be cancelled; else NULL */
	atomic_bool cancelled;
	char host[HOST_SIZE];
	char endpoint[ENDPOINT_TEXT_SIZE];
	char error[CURL_ERROR_SIZE];
	const char *server_problem; /* of a server that libcurl takes; NULL: none */
	struct buffer known;        /* the certificate of a server that was taken */
};

/* An answer while it is received. */
struct reception {
	struct buffer body;
	size_t max;
	bool too_large;
	bool begun; /* a line of the head has come */
	bool head_complete;
};

static size_t receive_piece(char *data, size_t unit, size_t count, void *context)
{
	struct reception *reception = context;
	size_t len = unit * count;

	reception->too_large = len > reception->max - reception->body.len;
	if (reception->too_large)
		return 0;
	append_bytes(&reception->body, (struct bytes){(const uint8_t *)data, len});
	return reception->body.failed ? 0 : len;
}

/* Notes the end of the head: libcurl reports success when a connection ends within the head. */
static size_t receive_field(char *data, size_t unit, size_t count, void *context)
{
	struct reception *reception = context;
	size_t len = unit * count;

	reception->begun = true;
	/* An answer may have several heads, 100 Continue's first, and fields after a chunked body.
	 */
	if (len > 4 && memcmp(data, "HTTP", 4) == 0)
		reception->head_complete = false;
	else if (data[0] == '\r' || data[0] == '\n')
		reception->head_complete = true;
	return len;
}

/* An option of libcurl, which takes text or a number. */
struct curl_setting {
	CURLoption option;
	const char *name;
	const char *text;
	long number;
};

#define TEXT_OF(option, text)                                                                      \
	{                                                                                          \
		option, #option, text, 0                                                           \
	}
#define NUMBER_OF(option, number)                                                                  \
	{                                                                                          \
		option, #option, NULL, number                                                      \
	}

static int set_option_fault(const struct http_client *client, const char *option, CURLcode code,
			    struct fault *fault)
{
	return set_fault(fault, FAULT_FAILED, "libcurl refuses the option %s: %s", option,
			 client->libcurl->easy_strerror(code));
}

static int set_options(const struct http_client *client, const struct curl_setting *options,
		       size_t count, struct fault *fault)
{
	const struct libcurl *libcurl = client->libcurl;

	for (size_t i = 0; i < count; i++) {
		const struct curl_setting *each = &options[i];
		CURLcode code =
			(int)each->option < CURLOPTTYPE_OBJECTPOINT
				? libcurl->easy_setopt(client->curl, each->option, each->number)
				: libcurl->easy_setopt(client->curl, each->option, each->text);

		if (code != CURLE_OK)
			return set_option_fault(client, each->name, code, fault);
	}
	return 0;
}

/* Before each request: libcurl looks neither at the purpose of a certificate nor whether the name
   is in its subject alone. */
static int check_server(void *context, char *address, char *own, int port, int own_port)
{
	struct http_client *client = context;
	const struct curl_tlssessioninfo *tls = NULL;

	(void)address;
	(void)own;
	(void)port;
	(void)own_port;
	if (client->libcurl->easy_getinfo(client->curl, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK ||
	    tls == NULL || tls->backend != CURLSSLBACKEND_GNUTLS || tls->internals == NULL)
		client->server_problem = "libcurl does not show it";
	else
		client->server_problem =
			find_server_problem(tls->internals, client->host, &client->known);
	return client->server_problem == NULL ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* libcurl trusts the system's folder of roots besides the file, unless it is told not to. */
static int configure_tls(struct http_client *client, const struct http_client_settings *settings,
			 struct fault *fault)
{
	const struct libcurl *libcurl = client->libcurl;
	CURL *curl = client->curl;
	char endpoint[ENDPOINT_TEXT_SIZE];
	const struct curl_setting options[] = {
		TEXT_OF(CURLOPT_CAPATH, NULL),
		TEXT_OF(CURLOPT_CAINFO, settings->roots),
		NUMBER_OF(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_3),
		NUMBER_OF(CURLOPT_SSL_VERIFYPEER, settings->unverified ? 0 : 1),
		NUMBER_OF(CURLOPT_SSL_VERIFYHOST, settings->unverified ? 0 : 2),
	};

	format_endpoint(&settings->endpoint, endpoint);
	if (settings->roots == NULL && !settings->unverified)
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected a root to verify the server's certificate with, "
				 "found none",
				 endpoint);
	if (!settings->unverified &&
	    (libcurl->easy_setopt(curl, CURLOPT_PREREQFUNCTION, check_server) != CURLE_OK ||
	     libcurl->easy_setopt(curl, CURLOPT_PREREQDATA, client) != CURLE_OK))
		return set_option_fault(client, "CURLOPT_PREREQFUNCTION", CURLE_UNKNOWN_OPTION,
					fault);
	return set_options(client, options, COUNT_OF(options), fault);
}

/* Sets the options that hold for every request. */
static int configure(struct http_client *client, const struct http_client_settings *settings,
		     struct fault *fault)
{
	long connect_ms = settings->connect_timeout_ms;
	long all_ms = settings->timeout_ms;
	const struct curl_setting options[] = {
		TEXT_OF(CURLOPT_PROTOCOLS_STR, settings->endpoint.secure ? "https" : "http"),
		TEXT_OF(CURLOPT_PROXY, ""),
		TEXT_OF(CURLOPT_NOPROXY, "*"),
		TEXT_OF(CURLOPT_USERAGENT, "certpool"),
		TEXT_OF(CURLOPT_ERRORBUFFER, client->error),
		NUMBER_OF(CURLOPT_NOSIGNAL, 1),
		NUMBER_OF(CURLOPT_FOLLOWLOCATION, 0),
		NUMBER_OF(CURLOPT_TCP_NODELAY, 1),
		NUMBER_OF(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1),
		NUMBER_OF(CURLOPT_HTTP09_ALLOWED, 0),
		NUMBER_OF(CURLOPT_PATH_AS_IS, 1),
		NUMBER_OF(CURLOPT_CONNECTTIMEOUT_MS,
			  connect_ms > 0 ? connect_ms : CONNECT_TIMEOUT_MS),
		NUMBER_OF(CURLOPT_TIMEOUT_MS, all_ms > 0 ? all_ms : TIMEOUT_MS),
	};
	const struct libcurl *libcurl = client->libcurl;
	CURL *curl = client->curl;
	CURLcode code;

	if (set_options(client, options, COUNT_OF(options), fault) < 0)
		return -1;
	code = libcurl->easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_piece);
	if (code != CURLE_OK)
		return set_option_fault(client, "CURLOPT_WRITEFUNCTION", code, fault);
	code = libcurl->easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_field);
	if (code != CURLE_OK)
		return set_option_fault(client, "CURLOPT_HEADERFUNCTION", code, fault);
	return settings->endpoint.secure ? configure_tls(client, settings, fault) : 0;
}

int new_http_client(const struct http_client_settings *settings, struct http_client **ret_client,
		    struct fault *fault)
{
	CLEANUP(free_http_client) struct http_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return set_memory_fault(fault);
	if (load_libcurl(&client->libcurl, fault) < 0)
		return -1;
	client->curl = client->libcurl->easy_init();
	if (client->curl == NULL)
		return set_fault(fault, FAULT_FAILED, "libcurl gives no handle for a connection");
	client->multi = settings->cancellable ? client->libcurl->multi_init() : NULL;
	if (settings->cancellable && client->multi == NULL)
		return set_memory_fault(fault);
	(void)snprintf(client->host, sizeof(client->host), "%s", settings->endpoint.host);
	if (configure(client, settings, fault) < 0)
		return -1;
	format_endpoint(&settings->endpoint, client->endpoint);
	*ret_client = TAKE(client);
	return 0;
}

void free_http_client(struct http_client **pointer)
{
	struct http_client *client = TAKE(*pointer);

	if (client == NULL)
		return;
	if (client->curl != NULL)
		client->libcurl->easy_cleanup(client->curl);
	if (client->multi != NULL)
		(void)client->libcurl->multi_cleanup(client->multi);
	clear_buffer(&client->known);
	free(client);
}

void cancel_http_client(struct http_client *client)
{
	atomic_store(&client->cancelled, true);
	if (client->multi != NULL)
		(void)client->libcurl->multi_wakeup(client->multi);
}

/* The fields of a request's head. */
struct request_fields {
	const struct libcurl *libcurl;
	struct curl_slist *list;
};

static void clear_fields(struct request_fields *fields)
{
	fields->libcurl->slist_free_all(fields->list);
	fields->list = NULL;
}

/* False without memory. */
static bool add_field(struct request_fields *fields, const char *field)
{
	struct curl_slist *longer = fields->libcurl->slist_append(fields->list, field);

	if (longer != NULL)
		fields->list = longer;
	return longer != NULL;
}

/* Those of a POST. Without "Expect:" libcurl would wait a second before a large body. */
static bool add_fields(struct request_fields *fields, const char *content_type)
{
	char field[FIELD_SIZE];

	(void)snprintf(field, sizeof(field), "Content-Type: %s", content_type);
	return add_field(fields, "Expect:") && add_field(fields, field);
}

static bool set_request(const struct http_client *client, const char *url,
			const struct request_fields *fields, struct bytes body,
			struct reception *reception)
{
	const struct libcurl *libcurl = client->libcurl;
	CURL *curl = client->curl;
	bool done = libcurl->easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
		    libcurl->easy_setopt(curl, CURLOPT_HTTPHEADER, fields->list) == CURLE_OK &&
		    libcurl->easy_setopt(curl, CURLOPT_WRITEDATA, reception) == CURLE_OK &&
		    libcurl->easy_setopt(curl, CURLOPT_HEADERDATA, reception) == CURLE_OK;

	if (body.data == NULL)
		return done && libcurl->easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK;
	return done && libcurl->easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) ==
		       CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)body.data) == CURLE_OK;
}

/* A failure of libcurl in plain words, and the remedy. */
struct explanation {
	CURLcode code;
	const char *problem;
	const char *remedy;
};

static const struct explanation *explain(CURLcode code)
{
	static const char no_http[] = "the server there does not speak HTTP";
	static const char check_port[] = "check the port of the endpoint in the manifest";
	static const struct explanation explanations[] = {
		{CURLE_COULDNT_CONNECT, "nobody listens there",
		 "start the server, or check the endpoint in the manifest"},
		{CURLE_COULDNT_RESOLVE_HOST, "the host has no address",
		 "check the endpoint in the manifest"},
		{CURLE_OPERATION_TIMEDOUT, "no answer in time",
		 "try again, or see whether the server is overloaded"},
		{CURLE_ABORTED_BY_CALLBACK, "this process stops and waits no longer", "try again"},
		{CURLE_UNSUPPORTED_PROTOCOL, no_http, check_port},
		{CURLE_WEIRD_SERVER_REPLY, no_http, check_port},
		{CURLE_SSL_CONNECT_ERROR, "there is no TLS 1.3 with the server",
		 "check whether the endpoint is http:// or https://, and its port"},
		{CURLE_PEER_FAILED_VERIFICATION, "the server's certificate is not to be trusted",
		 "check the endpoint's name and this host's clock, and whether the server's root "
		 "is the one that is pinned here"},
		{CURLE_OK, "the connection was lost before the whole answer came", "try again"},
	};
	const struct explanation *each = explanations;

	while (each->code != CURLE_OK && each->code != code)
		each++;
	return each;
}

/*
 * Whether a server closed the connection before it answered, as one does that has too many of them,
 * or that stops. A request that was sent may have been acted on: to ask again is safe, since a
 * public key is certified once, and a message taken once.
 */
static bool is_turned_away(const struct http_client *client, CURLcode code,
			   const struct reception *reception)
{
	if (code == CURLE_SSL_CONNECT_ERROR)
		return strstr(client->error, gnutls_strerror(GNUTLS_E_PREMATURE_TERMINATION)) !=
			       NULL ||
		       strstr(client->error, gnutls_strerror(GNUTLS_E_PULL_ERROR)) != NULL ||
		       strstr(client->error, gnutls_strerror(GNUTLS_E_PUSH_ERROR)) != NULL;
	return !reception->begun &&
	       (code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR);
}

/* GnuTLS's reasons not to take a certificate, which libcurl leaves out. */
static int report_certificate(const struct http_client *client, const char *url, const char *reason,
			      struct fault *fault)
{
	const struct explanation *explanation = explain(CURLE_PEER_FAILED_VERIFICATION);
	gnutls_datum_t text = {0};
	long result = 0;

	(void)client->libcurl->easy_getinfo(client->curl, CURLINFO_SSL_VERIFYRESULT, &result);
	if (result != 0 && gnutls_certificate_verification_status_print(
				   (unsigned int)result, GNUTLS_CRT_X509, &text, 0) == 0)
		reason = (const char *)text.data;
	(void)set_fault(fault, FAULT_UNVERIFIED, "%s: %s (%s): %s", url, explanation->problem,
			reason, explanation->remedy);
	gnutls_free(text.data);
	return -1;
}

static int report_failure(const struct http_client *client, const char *url, CURLcode code,
			  const struct reception *reception, struct fault *fault)
{
	const struct explanation *explanation = explain(code);
	char buffer[128];
	const char *reason =
		client->error[0] != '\0' ? client->error : client->libcurl->easy_strerror(code);
	long number = 0;

	if (reception->too_large)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: the answer is larger than the %zu octets expected", url,
				 reception->max);
	if (reception->body.failed)
		return set_memory_fault(fault);
	if (client->server_problem != NULL)
		reason = client->server_problem;
	if (client->server_problem != NULL || code == CURLE_PEER_FAILED_VERIFICATION)
		return report_certificate(client, url, reason, fault);
	if (is_turned_away(client, code, reception))
		return set_fault(fault, FAULT_BUSY,
				 "%s: the connection was closed before an answer (%s): the server "
				 "may have too many: try again later",
				 url, reason);
	(void)client->libcurl->easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
	if (code == CURLE_COULDNT_CONNECT && number != 0)
		reason = strerror_r((int)number, buffer, sizeof(buffer));
	return set_fault(fault, FAULT_UNREACHABLE, "%s: %s (%s): %s", url, explanation->problem,
			 reason, explanation->remedy);
}

static void clear_reception(struct reception *reception)
{
	clear_buffer(&reception->body);
}

static void take_answer(const struct http_client *client, struct reception *reception,
			struct http_answer *ret_answer)
{
	const char *content_type = NULL;
	long status = 0;

	(void)client->libcurl->easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	(void)client->libcurl->easy_getinfo(client->curl, CURLINFO_CONTENT_TYPE, &content_type);
	ret_answer->status = (unsigned int)status;
	parse_media_type(content_type, ret_answer->content_type);
	ret_answer->body = take_buffer(&reception->body);
}

/* The result of the only transfer, which has ended. */
static CURLcode read_result(const struct http_client *client)
{
	int left;
	const CURLMsg *message = client->libcurl->multi_info_read(client->multi, &left);

	return message != NULL ? message->data.result : CURLE_FAILED_INIT;
}

/* As curl_easy_perform, and ends early when the client is cancelled. */
static CURLcode perform_cancellable(struct http_client *client)
{
	CURLMcode code = client->libcurl->multi_add_handle(client->multi, client->curl);
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	int running = 1;

	while (code == CURLM_OK && running > 0 && !atomic_load(&client->cancelled)) {
		code = client->libcurl->multi_perform(client->multi, &running);
		if (code == CURLM_OK && running > 0)
			code = client->libcurl->multi_poll(client->multi, NULL, 0, POLL_MS, NULL);
	}
	if (code != CURLM_OK)
		result = code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
	else if (running == 0)
		result = read_result(client);
	(void)client->libcurl->multi_remove_handle(client->multi, client->curl);
	return result;
}

int exchange_http(struct http_client *client, const char *path, const char *content_type,
		  struct bytes body, size_t answer_max, struct http_answer *ret_answer,
		  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer url = {0};
	CLEANUP(clear_fields) struct request_fields fields = {client->libcurl, NULL};
	CLEANUP(clear_reception) struct reception reception = {.max = answer_max};
	CURLcode code;

	append_format(&url, "%s%s", client->endpoint, path);
	if (check_buffer(&url, fault) < 0)
		return -1;
	if ((body.data != NULL && !add_fields(&fields, content_type)) ||
	    !set_request(client, (const char *)url.data, &fields, body, &reception))
		return set_memory_fault(fault);
	client->error[0] = '\0';
	client->server_problem = NULL;
	code = client->multi != NULL ? perform_cancellable(client)
				     : client->libcurl->easy_perform(client->curl);
	/* The list and the body end with this function. */
	(void)client->libcurl->easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
	(void)client->libcurl->easy_setopt(client->curl, CURLOPT_POSTFIELDS, NULL);
	if (code == CURLE_OK && !reception.head_complete)
		code = CURLE_PARTIAL_FILE;
	if (code != CURLE_OK)
		return report_failure(client, (const char *)url.data, code, &reception, fault);
	take_answer(client, &reception, ret_answer);
	return 0;
}

int check_http_answer(const struct http_client *client, const char *path,
		      const struct http_answer *answer, const char *content_type,
		      struct fault *fault)
{
	char detail[FAULT_TEXT_SIZE];

	if (answer->status == HTTP_OK && strcmp(answer->content_type, content_type) == 0)
		return 0;
	if (answer->status == HTTP_OK)
		return set_fault(fault, FAULT_UNREACHABLE,
				 "%s%s: expected an answer of type %s, found %s: check the "
				 "endpoint in the manifest",
				 client->endpoint, path, content_type,
				 answer->content_type[0] != '\0' ? answer->content_type : "none");
	if (strcmp(answer->content_type, CONTENT_PROBLEM) == 0 &&
	    parse_problem(bytes_of_buffer(&answer->body), detail))
		return set_fault(fault, class_of_http_status(answer->status),
				 "%s%s: answered %u: %s", client->endpoint, path, answer->status,
				 detail);
	return set_fault(fault, class_of_http_status(answer->status),
			 "%s%s: answered %u without a problem detail: expected 200 and %s",
			 client->endpoint, path, answer->status, content_type);
}

void clear_http_answer(struct http_answer *answer)
{
	clear_buffer(&answer->body);
	*answer = (struct http_answer){0};
}
