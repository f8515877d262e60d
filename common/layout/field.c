#include "common/layout/field.h"

#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "common/base/key_type.h"
#include "common/base/name.h"
#include "common/layout/template.h"
#include "common/layout/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *member_at(void *object, size_t offset)
{
	return (char *)object + offset;
}

static const char *const kinds[] = {
	[YAML_SCALAR] = "a single value",
	[YAML_LIST] = "a list",
	[YAML_MAPPING] = "a mapping",
};

int expect_kind(const struct yaml_node *value, enum yaml_kind kind, struct fault *fault)
{
	char found[FOUND_SIZE];

	if (value->kind == kind)
		return 0;
	describe_value(value, found);
	return set_value_fault(value, fault, "expected %s, found %s", kinds[kind], found);
}

static const struct field *find_field(const struct field *fields, const char *name)
{
	for (; fields->name != NULL; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static int refuse_unknown(const struct yaml_node *entry, const struct field *fields,
			  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer names = {0};
	struct nearest_name search = {.word = entry->key};
	char meant[MEANT_SIZE];

	for (const struct field *field = fields; field->name != NULL; field++) {
		append_format(&names, "%s%s", field == fields ? "" : ", ", field->name);
		compare_name(&search, field->name);
	}
	if (check_buffer(&names, fault) < 0)
		return -1;
	format_meant(&search, meant);
	return set_key_fault(entry, fault, "expected one of the keys %s, found \"%.64s\"%s",
			     (const char *)names.data, entry->key, meant);
}

/* Reads the default of a missing value, with the mapping's line and column. */
static int set_fallback(const struct yaml_node *mapping, const struct field *field, void *object,
			struct fault *fault)
{
	CLEANUP(free_string) char *text = NULL;
	struct yaml_node value = {.kind = field->fields != NULL ? YAML_MAPPING : YAML_SCALAR,
				  .file = mapping->file,
				  .line = mapping->line,
				  .column = mapping->column,
				  .parent = mapping->parent};

	if (field->fields == NULL && field->fallback == NULL)
		return 0;
	if (field->fallback != NULL) {
		text = strdup(field->fallback);
		if (text == NULL)
			return set_memory_fault(fault);
		value.text = text;
	}
	return field->set(&value, field, object, fault);
}

int read_fields(const struct yaml_node *mapping, const struct field *fields, void *object,
		struct fault *fault)
{
	if (expect_kind(mapping, YAML_MAPPING, fault) < 0)
		return -1;
	for (size_t i = 0; i < mapping->count; i++) {
		const struct yaml_node *entry = mapping->children[i];
		const struct field *field = find_field(fields, entry->key);

		if (field == NULL)
			return refuse_unknown(entry, fields, fault);
		if (field->set(entry, field, object, fault) < 0)
			return -1;
	}
	for (const struct field *field = fields; field->name != NULL; field++) {
		if (find_entry(mapping, field->name) != NULL)
			continue;
		if (field->required)
			return set_value_fault(mapping, fault, "expected the key %s, found none",
					       field->name);
		if (set_fallback(mapping, field, object, fault) < 0)
			return -1;
	}
	return 0;
}

int set_fields(const struct yaml_node *value, const struct field *field, void *object,
	       struct fault *fault)
{
	return read_fields(value, field->fields, object, fault);
}

static bool parse_number(const char *text, int64_t *ret_number)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 18 || text[len] != '\0' || (len > 1 && text[0] == '0'))
		return false;
	*ret_number = strtoll(text, NULL, 10);
	return true;
}

int set_number(const struct yaml_node *value, const struct field *field, void *object,
	       struct fault *fault)
{
	size_t *member = member_at(object, field->offset);
	char found[FOUND_SIZE];
	int64_t number;

	if (value->kind == YAML_SCALAR && !value->quoted && parse_number(value->text, &number) &&
	    number >= field->low && number <= field->high) {
		*member = (size_t)number;
		return 0;
	}
	describe_value(value, found);
	if (field->low == field->high)
		return set_value_fault(value, fault, "expected %jd, found %s", (intmax_t)field->low,
				       found);
	return set_value_fault(value, fault, "expected a whole number from %jd to %jd, found %s",
			       (intmax_t)field->low, (intmax_t)field->high, found);
}

int set_flag(const struct yaml_node *value, const struct field *field, void *object,
	     struct fault *fault)
{
	bool *member = member_at(object, field->offset);
	bool plain = value->kind == YAML_SCALAR && !value->quoted;
	char found[FOUND_SIZE];

	if (plain && (strcmp(value->text, "true") == 0 || strcmp(value->text, "false") == 0)) {
		*member = value->text[0] == 't';
		return 0;
	}
	describe_value(value, found);
	return set_value_fault(value, fault, "expected true or false, found %s", found);
}

/* True if YAML reads the plain scalar as another type than text. */
static bool is_other_than_text(const char *text)
{
	static const char *const words[] = {"", "~", "null", "true", "false"};
	char *end;

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	if (strchr("0123456789+-.", text[0]) == NULL)
		return false;
	(void)strtod(text, &end);
	return *end == '\0';
}

