#ifndef CERTPOOL_CA_SHARED_FRONT_END_FILE_H
#define CERTPOOL_CA_SHARED_FRONT_END_FILE_H

#include "common/base/bytes.h"
#include "common/layout/layout.h"

/* The number of the front end (front_ends.h) that the layout is of, in its state/: its digits and a
   line end. */
#define FRONT_END_FILE "front_end"
enum { FRONT_END_TEXT_MAX = 24 };

int write_front_end_file(const struct layout *layout, int64_t number,
			 struct fault *fault) MUST_CHECK;

/* *ret_number 0: there is no file. */
int read_front_end_file(const struct layout *layout, int64_t *ret_number,
			struct fault *fault) MUST_CHECK;

/* The number in the content of that file. Errors: FAULT_MALFORMED. */
int parse_front_end_number(struct bytes text, int64_t *ret_number, struct fault *fault) MUST_CHECK;

#endif
