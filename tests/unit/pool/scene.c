#include "tests/unit/pool/scene.h"

#include "common/crypto/key_file.h"
#include "common/wire/envelope.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

static int note_message(void *context, const struct received_message *message, struct fault *fault)
{
	struct message_reports *reports = context;

	reports->count++;
	reports->verified_count += message->verified ? 1 : 0;
	(void)snprintf(reports->peer, sizeof(reports->peer), "%s", message->peer);
	(void)snprintf(reports->reason, sizeof(reports->reason), "%s", message->reason);
	(void)snprintf(reports->subject, sizeof(reports->subject), "%s", message->subject);
	(void)snprintf(reports->serial, sizeof(reports->serial), "%s", message->serial);
	(void)snprintf(reports->jti, sizeof(reports->jti), "%s", message->jti);
	reports->iat_s = message->iat_s;
	reports->payload_len = message->payload.len;
	if (message->payload.len > 0 && message->payload.len < sizeof(reports->payload))
		memcpy(reports->payload, message->payload.data, message->payload.len);
	if (reports->refuse && message->verified)
		return set_fault(fault, FAULT_FAILED, "standard output: no space left");
	return 0;
}

static void note_log(void *context, const char *method, const char *path, unsigned int status,
		     const char *text)
{
	struct scene *scene = context;

	(void)method;
	(void)path;
	(void)status;
	(void)text;
	atomic_fetch_add(&scene->log_count, 1);
}

int start_receiver_of(struct scene *scene, size_t client, const struct endpoint *ca,
		      struct receiver **ret_receiver, struct fault *fault)
{
	struct receiver_settings settings = {.layout = scene->fixture.layouts[client],
					     .client = &scene->fixture.clients[client],
					     .listen = {1, {{"127.0.0.1", 0, false}}},
					     .online = ca != NULL,
					     .crls = &scene->crl,
					     .crl_count = scene->crl != NULL ? 1 : 0,
					     .message = note_message,
					     .message_context = &scene->reports,
					     .log = note_log,
					     .log_context = scene};

	if (ca != NULL)
		settings.ca = *ca;
	return start_receiver(&settings, ret_receiver, fault);
}

void start_scene_receiver(struct scene *scene, size_t client, const struct endpoint *ca)
{
	OK(start_receiver_of(scene, client, ca, &scene->receiver, &fault));
	scene->fixture.clients[client].has_endpoint = true;
	scene->fixture.clients[client].endpoint = receiver_endpoints(scene->receiver)->endpoints[0];
	free_sender(&scene->sender);
	OK(new_sender(scene->fixture.layouts[client == 0 ? 1 : 0],
		      &scene->fixture.clients[client == 0 ? 1 : 0], &scene->fixture.clients[client],
		      &scene->sender, &fault));
}

void open_scene(struct scene *scene, const struct endpoint *ca)
{
	*scene = (struct scene){0};
	open_fixture(&scene->fixture);
	make_certified_pool(&scene->fixture, 0);
	start_scene_receiver(scene, 1, ca);
}

void close_scene(struct scene *scene)
{
	free_sender(&scene->sender);
	stop_receiver(&scene->receiver);
	close_fixture(&scene->fixture);
}

struct delivery deliver_jwe(struct scene *scene, const struct buffer *jwe)
{
	struct delivery delivery = {0};

	OK(deliver_message(scene->sender, bytes_of_buffer(jwe), &delivery, &fault));
	return delivery;
}

struct buffer make_jwe(struct scene *scene, const char *text)
{
	struct buffer jwe = {0};
	struct delivery delivery;

	OK(make_message(scene->sender, bytes_of_string(text), 0, scene->fixture.now_s, &jwe,
			&delivery, &fault));
	return jwe;
}

struct shared_key shared_key(const struct fixture *fixture, size_t client, const char *peer)
{
	struct shared_key key;

	OK(read_shared_key(fixture->layouts[client], peer, &key, &fault));
	return key;
}

/* Encrypts any text under the key that client1 and client2 share. */
struct buffer encrypt_for_client2(const struct fixture *fixture, const char *typ, const char *cty,
				  struct bytes plaintext)
{
	struct shared_key key = shared_key(fixture, 0, "client2");
	struct buffer jwe = {0};

	OK(encrypt_message(&key, typ, cty, plaintext, &jwe, &fault));
	return jwe;
}