static int check_text(const struct yaml_node *value, const struct field *field, struct fault *fault)
{
	char found[FOUND_SIZE];

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	if (!value->quoted && is_other_than_text(value->text)) {
		describe_value(value, found);
		return set_value_fault(value, fault, "expected text, found %s: put text in quotes",
				       found);
	}
	if (value->text[0] == '\0')
		return set_value_fault(value, fault, "expected text, found an empty one");
	if (strlen(value->text) > (size_t)field->high)
		return set_value_fault(value, fault, "expected at most %jd octets, found %zu",
				       (intmax_t)field->high, strlen(value->text));
	return 0;
}

int set_text(const struct yaml_node *value, const struct field *field, void *object,
	     struct fault *fault)
{
	char **member = member_at(object, field->offset);

	if (check_text(value, field, fault) < 0)
		return -1;
	*member = strdup(value->text);
	return *member != NULL ? 0 : set_memory_fault(fault);
}

int set_fixed(const struct yaml_node *value, const struct field *field, void *object,
	      struct fault *fault)
{
	if (value->kind == YAML_SCALAR && strpbrk(value->text, "{}") != NULL)
		return set_value_fault(value, fault,
				       "expected text without braces, found \"%.60s\": only "
				       "clients' names have placeholders",
				       value->text);
	return set_text(value, field, object, fault);
}

static int check_template_at(const struct yaml_node *value, struct fault *fault)
{
	struct fault problem = {0};

	if (value->kind != YAML_SCALAR || check_template(value->text, &problem) == 0)
		return 0;
	return set_value_fault(value, fault, "%s", problem.text);
}

int set_template(const struct yaml_node *value, const struct field *field, void *object,
		 struct fault *fault)
{
	if (check_template_at(value, fault) < 0)
		return -1;
	return set_text(value, field, object, fault);
}

int set_url(const struct yaml_node *value, const struct field *field, void *object,
	    struct fault *fault)
{
	struct fault problem = {0};

	if (value->kind == YAML_SCALAR && check_web_url(value->text, &problem) < 0)
		return set_value_fault(value, fault, "%s", problem.text);
	return set_text(value, field, object, fault);
}

int set_duration(const struct yaml_node *value, const struct field *field, void *object,
		 struct fault *fault)
{
	int64_t *member = member_at(object, field->offset);
	struct fault problem = {0};
	int64_t duration_s;

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	if (parse_duration(value->text, &duration_s, &problem) < 0)
		return set_value_fault(value, fault, "%s", problem.text);
	if (duration_s < field->low || duration_s > field->high)
		return set_value_fault(value, fault, "expected %jd to %jd seconds, found %s",
				       (intmax_t)field->low, (intmax_t)field->high, value->text);
	*member = duration_s;
	return 0;
}

int set_percentage(const struct yaml_node *value, const struct field *field, void *object,
		   struct fault *fault)
{
	size_t *member = member_at(object, field->offset);
	size_t digits;

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	digits = strspn(value->text, "0123456789");
	if (digits == 0 || digits > 3 || (value->text[0] == '0' && digits > 1) ||
	    strcmp(value->text + digits, "%") != 0 || strtoll(value->text, NULL, 10) < field->low ||
	    strtoll(value->text, NULL, 10) > field->high)
		return set_value_fault(value, fault, "expected %jd%% to %jd%%, found %s",
				       (intmax_t)field->low, (intmax_t)field->high, value->text);
	*member = (size_t)strtoll(value->text, NULL, 10);
	return 0;
}

int set_endpoint(const struct yaml_node *value, const struct field *field, void *object,
		 struct fault *fault)
{
	struct fault problem = {0};

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	if (parse_endpoint(value->text, member_at(object, field->offset), &problem) < 0)
		return set_value_fault(value, fault, "%s", problem.text);
	return 0;
}

int set_endpoints(const struct yaml_node *value, const struct field *field, void *object,
		  struct fault *fault)
{
	struct endpoint_list *member = member_at(object, field->offset);
	bool several = value->kind == YAML_LIST;
	size_t count = several ? value->count : 1;

	if (count < 1 || count > ENDPOINTS_MAX)
		return set_value_fault(value, fault, "expected 1 to %d endpoints, found %zu",
				       ENDPOINTS_MAX, count);
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *each = several ? value->children[i] : value;
		const struct field row = {.offset = field->offset +
						    offsetof(struct endpoint_list, endpoints) +
						    i * sizeof(struct endpoint)};

		if (set_endpoint(each, &row, object, fault) < 0)
			return -1;
		for (size_t j = 0; j < i; j++)
			if (equal_endpoints(&member->endpoints[i], &member->endpoints[j]))
				return set_value_fault(each, fault,
						       "expected each endpoint once, found %s "
						       "again",
						       each->text);
	}
	member->count = count;
	return 0;
}

int set_hosts(const struct yaml_node *value, const struct field *field, void *object,
	      struct fault *fault)
{
	struct host_list *member = member_at(object, field->offset);
	bool several = value->kind == YAML_LIST;
	size_t count = several ? value->count : 1;

