#ifndef CERTPOOL_LAYOUT_FIELD_H
#define CERTPOOL_LAYOUT_FIELD_H

#include "common/layout/yaml.h"

#include <stdint.h>

/*
 * A mapping of the manifest is read by a table with one row for each key that may stand in it. A
 * row says where the value goes, how it is read, and what it is when the key is missing: the same
 * text that a manifest would have there. So there is one place for each key.
 */
struct field;

/* Reads a value into the object that the table is for. */
typedef int field_setter(const struct yaml_node *value, const struct field *field, void *object,
			 struct fault *fault);

struct field {
	const char *name;
	field_setter *set;
	size_t offset;        /* of the member of the object */
	size_t count_offset;  /* of its count, where it is a list */
	const char *fallback; /* what it is when missing; NULL: stays as it is */
	bool required;
	int64_t low; /* range of numbers and durations; most octets of text is high */
	int64_t high;
	const struct field *fields; /* the table of a nested mapping, ends with a NULL name */
};

/*
 * Reads a mapping by a table that ends with a row without a name. A key that has no row, a missing
 * one that is required, and a value that its setter refuses are faults with their place.
 */
int read_fields(const struct yaml_node *mapping, const struct field *fields, void *object,
		struct fault *fault) MUST_CHECK;

/* Refuses what is not of the kind. */
int expect_kind(const struct yaml_node *value, enum yaml_kind kind, struct fault *fault) MUST_CHECK;

/* Setters, each for a member of the type said. */
field_setter set_fields;    /* the same object, by field->fields; missing is as if empty */
field_setter set_number;    /* size_t, low to high, in decimal without leading zero */
field_setter set_flag;      /* bool: true or false */
field_setter set_duration;  /* int64_t, seconds, low to high */
field_setter set_text;      /* char *, 1 to high octets; a number has to be in quotes */
field_setter set_fixed;     /* the same, without braces */
field_setter set_template;  /* the same, check_template */
field_setter set_url;       /* the same, check_web_url */
field_setter set_endpoint;  /* struct endpoint */
field_setter set_key_type;  /* enum key_type */
field_setter set_key_list;  /* bool[KEY_TYPE_COUNT]: true for those listed */
field_setter set_alt_names; /* char ** and its count: templates with one of the four prefixes */

#endif
