#include "common/ca/acme/validator.h"

#include "common/base/clock.h"
#include "common/base/work_queue.h"
#include "common/net/fetch/fetch.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHALLENGE_PATH "/.well-known/acme-challenge/"

enum {
	VALIDATORS = 8,
	WAITING_MAX = 1024,
	WAITING_OF_CLIENT = ACME_NAMES_MAX, /* of an order's, all at once */
	FETCH_TIMEOUT_MS = 10000,
	PAGE_MAX = 65536,
	RETRY_US = 500000,
	/* From its submission on an outcome may be recorded: nobody begins the challenge again
	   before VALIDATION_MAX_S. */
	RECORDED_WITHIN_US = (VALIDATION_MAX_S - 5) * 1000000,
};

struct validator {
	struct acme_settings settings;
	struct work_queue *queue;
	atomic_bool ending;
};

/* One in the queue. */
struct pending_validation {
	struct validator *validator;
	struct validation validation;
	int64_t submitted_us; /* read_stopwatch_us */
};

int new_validator(const struct acme_settings *settings, struct validator **ret_validator,
		  struct fault *fault)
{
	static const struct work_queue_limits limits = {
		.workers = VALIDATORS, .most = WAITING_MAX, .most_of_owner = WAITING_OF_CLIENT};
	CLEANUP(free_validator) struct validator *validator = calloc(1, sizeof(*validator));

	if (validator == NULL)
		return set_memory_fault(fault);
	validator->settings = *settings;
	if (new_work_queue(&limits, &validator->queue, fault) < 0)
		return -1;
	*ret_validator = TAKE(validator);
	return 0;
}

void free_validator(struct validator **pointer)
{
	struct validator *validator = TAKE(*pointer);

	if (validator == NULL)
		return;
	atomic_store(&validator->ending, true);
	free_work_queue(&validator->queue);
	free(validator);
}

bool is_key_authorization(struct bytes page, const char *key_authorization)
{
	while (page.len > 0 && strchr(" \t\r\n", page.data[page.len - 1]) != NULL &&
	       page.data[page.len - 1] != '\0')
		page.len--;
	return equal_bytes(page, bytes_of_string(key_authorization));
}

/* The error of a host that could not be asked (RFC 8555 section 6.7). */
static const char *name_failure(enum fault_class class)
{
	return class == FAULT_NOT_FOUND     ? "dns"
	       : class == FAULT_UNREACHABLE ? "connection"
					    : "incorrectResponse";
}

/* A CA that is reached at its own host alone has its clients there. One with a proxy before it,
   whose URL the manifest has, is reached from elsewhere. */
static bool has_own_clients(const struct ca_node *ca)
{
	const char *host = ca->endpoint.host;
	struct in_addr ipv4;

	if (ca->acme_url != NULL)
		return false;
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       (inet_pton(AF_INET, host, &ipv4) == 1 && ntohl(ipv4.s_addr) >> 24 == 127);
}

/* Fills *problem, unless the host shows what it should. -1: the CA failed. */
static int ask_host(const struct validator *validator, const struct validation *validation,
		    struct refusal *problem, struct fault *fault)
{
	const struct ca_node *ca = authority_ca(validator->settings.authority);
	char path[sizeof(CHALLENGE_PATH) + CHALLENGE_TOKEN_SIZE];
	const struct fetch fetch = {
		.host = strchr(validation->name, ':') + 1,
		.port = (uint16_t)ca->acme_http_port,
		.path = path,
		.own_host = has_own_clients(ca),
		.max = PAGE_MAX,
		.timeout_ms = FETCH_TIMEOUT_MS,
		.cancelled = &validator->ending,
	};
	CLEANUP(clear_buffer) struct buffer page = {0};
	struct fault failure = {0};

