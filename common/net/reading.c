#include "common/net/reading.h"

/* Not <netinet/tcp.h>, whose struct tcp_info ends before the counters. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* 0 if the kernel does not say. */
static uint64_t count_acknowledged(int socket)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 0;
	return info.tcpi_bytes_acked;
}

void begin_reading(struct reading *reading, int socket, int64_t now_ms)
{
	*reading = (struct reading){now_ms, count_acknowledged(socket)};
}

bool goes_on_reading(struct reading *reading, int socket, int64_t now_ms, int64_t patience_ms)
{
	uint64_t before = reading->acknowledged;

	if (now_ms - reading->looked_ms < patience_ms)
		return true;
	begin_reading(reading, socket, now_ms);
	return reading->acknowledged - before >= READING_OCTETS;
}
