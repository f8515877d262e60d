#include "common/ca/acme/validator.h"

#include "common/base/clock.h"
#include "common/base/periodic_thread.h"
#include "common/base/work_queue.h"
#include "common/net/client/fetch.h"

#include <arpa/inet.h>
#include <pthread.h>
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
	RETRY_MS = 500,
	/* From its submission on an outcome may be recorded: nobody begins the challenge again
	   before VALIDATION_MAX_S. */
	RECORDED_WITHIN_US = (VALIDATION_MAX_S - 5) * 1000000,
};

struct validator {
	struct acme_settings settings;
	struct work_queue *queue;
	struct periodic_thread *recorder; /* of the outcomes that the record did not take at once */
	pthread_mutex_t lock;
	struct pending_validation *unrecorded;
	size_t unrecorded_count;
	atomic_bool ending;
};

/* From its submission until its outcome is recorded. */
struct pending_validation {
	struct validator *validator;
	struct validation validation;
	struct refusal problem;          /* the outcome: "" for a host that shows what it should */
	int64_t submitted_us;            /* read_stopwatch_us */
	struct pending_validation *next; /* of those that are not recorded */
};

static periodic_function record_again;

int new_validator(const struct acme_settings *settings, struct validator **ret_validator,
		  struct fault *fault)
{
	static const struct work_queue_limits limits = {
		.workers = VALIDATORS, .most = WAITING_MAX, .most_of_owner = WAITING_OF_CLIENT};
	CLEANUP(free_validator) struct validator *validator = calloc(1, sizeof(*validator));

	if (validator == NULL)
		return set_memory_fault(fault);
	validator->settings = *settings;
	pthread_mutex_init(&validator->lock, NULL);
	if (new_work_queue(&limits, &validator->queue, fault) < 0 ||
	    start_periodic_thread(RETRY_MS, record_again, validator, &validator->recorder, fault) <
		    0)
		return -1;
	*ret_validator = TAKE(validator);
	return 0;
}

/* Takes all that are not recorded. */
static struct pending_validation *take_unrecorded(struct validator *validator)
{
	struct pending_validation *taken;

	pthread_mutex_lock(&validator->lock);
	taken = TAKE(validator->unrecorded);
	validator->unrecorded_count = 0;
	pthread_mutex_unlock(&validator->lock);
	return taken;
}

/* Keeps it for record_again; false: there are too many. */
static bool keep_unrecorded(struct pending_validation *pending)
{
	struct validator *validator = pending->validator;
	bool kept;

	pthread_mutex_lock(&validator->lock);
	kept = validator->unrecorded_count < WAITING_MAX;
	if (kept) {
		pending->next = validator->unrecorded;
		validator->unrecorded = pending;
		validator->unrecorded_count++;
	}
	pthread_mutex_unlock(&validator->lock);
	return kept;
}

void free_validator(struct validator **pointer)
{
	struct validator *validator = TAKE(*pointer);
	struct pending_validation *pending;
	struct pending_validation *next;

	if (validator == NULL)
		return;
	atomic_store(&validator->ending, true);
	free_work_queue(&validator->queue);
	stop_periodic_thread(&validator->recorder);
	for (pending = take_unrecorded(validator); pending != NULL; pending = next) {
		next = pending->next;
		free(pending);
	}
	pthread_mutex_destroy(&validator->lock);
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

static int record_outcome(const struct pending_validation *pending, struct fault *fault)
{
	struct authority *authority = pending->validator->settings.authority;
	struct refusal refusal = {0};

	if (settle_challenge(authority_store(authority), pending->validation.id, &pending->problem,
			     read_clock(), fault) < 0)
		return -1;
	if (!is_refused(&pending->problem))
		return 0;
	set_refusal(&refusal, "challenge", "%s", pending->problem.detail);
	return record_refusal(authority_refusals(authority), pending->validation.client, &refusal,
			      read_clock(), fault);
}

/*
 * Records the outcome, and frees the validation. A record that is away or full for a while need not
 * cost the answer of the host, and no validator waits for it: the outcome is kept. One that cannot
 * be recorded in time leaves the challenge as it is: after VALIDATION_MAX_S it is pending.
 */
static void settle(struct pending_validation *pending, bool again)
{
	const struct validator *validator = pending->validator;
	const struct validation validation = pending->validation;
	const struct refusal problem = pending->problem;
	struct fault failure = {0};

	if (record_outcome(pending, &failure) < 0 &&
	    read_stopwatch_us() - pending->submitted_us < RECORDED_WITHIN_US &&
	    keep_unrecorded(pending)) {
		(void)prefix_fault(&failure, "the outcome will be recorded later");
		if (!again)
			log_validation(validator, &validation, &failure, &problem);
		return;
	}
	log_validation(validator, &validation, &failure, &problem);
	free(pending);
}

static void record_again(void *context)
{
	struct validator *validator = context;
	struct pending_validation *pending = take_unrecorded(validator);

	while (pending != NULL) {
		struct pending_validation *next = pending->next;

		if (atomic_load(&validator->ending))
			free(pending);
		else
			settle(pending, true);
		pending = next;
	}
}

static void validate(void *context)
{
	struct pending_validation *pending = context;
	const struct validator *validator = pending->validator;
	struct fault failure = {0};

	if (!atomic_load(&validator->ending) &&
	    ask_host(validator, &pending->validation, &pending->problem, &failure) == 0 &&
	    !atomic_load(&validator->ending)) {
		settle(pending, false);
		return;
	}
	if (!atomic_load(&validator->ending))
		log_validation(validator, &pending->validation, &failure, &pending->problem);
	free(pending);
}

int submit_validation(struct validator *validator, const struct validation *validation,
		      struct fault *fault)
{
	struct pending_validation *pending = calloc(1, sizeof(*pending));
	struct work work = {.function = validate, .context = pending, .cost = 1};

	if (pending == NULL)
		return set_memory_fault(fault);
	*pending = (struct pending_validation){.validator = validator,
					       .validation = *validation,
					       .submitted_us = read_stopwatch_us()};
	(void)snprintf(work.owner, sizeof(work.owner), "%s", validation->client);
	if (submit_work(validator->queue, &work, fault) == 0)
		return 0;
	free(pending);
	return -1;
}
