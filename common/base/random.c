#include "common/base/random.h"

#include <errno.h>
#include <sys/random.h>

int fill_random(void *ret_data, size_t len, struct fault *fault)
{
	uint8_t *next = ret_data;

	while (len > 0) {
		ssize_t got = getrandom(next, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return set_errno_fault(fault, "getrandom: no random octets");
		next += got;
		len -= (size_t)got;
	}
	return 0;
}

int draw_below(uint64_t bound, uint64_t *ret_draw, struct fault *fault)
{
	/* The largest multiple of bound: draws from it on would favour small results. */
	uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
	uint64_t draw;

	do {
		if (fill_random(&draw, sizeof(draw), fault) < 0)
			return -1;
	} while (draw >= limit);
	*ret_draw = draw % bound;
	return 0;
}
