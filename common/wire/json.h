#ifndef CERTPOOL_WIRE_JSON_H
#define CERTPOOL_WIRE_JSON_H

#include "common/crypto/json.h"

/* Reading and writing the JSON of plaintexts and events. For the files of this folder only. */

/* Compact JSON. The text is wiped when it is freed, since most of it is about to be encrypted. */
int format_json(const json_t *object, struct secret *ret_text, struct fault *fault) MUST_CHECK;

/* The type of a member, for check_members; JSON_TRUE is the value true only. */
struct member_rule {
	const char *name;
	json_type type;
	bool required;
};

/* Refuses (FAULT_MALFORMED) unknown members, missing ones and those of another type. */
int check_members(const json_t *object, const struct member_rule *rules, size_t rule_count,
		  struct fault *fault) MUST_CHECK;

/* Copies a string member of at most size-1 octets: FAULT_MALFORMED otherwise. */
int copy_string(const json_t *object, const char *name, char *ret_text, size_t size,
		struct fault *fault) MUST_CHECK;

/* Copies a string member that must be a valid_name. Shape: ret_text has NAME_SIZE octets. */
int copy_name(const json_t *object, const char *name, char *ret_text,
	      struct fault *fault) MUST_CHECK;

/* Copies a time: an integer from 0 to 253402300799 (the end of the year 9999). */
int copy_time(const json_t *object, const char *name, int64_t *ret_time_s,
	      struct fault *fault) MUST_CHECK;

/* A list of texts, in PEM or otherwise; NULL: out of memory, which json_object_set_new refuses. */
json_t *new_text_list(const struct buffer *texts, size_t count);

#endif
