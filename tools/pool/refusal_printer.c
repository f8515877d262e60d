/* Collects refusals by their reasons, and prints a line for each when all are known. */
#include "tools/pool/refusal_printer.h"

#include "tools/output.h"

#include <stdio.h>
#include <string.h>

void format_refused(const struct refusal_reason *reason, char ret_text[static MEMBERS_TEXT_SIZE])
{
	const size_t *lowest = reason->lowest;

	if (reason->count == 1)
		(void)snprintf(ret_text, MEMBERS_TEXT_SIZE, "member %zu", lowest[0]);
	else if (reason->highest - lowest[0] + 1 == reason->count)
		(void)snprintf(ret_text, MEMBERS_TEXT_SIZE, "members %zu to %zu (%zu)", lowest[0],
			       reason->highest, reason->count);
	else if (reason->count == 2)
		(void)snprintf(ret_text, MEMBERS_TEXT_SIZE, "members %zu, %zu", lowest[0],
			       lowest[1]);
	else
		(void)snprintf(ret_text, MEMBERS_TEXT_SIZE, "members %zu, %zu, %zu%s (%zu)",
			       lowest[0], lowest[1], lowest[2], reason->count > 3 ? " …" : "",
			       reason->count);
}

void end_refusals(struct refusal_printer *printer)
{
	char members[MEMBERS_TEXT_SIZE];

	for (size_t i = 0; i < printer->count; i++) {
		const struct refusal_reason *reason = &printer->reasons[i];

		format_refused(reason, members);
		print_complaint(printer->command, "%s: %s: refused (%s): %s", printer->client,
				members, reason->refusal.type, reason->refusal.detail);
	}
	if (printer->others > 0)
		print_complaint(printer->command, "%s: %s: refused for other reasons",
				printer->client,
				counted(printer->others, "more member", "more members").text);
	printer->count = 0;
	printer->others = 0;
}

/* The reason of the refusal; NULL when there are too many to tell them apart. */
static struct refusal_reason *find_reason(struct refusal_printer *printer,
					  const struct refusal *refusal)
{
	struct refusal_reason *reason = printer->reasons;

	for (; reason < printer->reasons + printer->count; reason++)
		if (strcmp(reason->refusal.type, refusal->type) == 0 &&
		    strcmp(reason->refusal.detail, refusal->detail) == 0)
			return reason;
	if (printer->count == REFUSAL_REASONS)
		return NULL;
	printer->count++;
	*reason = (struct refusal_reason){.refusal = *refusal};
	return reason;
}

void print_refusal(void *context, size_t member, const struct refusal *refusal)
{
	struct refusal_printer *printer = context;
	struct refusal_reason *reason = find_reason(printer, refusal);
	size_t place;

	if (reason == NULL) {
		printer->others++;
		return;
	}
	place = reason->count < REFUSED_NAMED ? reason->count : REFUSED_NAMED;
	reason->count++;
	if (member > reason->highest)
		reason->highest = member;
	for (; place > 0 && member < reason->lowest[place - 1]; place--)
		if (place < REFUSED_NAMED)
			reason->lowest[place] = reason->lowest[place - 1];
	if (place < REFUSED_NAMED)
		reason->lowest[place] = member;
}
