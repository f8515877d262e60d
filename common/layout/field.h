#ifndef CERTPOOL_LAYOUT_FIELD_H
#define CERTPOOL_LAYOUT_FIELD_H

#include "common/layout/yaml.h"

#include <stdint.h>

/*
 * A mapping of the manifest is read by a table with one row for each allowed key. A row has the
 * member of the object to set, the setter, and the default, as the text that a manifest would have.
 */
struct field;

/* Reads a value into a member of the table's object. */
typedef int field_setter(const struct yaml_node *value, const struct field *field, void *object,
			 struct fault *fault);

struct field {
	const char *name;
	field_setter *set;
	size_t offset;        /* of the member in the object */
	size_t count_offset;  /* of the member's count, if it is a list */
	const char *fallback; /* the default; NULL: the member stays unchanged */
	bool required;
	int64_t low; /* range of a number or duration; high: most octets of a text */
	int64_t high;
	const struct field *fields; /* the table of a nested mapping */
};

/*
 * Reads a mapping by a table, which ends with a row without a name.
 * Errors: FAULT_USAGE with line and column, for a key without a row, a missing required key, and a
 * value that its setter refuses.
 */
int read_fields(const struct yaml_node *mapping, const struct field *fields, void *object,
		struct fault *fault) MUST_CHECK;

/*
 * Appends the names of the keys whose values differ in two objects of the table, each with the
 * prefix and after ", " unless it is the first, like "ca.crl.url". A value whose setter is none of
 * those below counts as equal.
 */
void append_differences(const struct field *fields, const void *before, const void *after,
			const char *prefix, struct buffer *names);

/* Refuses a value of another kind. */
int expect_kind(const struct yaml_node *value, enum yaml_kind kind, struct fault *fault) MUST_CHECK;

/* The setters, and the types of their members. */
field_setter set_fields;      /* the same object, by field->fields; missing counts as empty */
field_setter set_number;      /* size_t, low to high, in decimal without leading zero */
field_setter set_flag;        /* bool: true or false */
field_setter set_duration;    /* int64_t, seconds, low to high */
field_setter set_percentage;  /* size_t, low to high: "10%" */
field_setter set_text;        /* char *, 1 to high octets; a number must be in quotes */
field_setter set_fixed;       /* the same, without braces */
field_setter set_template;    /* the same, check_template */
field_setter set_url;         /* the same, check_web_url */
field_setter set_endpoint;    /* struct endpoint */
field_setter set_endpoints;   /* struct endpoint_list: one, or a list of 1 to ENDPOINTS_MAX */
field_setter set_hosts;       /* struct host_list: one, or a list of 1 to HOSTS_MAX */
field_setter set_tls_minimum; /* bool: "1.2" is true, "1.3" false */
field_setter set_key_type;    /* enum key_type */
field_setter set_key_list;    /* bool[KEY_TYPE_COUNT]: true for the listed types */
field_setter set_alt_names;   /* char ** and its count: templates with one of the four prefixes */

#endif
