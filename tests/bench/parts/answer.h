#ifndef CERTPOOL_TESTS_BENCH_PARTS_ANSWER_H
#define CERTPOOL_TESTS_BENCH_PARTS_ANSWER_H

#include "common/base/bytes.h"

#include <stdbool.h>

/* An HTTP/1.1 answer as it comes in, with a Content-Length or up to the end of the connection. */
struct answer {
	struct buffer text; /* what has come so far */
	size_t whole;       /* 0: not known yet; SIZE_MAX: until the server closes */
	size_t head;
	unsigned int status;
	bool closes;
};

/* For the next answer; keeps the memory. */
void reset_answer(struct answer *answer);

/* Looks at what has come. `ended`: nothing more will. */
bool is_answer_complete(struct answer *answer, bool ended);

#endif
