#ifndef CERTPOOL_NET_CLIENT_IDLE_CLIENTS_H
#define CERTPOOL_NET_CLIENT_IDLE_CLIENTS_H

#include "common/net/client/client.h"

#include <pthread.h>

/*
 * HTTP clients to one endpoint, shared by several threads: a thread takes a client for one exchange
 * and returns it, so that the next exchange finds its connection open. At most IDLE_CLIENTS_MAX
 * stay open while no thread uses them. Safe for several threads.
 */
enum { IDLE_CLIENTS_MAX = 16 };

struct idle_clients {
	struct http_client_settings settings;
	pthread_mutex_t lock; /* for the fields below */
	struct http_client *clients[IDLE_CLIENTS_MAX];
	size_t count;
};

void init_idle_clients(struct idle_clients *idle, const struct http_client_settings *settings);

/* Frees the idle clients. No thread may have taken one that it will still return. */
void clear_idle_clients(struct idle_clients *idle);

/* An idle client, or a new one. Owns: the caller returns it, or frees it. */
int take_http_client(struct idle_clients *idle, struct http_client **ret_client,
		     struct fault *fault) MUST_CHECK;

/* Takes *client over, also if it is NULL. */
void return_http_client(struct idle_clients *idle, struct http_client **client);

#endif