	(void)snprintf(path, sizeof(path), CHALLENGE_PATH "%.*s", CHALLENGE_TOKEN_SIZE - 1,
		       validation->key_authorization);
	if (fetch_page(&fetch, &page, &failure) < 0) {
		if (failure.class == FAULT_FAILED)
			return pass_fault(&failure, fault);
		set_refusal(problem, name_failure(failure.class), "%s", failure.text);
	} else if (!is_key_authorization(bytes_of_buffer(&page), validation->key_authorization)) {
		set_refusal(problem, "incorrectResponse",
			    "http-01: %s: expected the key authorization %s, found a page of %zu "
			    "octets that is another",
			    validation->name, validation->key_authorization, page.len);
	}
	return 0;
}

static void log_validation(const struct validator *validator, const struct validation *validation,
			   const struct fault *failure, const struct refusal *problem)
{
	enum { OK_STATUS = 200, FAILED_STATUS = 500 };
	const struct acme_settings *settings = &validator->settings;
	const bool failed = failure->class != FAULT_NONE;
	char text[FAULT_TEXT_SIZE];

	if (settings->exchange_log == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%s: http-01: %s: %.300s", validation->client,
		       validation->name,
		       failed                ? failure->text
		       : is_refused(problem) ? problem->detail
					     : "valid");
	settings->exchange_log(settings->exchange_log_context, "GET", ACME_PATH,
			       failed ? FAILED_STATUS : OK_STATUS, text);
}

/* A record that is away or full for a while need not cost the answer of the host. */
static int settle_in_time(const struct pending_validation *pending, const struct refusal *problem,
			  struct fault *fault)
{
	const struct validator *validator = pending->validator;
	const struct validation *validation = &pending->validation;
	struct store *store = authority_store(validator->settings.authority);

	for (bool told = false;; told = true) {
		struct fault failure = {0};

		if (settle_challenge(store, validation->id, problem, read_clock(), &failure) == 0)
			return 0;
		if (atomic_load(&validator->ending) ||
		    read_stopwatch_us() - pending->submitted_us >= RECORDED_WITHIN_US)
			return pass_fault(&failure, fault);
		(void)prefix_fault(&failure, "the outcome will be recorded later");
		if (!told)
			log_validation(validator, validation, &failure, problem);
		sleep_us(RETRY_US);
	}
}

/* What cannot be recorded in time, and a failure of this process, leaves the challenge as it is:
   after VALIDATION_MAX_S it is pending. */
static int record_outcome(const struct pending_validation *pending, const struct refusal *problem,
			  struct fault *fault)
{
	struct authority *authority = pending->validator->settings.authority;
	struct refusal refusal = {0};

	if (settle_in_time(pending, problem, fault) < 0)
		return -1;
	if (!is_refused(problem))
		return 0;
	set_refusal(&refusal, "challenge", "%s", problem->detail);
	return record_refusal(authority_refusals(authority), pending->validation.client, &refusal,
			      read_clock(), fault);
}

static void validate(void *context)
{
	struct pending_validation *pending = context;
	const struct validator *validator = pending->validator;
	struct refusal problem = {0};
	struct fault failure = {0};

	if (!atomic_load(&validator->ending) &&
	    ask_host(validator, &pending->validation, &problem, &failure) == 0 &&
	    !atomic_load(&validator->ending))
		(void)!record_outcome(pending, &problem, &failure);
	if (!atomic_load(&validator->ending))
		log_validation(validator, &pending->validation, &failure, &problem);
	free(pending);
}

int submit_validation(struct validator *validator, const struct validation *validation,
		      struct fault *fault)
{
	struct pending_validation *pending = calloc(1, sizeof(*pending));
	struct work work = {.function = validate, .context = pending, .cost = 1};

	if (pending == NULL)
		return set_memory_fault(fault);
	*pending = (struct pending_validation){validator, *validation, read_stopwatch_us()};
	(void)snprintf(work.owner, sizeof(work.owner), "%s", validation->client);
	if (submit_work(validator->queue, &work, fault) == 0)
		return 0;
	free(pending);
	return -1;
}
