#include "common/crypto/json_memory.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

/* That nothing is left of a secret is for the end-to-end tests, which look into the process. */
Test(json_memory, takes_the_freeing_over_from_jansson)
{
	json_malloc_t allocate;
	json_free_t release;
	json_t *string;

	wipe_json_memory();
	json_get_alloc_funcs(&allocate, &release);
	cr_expect_eq(allocate, malloc);
	cr_assert_neq(release, free);
	release(NULL);
	string = json_string("kept while it is used");
	cr_assert_not_null(string);
	cr_expect_str_eq(json_string_value(string), "kept while it is used");
	json_decref(string);
}
