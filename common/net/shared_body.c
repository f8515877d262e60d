#include "common/net/shared_body.h"

#include <stdatomic.h>
#include <stdlib.h>

struct shared_body {
	struct buffer content;
	atomic_size_t holders;
};

int new_shared_body(struct buffer *content, struct shared_body **ret_body, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer taken = take_buffer(content);
	struct shared_body *body;

	if (check_buffer(&taken, fault) < 0)
		return -1;
	body = calloc(1, sizeof(*body));
	if (body == NULL)
		return set_memory_fault(fault);
	body->content = take_buffer(&taken);
	atomic_init(&body->holders, 1);
	*ret_body = body;
	return 0;
}

struct shared_body *hold_shared_body(struct shared_body *body)
{
	(void)atomic_fetch_add(&body->holders, 1);
	return body;
}

void release_shared_body(struct shared_body **pointer)
{
	struct shared_body *body = TAKE(*pointer);

	if (body == NULL || atomic_fetch_sub(&body->holders, 1) > 1)
		return;
	clear_buffer(&body->content);
	free(body);
}

struct bytes shared_octets(const struct shared_body *body)
{
	return bytes_of_buffer(&body->content);
}
