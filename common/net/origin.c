#include "common/net/origin.h"

#include "common/base/cleanup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX_LEN = 8 };

void format_origin(const struct sockaddr *address, char ret_origin[static ORIGIN_SIZE])
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	char prefix[INET6_ADDRSTRLEN];

	(void)snprintf(ret_origin, ORIGIN_SIZE, "unknown");
	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		(void)inet_ntop(AF_INET, &v4.sin_addr, ret_origin, ORIGIN_SIZE);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		memset(v6.sin6_addr.s6_addr + PREFIX_LEN, 0, sizeof(v6.sin6_addr) - PREFIX_LEN);
		(void)inet_ntop(AF_INET6, &v6.sin6_addr, prefix, sizeof(prefix));
		(void)snprintf(ret_origin, ORIGIN_SIZE, "%s/64", prefix);
	}
}

struct origin *join_origin(struct origin **list, const char *text)
{
	struct origin *origin = *list;

	while (origin != NULL && strcmp(origin->text, text) != 0)
		origin = origin->next;
	if (origin == NULL) {
		origin = calloc(1, sizeof(*origin));
		if (origin == NULL)
			return NULL;
		memcpy(origin->text, text, strlen(text));
		origin->next = *list;
		origin->link = list;
		if (origin->next != NULL)
			origin->next->link = &origin->next;
		*list = origin;
	}
	origin->members++;
	return origin;
}

void leave_origin(struct origin **pointer)
{
	struct origin *origin = TAKE(*pointer);

	if (origin == NULL || --origin->members > 0)
		return;
	*origin->link = origin->next;
	if (origin->next != NULL)
		origin->next->link = origin->link;
	free(origin);
}
