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

bool goes_on_reading(struct reading *reading, int socket, int64_t now_ms, int64_t patience_ms)
{
	const struct reading before = *reading;

	if (before.looked_ms != 0 && now_ms - before.looked_ms < patience_ms)
		return true;
	*reading = (struct reading){now_ms, count_acknowledged(socket)};
	return before.looked_ms == 0 ||
	       reading->acknowledged - before.acknowledged >= READING_OCTETS;
}
