#include "common/ca/shared/front_end_file.h"

#include "common/base/staging.h"
#include "common/wire/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT_SIZE = FRONT_END_TEXT_MAX + 1 };

int write_front_end_file(const struct layout *layout, int64_t number, struct fault *fault)
{
	char text[NUMBER_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%" PRId64 "\n", number);
	if (write_file(layout->state, FRONT_END_FILE, STAGE_REPLACE, 0600, bytes_of_string(text),
		       fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}

int parse_front_end_number(struct bytes text, int64_t *ret_number, struct fault *fault)
{
	char digits[NUMBER_TEXT_SIZE] = "";
	int64_t number;

	memcpy(digits, text.data, text.len < sizeof(digits) ? text.len : sizeof(digits) - 1);
	number = strtoll(digits, NULL, 10);
	if (number < FIRST_FRONT_END)
		return set_fault(fault, FAULT_MALFORMED, "expected the number of a front end");
	*ret_number = number;
	return 0;
}

int read_front_end_file(const struct layout *layout, int64_t *ret_number, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct fault problem = {0};

	*ret_number = 0;
	if (read_file(layout->state, FRONT_END_FILE, FRONT_END_TEXT_MAX, &text, &problem) < 0) {
		if (problem.class == FAULT_NOT_FOUND)
			return 0;
		(void)pass_fault(&problem, fault);
		return prefix_fault(fault, "%s/state", layout->path);
	}
	if (parse_front_end_number(bytes_of_buffer(&text), ret_number, fault) < 0)
		return prefix_fault(fault, "%s/state/" FRONT_END_FILE, layout->path);
	return 0;
}
