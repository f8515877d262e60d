#include "common/layout/pool_reuse.h"

#include "common/base/clock.h"
#include "common/base/name.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const methods[] = {
	[REUSE_RANDOM] = "random",
	[REUSE_LIMITED_TIME] = "limited_time",
	[REUSE_ROTATING_BATCH] = "rotating-batch",
	[REUSE_PER_RELYING_PARTY] = "per-relying-party",
	[REUSE_ONCE_ONLY] = "once_only",
};

static const char *const empties[] = {
	[EMPTY_FAIL] = "fail",
	[EMPTY_REUSE] = "reuse",
	[EMPTY_BLOCK] = "block",
};

const char *format_reuse(enum reuse method)
{
	return methods[method];
}

/* Finds the value among the names. */
static int choose_name(const struct yaml_node *value, const char *const *all, size_t count,
		       size_t *ret_index, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer names = {0};
	struct nearest_name search = {.word = value->text};
	char meant[MEANT_SIZE];

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(value->text, all[i]) == 0) {
			*ret_index = i;
			return 0;
		}
		append_format(&names, "%s%s", i > 0 ? ", " : "", all[i]);
		compare_name(&search, all[i]);
	}
	if (check_buffer(&names, fault) < 0)
		return -1;
	format_meant(&search, meant);
	return set_value_fault(value, fault, "expected one of %s, found \"%.64s\"%s",
			       (const char *)names.data, value->text, meant);
}

int set_reuse(const struct yaml_node *value, const struct field *field, void *object,
	      struct fault *fault)
{
	enum reuse *member = (enum reuse *)(void *)((char *)object + field->offset);
	size_t index = 0;

	if (choose_name(value, methods, COUNT_OF(methods), &index, fault) < 0)
		return -1;
	*member = (enum reuse)index;
	return 0;
}

int set_on_empty(const struct yaml_node *value, const struct field *field, void *object,
		 struct fault *fault)
{
	enum on_empty *member = (enum on_empty *)(void *)((char *)object + field->offset);
	size_t index = 0;

	if (choose_name(value, empties, COUNT_OF(empties), &index, fault) < 0)
		return -1;
	*member = (enum on_empty)index;
	return 0;
}

bool draws_each_message(const struct pool_reuse *reuse)
{
	return reuse->method == REUSE_RANDOM && reuse->hold_messages <= 1 && reuse->hold_s == 0;
}

bool counts_messages(const struct pool_reuse *reuse)
{
	switch (reuse->method) {
	case REUSE_RANDOM:
		return reuse->hold_messages > 1;
	case REUSE_LIMITED_TIME:
		return reuse->hold_messages > 0;
	case REUSE_ROTATING_BATCH:
		return reuse->hold_s == 0;
	case REUSE_PER_RELYING_PARTY:
	case REUSE_ONCE_ONLY:
		break;
	}
	return false;
}

static const struct field topup_fields[] = {
	{.name = "unused",
	 .set = set_number,
	 .offset = offsetof(struct pool_reuse, topup_unused),
	 .high = 1000000},
	{.name = "lifetime_left",
	 .set = set_percentage,
	 .offset = offsetof(struct pool_reuse, lifetime_left_percent),
	 .low = 1,
	 .high = 90},
	{0},
};

int set_topup(const struct yaml_node *value, const struct field *field, void *object,
	      struct fault *fault)
{
	struct pool_reuse *reuse = (void *)((char *)object + field->offset);

	if (read_fields(value, topup_fields, reuse, fault) < 0)
		return -1;
	reuse->has_topup_unused = find_entry(value, "unused") != NULL;
	return 0;
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

static int check_hold(const struct yaml_node *hold, const struct pool_reuse *reuse,
		      struct fault *fault)
{
	switch (reuse->method) {
	case REUSE_PER_RELYING_PARTY:
		return set_key_fault(hold, fault,
				     "expected no hold with reuse: per-relying-party, where a "
				     "receiver always sees the same member, found %s",
				     hold->text);
	case REUSE_ONCE_ONLY:
		return set_key_fault(hold, fault,
				     "expected no hold with reuse: once_only, where a member signs "
				     "one message, found %s",
				     hold->text);
	case REUSE_RANDOM:
	case REUSE_LIMITED_TIME:
	case REUSE_ROTATING_BATCH:
		break;
	}
	return 0;
}

static int check_on_empty(const struct yaml_node *on_empty, const struct pool_reuse *reuse,
			  struct fault *fault)
{
	if (reuse->method == REUSE_ONCE_ONLY || reuse->on_empty == EMPTY_FAIL)
		return 0;
	return set_key_fault(on_empty, fault,
			     "expected reuse: once_only beside it, as no other method uses "
			     "members up, found reuse: %s",
			     format_reuse(reuse->method));
}

int complete_reuse(const struct yaml_node *pool, size_t size, struct pool_reuse *reuse,
		   struct fault *fault)
{
	const struct yaml_node *hold = pool != NULL ? find_entry(pool, "hold") : NULL;
	const struct yaml_node *on_empty = pool != NULL ? find_entry(pool, "on_empty") : NULL;
	const struct yaml_node *topup = pool != NULL ? find_entry(pool, "topup") : NULL;
	const struct yaml_node *unused = topup != NULL ? find_entry(topup, "unused") : NULL;

	if (hold != NULL && check_hold(hold, reuse, fault) < 0)
		return -1;
	if (check_on_empty(on_empty, reuse, fault) < 0)
		return -1;
	if (reuse->has_topup_unused && reuse->topup_unused >= size)
		return set_value_fault(unused, fault,
				       "expected fewer than the pool's size of %zu, found %zu",
				       size, reuse->topup_unused);
	if (!reuse->has_topup_unused && reuse->method == REUSE_ONCE_ONLY)
		reuse->topup_unused = (size * DEFAULT_UNUSED_PERCENT + 99) / 100;
	if (reuse->topup_unused >= size)
		reuse->topup_unused = size - 1;
	return 0;
}
