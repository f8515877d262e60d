#include "common/layout/pool_reuse.h"

#include "common/base/clock.h"
#include "common/base/name.h"

#include <stdlib.h>
#include <string.h>

static const char *const methods[] = {
	[REUSE_RANDOM] = "random",
	[REUSE_LIMITED_TIME] = "limited_time",
	[REUSE_ROTATING_BATCH] = "rotating-batch",
	[REUSE_PER_RELYING_PARTY] = "per-relying-party",
};

const char *format_reuse(enum reuse method)
{
	return methods[method];
}

int set_reuse(const struct yaml_node *value, const struct field *field, void *object,
	      struct fault *fault)
{
	enum reuse *member = (enum reuse *)(void *)((char *)object + field->offset);
	CLEANUP(clear_buffer) struct buffer names = {0};
	struct nearest_name search = {.word = value->text};
	char meant[MEANT_SIZE];

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (strcmp(value->text, methods[i]) == 0) {
			*member = (enum reuse)i;
			return 0;
		}
		append_format(&names, "%s%s", i > 0 ? ", " : "", methods[i]);
		compare_name(&search, methods[i]);
	}
	if (check_buffer(&names, fault) < 0)
		return -1;
	format_meant(&search, meant);
	return set_value_fault(value, fault, "expected one of %s, found \"%.64s\"%s",
			       (const char *)names.data, value->text, meant);
}

int set_hold(const struct yaml_node *value, const struct field *field, void *object,
	     struct fault *fault)
{
	struct pool_reuse *reuse = (void *)((char *)object + field->offset);
	struct fault problem = {0};
	char found[FOUND_SIZE];
	size_t digits = value->kind == YAML_SCALAR ? strspn(value->text, "0123456789") : 0;
	bool number = digits > 0 && digits <= 7 && value->text[digits] == '\0' &&
		      value->text[0] != '0' && !value->quoted;

	if (number && strtoull(value->text, NULL, 10) <= HOLD_MESSAGES_MAX) {
		reuse->hold_messages = strtoull(value->text, NULL, 10);
		return 0;
	}
	if (value->kind == YAML_SCALAR && digits > 0 && value->text[digits] != '\0' &&
	    parse_duration(value->text, &reuse->hold_s, &problem) == 0)
		return 0;
	describe_value(value, found);
	return set_value_fault(value, fault,
			       "expected a number of messages from 1 to %d, or a duration like 5m, "
			       "found %s",
			       HOLD_MESSAGES_MAX, found);
}

int check_reuse(const struct yaml_node *pool, const struct pool_reuse *reuse, struct fault *fault)
{
	const struct yaml_node *hold = pool != NULL ? find_entry(pool, "hold") : NULL;

	if (hold == NULL)
		return 0;
	switch (reuse->method) {
	case REUSE_RANDOM:
		if (reuse->hold_messages == 1)
			return 0;
		return set_value_fault(hold, fault,
				       "expected 1 with reuse: random, which keeps no state, found "
				       "%s: give the pool reuse: limited_time or rotating-batch",
				       hold->text);
	case REUSE_LIMITED_TIME:
		if (reuse->hold_s > 0)
			return 0;
		return set_value_fault(hold, fault,
				       "expected a duration with reuse: limited_time, found %s: "
				       "give the pool reuse: rotating-batch to count messages",
				       hold->text);
	case REUSE_PER_RELYING_PARTY:
		return set_key_fault(hold, fault,
				     "expected no hold with reuse: per-relying-party, where a "
				     "receiver always sees the same member, found %s",
				     hold->text);
	case REUSE_ROTATING_BATCH:
		break;
	}
	return 0;
}
