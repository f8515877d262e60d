#include "tools/refusals.h"

#include "tools/output.h"

#include <stdio.h>
#include <string.h>

/* "member 3", "members 3 to 7", or how many there are between the lowest and the highest. */
static void describe_members(const struct refusal_listener *listener, char *ret_text, size_t size)
{
	size_t span = listener->last - listener->first + 1;

	if (listener->count == 1)
		(void)snprintf(ret_text, size, "member %zu", listener->first);
	else if (listener->count == span)
		(void)snprintf(ret_text, size, "members %zu to %zu", listener->first,
			       listener->last);
	else
		(void)snprintf(ret_text, size, "%zu members from %zu to %zu", listener->count,
			       listener->first, listener->last);
}

void end_refusals(struct refusal_listener *listener)
{
	char members[96];

	if (listener->count == 0)
		return;
	describe_members(listener, members, sizeof(members));
	print_complaint(listener->command, "%s: %s: refused (%s): %s", listener->client, members,
			listener->refusal.type, listener->refusal.detail);
	listener->count = 0;
}

static bool same_refusal(const struct refusal *a, const struct refusal *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->detail, b->detail) == 0;
}

void tell_refusal(void *context, size_t member, const struct refusal *refusal)
{
	struct refusal_listener *listener = context;

	if (listener->count > 0 && !same_refusal(&listener->refusal, refusal))
		end_refusals(listener);
	if (listener->count == 0) {
		listener->refusal = *refusal;
		listener->first = member;
		listener->last = member;
	}
	listener->count++;
	if (member < listener->first)
		listener->first = member;
	if (member > listener->last)
		listener->last = member;
}
