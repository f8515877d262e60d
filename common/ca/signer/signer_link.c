/* The front's end of the channels to its signer. */
#include "common/ca/signer/signer_process.h"

#include "common/ca/signer/channel.h"
#include "common/ca/signer/signer_service.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct signer_link {
	pid_t process;
	int channels[SIGNER_CHANNELS];
	pthread_mutex_t lock; /* of `busy` */
	pthread_cond_t freed;
	bool busy[SIGNER_CHANNELS];
	pthread_t watcher;
	bool watched;
	atomic_bool ending;
	signer_lost_function *lost;
	void *lost_context;
};

/* --- the two processes --- */

static void close_channels(int channels[SIGNER_CHANNELS])
{
	for (size_t i = 0; i < SIGNER_CHANNELS; i++)
		close_descriptor(&channels[i]);
}

/* Ends the process: nothing of the front's is to be run or flushed here. */
static _Noreturn void be_signer(struct signer_link *link, int channels[SIGNER_CHANNELS],
				const struct service_plan *plan, pid_t front)
{
	close_channels(link->channels);
	/* The front may have ended before the kernel knew that this process wants to know. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != front)
		_exit(EXIT_FAILURE);
	_exit(run_signer_service(channels, plan));
}

static int await_hello(struct signer_link *link, struct fault *fault)
{
	CLEANUP(clear_frame) struct frame frame = {.descriptor = -1};
	struct bytes octets;
	bool ended;

	if (receive_frame(link->channels[0], &frame, &ended, fault) < 0)
		return -1;
	if (ended)
		return set_fault(fault, FAULT_FAILED, "the signer ended before it was ready");
	octets = bytes_of_buffer(&frame.octets);
	return take_outcome(&octets, fault);
}

static int make_channels(struct signer_link *link, int ret_theirs[SIGNER_CHANNELS],
			 struct fault *fault)
{
	for (size_t i = 0; i < SIGNER_CHANNELS; i++)
		link->channels[i] = ret_theirs[i] = -1;
	for (size_t i = 0; i < SIGNER_CHANNELS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
			close_channels(ret_theirs);
			return set_errno_fault(fault, "no channel to the signer can be made");
		}
		link->channels[i] = pair[0];
		ret_theirs[i] = pair[1];
	}
	return 0;
}

static int make_link(struct signer_link **ret_link, int ret_theirs[SIGNER_CHANNELS],
		     struct fault *fault)
{
	CLEANUP(end_signer) struct signer_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&link->lock, NULL);
	pthread_cond_init(&link->freed, NULL);
	if (make_channels(link, ret_theirs, fault) < 0)
		return -1;
	*ret_link = TAKE(link);
	return 0;
}

int fork_signer(open_service_function *open, close_service_function *close, void *context,
		struct signer_link **ret_link, struct fault *fault)
{
	const struct service_plan plan = {open, close, context};
	CLEANUP(end_signer) struct signer_link *link = NULL;
	int channels[SIGNER_CHANNELS];
	pid_t front = getpid();

	if (make_link(&link, channels, fault) < 0)
		return -1;
	link->process = fork();
	if (link->process == 0)
		be_signer(link, channels, &plan, front);
	close_channels(channels);
	if (link->process < 0)
		return set_errno_fault(fault, "the signer cannot be started");
	if (await_hello(link, fault) < 0)
		return -1;
	*ret_link = TAKE(link);
	return 0;
}

void end_signer(struct signer_link **link_pointer)
{
	struct signer_link *link = TAKE(*link_pointer);

	if (link == NULL)
		return;
	atomic_store(&link->ending, true);
	for (size_t i = 0; i < SIGNER_CHANNELS; i++)
		if (link->channels[i] >= 0)
			(void)shutdown(link->channels[i], SHUT_RDWR);
	if (link->watched)
		(void)pthread_join(link->watcher, NULL);
	while (link->process > 0 && waitpid(link->process, NULL, 0) < 0 && errno == EINTR)
		continue;
	close_channels(link->channels);
	pthread_cond_destroy(&link->freed);
	pthread_mutex_destroy(&link->lock);
	free(link);
}

/* Nothing can be read between question and answer: a channel that hangs up is the signer's end. */
static void *watch(void *argument)
{
	struct signer_link *link = argument;
	struct pollfd channel = {.fd = link->channels[0]};

	while (poll(&channel, 1, -1) < 0 && errno == EINTR)
		continue;
	if (!atomic_load(&link->ending))
		link->lost(link->lost_context);
	return NULL;
}

int watch_signer(struct signer_link *link, signer_lost_function *function, void *context,
		 struct fault *fault)
{
	link->lost = function;
	link->lost_context = context;
	if (pthread_create(&link->watcher, NULL, watch, link) != 0)
		return set_fault(fault, FAULT_FAILED, "no thread can be started");
	link->watched = true;
	return 0;
}

/* --- questions --- */

static size_t take_channel(struct signer_link *link)
{
	size_t taken = SIGNER_CHANNELS;

	pthread_mutex_lock(&link->lock);
	while (taken == SIGNER_CHANNELS) {
		for (size_t i = 0; i < SIGNER_CHANNELS && taken == SIGNER_CHANNELS; i++)
			if (!link->busy[i])
				taken = i;
		if (taken == SIGNER_CHANNELS)
			pthread_cond_wait(&link->freed, &link->lock);
	}
	link->busy[taken] = true;
	pthread_mutex_unlock(&link->lock);
	return taken;
}

static void release_channel(struct signer_link *link, size_t channel)
{
	pthread_mutex_lock(&link->lock);
	link->busy[channel] = false;
	pthread_cond_signal(&link->freed);
	pthread_mutex_unlock(&link->lock);
}

static int receive_answer(int channel, struct frame *ret_frame, struct fault *fault)
{
	bool ended;

	if (receive_frame(channel, ret_frame, &ended, fault) < 0)
		return -1;
	return ended ? set_fault(fault, FAULT_FAILED, "the signer has ended") : 0;
}

static int exchange_order(int channel, const struct signing_order *order,
			  struct signed_result *ret_results, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer question = {0};
	CLEANUP(clear_frame) struct frame answer = {.descriptor = -1};
	struct bytes octets;

	append_number(&question, ASK_SIGN);
	append_order(&question, order);
	if (check_buffer(&question, fault) < 0 ||
	    send_frame(channel, bytes_of_buffer(&question), -1, fault) < 0)
		return -1;
	clear_buffer(&question);
	if (receive_answer(channel, &answer, fault) < 0)
		return -1;
	octets = bytes_of_buffer(&answer.octets);
	return take_outcome(&octets, fault) < 0
		       ? -1
		       : parse_results(octets, ret_results, order->count, fault);
}

int sign_by_link(void *context, const struct signing_order *order,
		 struct signed_result *ret_results, struct fault *fault)
{
	struct signer_link *link = context;
	size_t channel = take_channel(link);
	int result = exchange_order(link->channels[channel], order, ret_results, fault);

	release_channel(link, channel);
	for (size_t i = 0; result < 0 && i < order->count; i++)
		clear_signed_result(&ret_results[i]);
	return result;
}

static int ask(int channel, enum signer_question kind, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer question = {0};

	append_number(&question, kind);
	if (check_buffer(&question, fault) < 0)
		return -1;
	return send_frame(channel, bytes_of_buffer(&question), -1, fault);
}

/* A frame with the peer's name and its file; without a name the last one, with the outcome. */
static int take_key(struct frame *frame, const char *peer, struct key_ring *ring,
		    struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	ssize_t got;

	if (allocate_secret(SHARED_KEY_FILE_MAX + 1, &jwk, fault) < 0)
		return -1;
	got = pread(frame->descriptor, jwk.data, jwk.len, 0);
	if (got < 0 || got > SHARED_KEY_FILE_MAX)
		return set_fault(fault, FAULT_FAILED, "the key shared with %s cannot be read",
				 peer);
	if (parse_shared_key((struct bytes){jwk.data, (size_t)got}, &key, fault) < 0)
		return prefix_fault(fault, "the key shared with %s", peer);
	return add_peer_key(ring, peer, &key, fault);
}

static int receive_keys(int channel, struct key_ring *ring, struct fault *fault)
{
	struct fault first = {0};
	int result = 0;

	/* To the last frame, also after a failure: the channel goes on. */
	for (;;) {
		CLEANUP(clear_frame) struct frame frame = {.descriptor = -1};
		struct bytes octets;
		char peer[NAME_SIZE] = "";

		if (receive_answer(channel, &frame, fault) < 0)
			return -1;
		octets = bytes_of_buffer(&frame.octets);
		if (frame.descriptor < 0) {
			if (result < 0)
				return pass_fault(&first, fault);
			return take_outcome(&octets, fault);
		}
		if (octets.len >= NAME_SIZE)
			return set_fault(fault, FAULT_FAILED, "the signer's answer is not one");
		memcpy(peer, octets.data, octets.len);
		if (result == 0)
			result = take_key(&frame, peer, ring, &first);
	}
}

int ask_for_key_ring(struct signer_link *link, struct key_ring *ret_ring, struct fault *fault)
{
	size_t channel = take_channel(link);
	struct key_ring ring = {0};
	int result = -1;

	if (ask(link->channels[channel], ASK_KEYS, fault) == 0)
		result = receive_keys(link->channels[channel], &ring, fault);
	release_channel(link, channel);
	if (result < 0)
		clear_key_ring(&ring);
	else
		*ret_ring = ring;
	return result;
}

/* The answer to a question that is its kind alone. */
static int ask_briefly(struct signer_link *link, enum signer_question question,
		       struct frame *ret_answer, struct fault *fault)
{
	size_t channel = take_channel(link);
	int result = ask(link->channels[channel], question, fault);

	if (result == 0)
		result = receive_answer(link->channels[channel], ret_answer, fault);
	release_channel(link, channel);
	return result;
}

int ask_for_key_stamp(struct signer_link *link, uint8_t ret_stamp[static SHA256_LEN],
		      struct fault *fault)
{
	CLEANUP(clear_frame) struct frame answer = {.descriptor = -1};
	struct bytes octets;

	if (ask_briefly(link, ASK_STAMP, &answer, fault) < 0)
		return -1;
	octets = bytes_of_buffer(&answer.octets);
	if (take_outcome(&octets, fault) < 0)
		return -1;
	if (octets.len != SHA256_LEN)
		return set_fault(fault, FAULT_FAILED, "the signer's answer is not one");
	memcpy(ret_stamp, octets.data, SHA256_LEN);
	return 0;
}

int ask_for_manifest(struct signer_link *link, size_t max, struct buffer *ret_text,
		     struct fault *fault)
{
	CLEANUP(clear_frame) struct frame answer = {.descriptor = -1};
	struct bytes octets;

	if (ask_briefly(link, ASK_MANIFEST, &answer, fault) < 0)
		return -1;
	octets = bytes_of_buffer(&answer.octets);
	if (take_outcome(&octets, fault) < 0)
		return -1;
	return read_stream(answer.descriptor, "the manifest", max, ret_text, fault);
}

int signer_channel(const struct signer_link *link)
{
	return link->channels[SIGNER_CHANNELS - 1];
}

pid_t signer_process(const struct signer_link *link)
{
	return link->process;
}
