#ifndef CERTPOOL_NET_READING_H
#define CERTPOOL_NET_READING_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How the other side of a TCP connection goes on reading a long answer, by the octets that it has
 * acknowledged (RFC 4898, tcpEStatsAppHCThruOctetsAcked). Times are of one clock, in milliseconds.
 */
struct reading {
	int64_t looked_ms;     /* 0: not yet, at this answer */
	uint64_t acknowledged; /* then, since the connection began */
};

enum { READING_OCTETS = 16384 };

/* Looks for the first time, and again after patience_ms: false if fewer than READING_OCTETS were
   read since the last look. */
bool goes_on_reading(struct reading *reading, int socket, int64_t now_ms, int64_t patience_ms);

#endif
