#include "common/net/client/idle_clients.h"

void init_idle_clients(struct idle_clients *idle, const struct http_client_settings *settings)
{
	*idle = (struct idle_clients){.settings = *settings};
	pthread_mutex_init(&idle->lock, NULL);
}

void clear_idle_clients(struct idle_clients *idle)
{
	while (idle->count > 0)
		free_http_client(&idle->clients[--idle->count]);
	pthread_mutex_destroy(&idle->lock);
}

int take_http_client(struct idle_clients *idle, struct http_client **ret_client,
		     struct fault *fault)
{
	struct http_client *client = NULL;

	pthread_mutex_lock(&idle->lock);
	if (idle->count > 0)
		client = idle->clients[--idle->count];
	pthread_mutex_unlock(&idle->lock);
	if (client == NULL)
		return new_http_client(&idle->settings, ret_client, fault);
	*ret_client = client;
	return 0;
}

void return_http_client(struct idle_clients *idle, struct http_client **client)
{
	pthread_mutex_lock(&idle->lock);
	if (*client != NULL && idle->count < IDLE_CLIENTS_MAX)
		idle->clients[idle->count++] = TAKE(*client);
	pthread_mutex_unlock(&idle->lock);
	free_http_client(client);
}
