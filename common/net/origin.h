#ifndef CERTPOOL_NET_ORIGIN_H
#define CERTPOOL_NET_ORIGIN_H

#include <netinet/in.h>

/*
 * The origin of a connection: what is counted for an address is counted for this text. It is an
 * IPv4 address, or the first 64 bits of an IPv6 address, since a host usually has a whole /64 to
 * choose its addresses from (RFC 4291 section 2.5.1, RFC 6177): "192.0.2.1", "2001:db8:1:2::/64".
 */
enum { ORIGIN_SIZE = INET6_ADDRSTRLEN + 4 };

/* "unknown" for an address of another family. */
void format_origin(const struct sockaddr *address, char ret_origin[static ORIGIN_SIZE]);

/* The open connections of one origin, in a list of the origins that have any. */
struct origin {
	struct origin *next;
	struct origin **link;
	unsigned int members; /* connections that joined and have not left */
	unsigned int cut;     /* of these, about to be closed: the connections' owner counts them */
	char text[ORIGIN_SIZE];
};

/* The origin, with one member more. NULL: there is no memory. Owns: leave_origin. */
struct origin *join_origin(struct origin **list, const char *text);

/* One member less; an origin without any is freed. */
void leave_origin(struct origin **origin);

#endif