	if (count < 1 || count > HOSTS_MAX)
		return set_value_fault(value, fault, "expected 1 to %d hosts, found %zu", HOSTS_MAX,
				       count);
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *each = several ? value->children[i] : value;
		struct fault problem = {0};

		if (expect_kind(each, YAML_SCALAR, fault) < 0)
			return -1;
		if (parse_host(each->text, member->hosts[i], &problem) < 0)
			return set_value_fault(each, fault, "%s", problem.text);
	}
	member->count = count;
	return 0;
}

int set_tls_minimum(const struct yaml_node *value, const struct field *field, void *object,
		    struct fault *fault)
{
	bool *member = member_at(object, field->offset);

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	if (strcmp(value->text, "1.2") != 0 && strcmp(value->text, "1.3") != 0)
		return set_value_fault(value, fault, "expected \"1.3\" or \"1.2\", found \"%.60s\"",
				       value->text);
	*member = strcmp(value->text, "1.2") == 0;
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_hosts(const struct host_list *a, const struct host_list *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->hosts[i], b->hosts[i]) == 0;
	return same;
}

static bool same_list(const struct endpoint_list *a, const struct endpoint_list *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = equal_endpoints(&a->endpoints[i], &b->endpoints[i]);
	return same;
}

static bool same_value(const struct field *field, const void *before, const void *after)
{
	const void *a = (const char *)before + field->offset;
	const void *b = (const char *)after + field->offset;

	if (field->set == set_number || field->set == set_percentage)
		return *(const size_t *)a == *(const size_t *)b;
	if (field->set == set_duration)
		return *(const int64_t *)a == *(const int64_t *)b;
	if (field->set == set_flag || field->set == set_tls_minimum)
		return *(const bool *)a == *(const bool *)b;
	if (field->set == set_key_type)
		return *(const enum key_type *)a == *(const enum key_type *)b;
	if (field->set == set_text || field->set == set_fixed || field->set == set_template ||
	    field->set == set_url)
		return same_text(*(char *const *)a, *(char *const *)b);
	if (field->set == set_endpoint)
		return equal_endpoints(a, b);
	if (field->set == set_hosts)
		return same_hosts(a, b);
	return field->set != set_endpoints || same_list(a, b);
}

void append_differences(const struct field *fields, const void *before, const void *after,
			const char *prefix, struct buffer *names)
{
	for (const struct field *each = fields; each->name != NULL; each++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "%s.%s", prefix, each->name);
		if (each->set == set_fields)
			append_differences(each->fields, before, after, name, names);
		else if (!same_value(each, before, after))
			append_format(names, "%s%s", names->len > 0 ? ", " : "", name);
	}
}

static int parse_key_type_at(const struct yaml_node *value, enum key_type *ret_type,
			     struct fault *fault)
{
	struct fault problem = {0};

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	if (parse_key_type(value->text, ret_type, &problem) < 0)
		return set_value_fault(value, fault, "%s", problem.text);
	return 0;
}

int set_key_type(const struct yaml_node *value, const struct field *field, void *object,
		 struct fault *fault)
{
	return parse_key_type_at(value, member_at(object, field->offset), fault);
}

int set_key_list(const struct yaml_node *value, const struct field *field, void *object,
		 struct fault *fault)
{
	bool *member = member_at(object, field->offset);

	if (expect_kind(value, YAML_LIST, fault) < 0)
		return -1;
	if (value->count == 0)
		return set_value_fault(value, fault, "expected a key type, found an empty list");
	for (size_t i = 0; i < value->count; i++) {
		enum key_type type;

		if (parse_key_type_at(value->children[i], &type, fault) < 0)
			return -1;
		if (member[type])
			return set_value_fault(value->children[i], fault,
					       "expected each key type once, found %s again",
					       format_key_type(type));
		member[type] = true;
	}
	return 0;
}

static int set_alt_name(const struct yaml_node *value, const struct field *field, char **member,
			struct fault *fault)
{
	struct fault problem = {0};

	if (check_text(value, field, fault) < 0)
		return -1;
	if (check_alt_name_template(value->text, &problem) < 0)
		return set_value_fault(value, fault, "%s", problem.text);
	*member = strdup(value->text);
	return *member != NULL ? 0 : set_memory_fault(fault);
}

int set_alt_names(const struct yaml_node *value, const struct field *field, void *object,
		  struct fault *fault)
{
	char ***member = member_at(object, field->offset);
	size_t *count = member_at(object, field->count_offset);

	if (expect_kind(value, YAML_LIST, fault) < 0)
		return -1;
	if (value->count > ALT_NAMES_MAX)
		return set_value_fault(value, fault, "expected at most %d names, found %zu",
				       ALT_NAMES_MAX, value->count);
	if (value->count == 0)
		return 0;
	*member = calloc(value->count, sizeof(**member));
	if (*member == NULL)
		return set_memory_fault(fault);
	for (; *count < value->count; (*count)++)
		if (set_alt_name(value->children[*count], field, &(*member)[*count], fault) < 0)
			return -1;
	return 0;
}
