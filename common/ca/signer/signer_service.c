/* The signer's process. */
#include "common/ca/signer/signer_service.h"

#include "common/base/clock.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/signer/channel.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int answer_outcome(int channel, int result, const struct fault *failure, int descriptor,
			  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};

	append_outcome(&answer, result, failure);
	if (check_buffer(&answer, fault) < 0)
		return -1;
	return send_frame(channel, bytes_of_buffer(&answer), descriptor, fault);
}

static void clear_results(struct signed_result *results, size_t count)
{
	for (size_t i = 0; results != NULL && i < count; i++)
		clear_signed_result(&results[i]);
	free(results);
}

static int answer_order(const struct signer_service *service, int channel, struct bytes octets,
			struct fault *fault)
{
	CLEANUP(clear_parsed_order) struct parsed_order parsed = {0};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	struct fault failure = {0};
	struct signed_result *results;
	int result;

	if (parse_order(octets, &parsed, fault) < 0)
		return -1;
	results = calloc(parsed.order.count + 1, sizeof(*results));
	if (results == NULL)
		return set_memory_fault(fault);
	/* The front's clock does not count. */
	parsed.order.now_s = read_clock();
	result = sign_checked(service->signer, &parsed.order, results, &failure);
	append_outcome(&answer, result, &failure);
	if (result == 0)
		append_results(&answer, results, parsed.order.count);
	clear_results(results, parsed.order.count);
	if (check_buffer(&answer, fault) < 0)
		return -1;
	return send_frame(channel, bytes_of_buffer(&answer), -1, fault);
}

/* A key as a file without a name. */
static int send_key(int channel, const struct peer_key *key, struct fault *fault)
{
	CLEANUP(close_descriptor) int file = -1;
	CLEANUP(clear_secret) struct secret jwk = {0};

	if (format_shared_key(&key->key, &jwk, fault) < 0)
		return -1;
	if (make_memory_file("shared key", bytes_of_secret(&jwk), &file, fault) < 0)
		return prefix_fault(fault, "the key shared with %s cannot be handed out",
				    key->peer);
	return send_frame(channel, bytes_of_string(key->peer), file, fault);
}

static int answer_keys(const struct signer_service *service, int channel, struct fault *fault)
{
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	struct fault failure = {0};
	int result =
		read_client_keys(service->store, service->layout, read_clock(), &ring, &failure);

	for (size_t i = 0; result == 0 && i < ring.count; i++)
		result = send_key(channel, &ring.keys[i], &failure);
	return answer_outcome(channel, result, &failure, -1, fault);
}

static int answer_manifest(const struct signer_service *service, int channel, struct fault *fault)
{
	CLEANUP(close_descriptor) int file = open(service->manifest, O_RDONLY | O_CLOEXEC);
	struct fault failure = {0};
	int result = file >= 0 ? 0 : set_errno_fault(&failure, "%s", service->manifest);

	return answer_outcome(channel, result, &failure, file, fault);
}

static int answer_stamp(const struct signer_service *service, int channel, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};
	uint8_t stamp[SHA256_LEN] = {0};
	struct fault failure = {0};
	int result = stamp_client_keys(service->store, service->layout, stamp, &failure);

	append_outcome(&answer, result, &failure);
	append_bytes(&answer, (struct bytes){stamp, sizeof(stamp)});
	if (check_buffer(&answer, fault) < 0)
		return -1;
	return send_frame(channel, bytes_of_buffer(&answer), -1, fault);
}

static int answer_question(const struct signer_service *service, int channel, struct bytes octets,
			   struct fault *fault)
{
	uint64_t kind;

	if (!take_number(&octets, &kind))
		kind = UINT64_MAX;
	switch (kind) {
	case ASK_SIGN:
		return answer_order(service, channel, octets, fault);
	case ASK_KEYS:
		return answer_keys(service, channel, fault);
	case ASK_MANIFEST:
		return answer_manifest(service, channel, fault);
	case ASK_STAMP:
		return answer_stamp(service, channel, fault);
	default:
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a question for the signer, found something else");
	}
}

/* One channel, which a thread serves until the front is gone or says nonsense. */
struct server_thread {
	const struct signer_service *service;
	int channel;
	pthread_t thread;
};

static void *serve_channel(void *argument)
{
	const struct server_thread *server = argument;
	struct fault fault = {0};
	bool ended = false;

	while (!ended && fault.class == FAULT_NONE) {
		CLEANUP(clear_frame) struct frame frame = {.descriptor = -1};

		if (receive_frame(server->channel, &frame, &ended, &fault) == 0 && !ended)
			(void)!answer_question(server->service, server->channel,
					       bytes_of_buffer(&frame.octets), &fault);
	}
	/* The front asks no more of a signer that it cannot understand, and the other way round. */
	if (!ended)
		_exit(EXIT_FAILURE);
	return NULL;
}

int run_signer_service(const int channels[SIGNER_CHANNELS], const struct service_plan *plan)
{
	struct server_thread servers[SIGNER_CHANNELS];
	struct signer_service service = {0};
	struct fault failure = {0};
	struct fault ignored = {0};
	int result = plan->open(plan->context, &service, &failure);

	if (answer_outcome(channels[0], result, &failure, -1, &ignored) < 0 || result < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < SIGNER_CHANNELS; i++) {
		servers[i] = (struct server_thread){.service = &service, .channel = channels[i]};
		if (pthread_create(&servers[i].thread, NULL, serve_channel, &servers[i]) != 0)
			return EXIT_FAILURE;
	}
	for (size_t i = 0; i < SIGNER_CHANNELS; i++)
		(void)pthread_join(servers[i].thread, NULL);
	plan->close(plan->context, &service);
	return EXIT_SUCCESS;
}
