#include "common/net/origin.h"

#include <arpa/inet.h>
#include <stdio.h>
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
