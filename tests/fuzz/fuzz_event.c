#include "common/wire/event.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* A line of a copy of the audit log is refused with a reason by each of its readers, which agree
   on it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes line = {data, size};
	CLEANUP(clear_event_serials) struct event_serials serials = {0};
	CLEANUP(clear_event_text) struct event_text text = {0};
	struct event_link link = {0};
	struct fault fault = {0};
	int64_t time_s = 0;
	bool shown;

	assert(parse_event_link(line, &link, &fault) == 0 || fault.class == FAULT_MALFORMED);
	fault = (struct fault){0};
	shown = parse_event_text(line, &text, &fault) == 0;
	assert(shown || (fault.class == FAULT_MALFORMED && fault.text[0] != '\0'));
	fault = (struct fault){0};
	if (parse_event_time(line, &time_s, &fault) < 0)
		assert(!shown && fault.class == FAULT_MALFORMED);
	else
		assert(!shown || time_s == text.time_s);
	fault = (struct fault){0};
	if (parse_event_serials(line, &serials, &fault) < 0) {
		assert(serials.serials == NULL && fault.class == FAULT_MALFORMED);
		return 0;
	}
	assert(serials.kind < EVENT_KIND_COUNT);
	assert(!shown || serials.count == text.serial_count);
	return 0;
}
