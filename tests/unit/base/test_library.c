#include "common/base/library/library.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

struct functions {
	double (*present)(double number);
	double (*missing)(double number);
};

static const struct library_function functions[] = {
	{"floor", offsetof(struct functions, present)},
	{"certpool_floor", offsetof(struct functions, missing)},
};

Test(library, names_the_package_of_one_that_is_not_there)
{
	const struct library library = {"a test", "libnone.so.1", "libnone1", "2", functions, 1};
	struct functions loaded = {0};

	REFUSED(load_library(&library, &loaded, &fault), FAULT_FAILED,
		"a test needs the library libnone.so.1: install the package libnone1 "
		"(libnone.so.1: cannot open shared object file: No such file or directory)");
	cr_expect_null(loaded.present);
}

Test(library, names_the_version_of_one_that_lacks_a_function)
{
	const struct library library = {"a test", "libm.so.6", "libc6", "2", functions, 2};
	struct functions loaded = {0};

	REFUSED(load_library(&library, &loaded, &fault), FAULT_FAILED,
		"libm.so.6: expected the function certpool_floor, found none: install the package "
		"libc6, version 2 or newer");
}

Test(library, finds_the_functions_of_one_that_is_there)
{
	const struct library library = {"a test", "libm.so.6", "libc6", "2", functions, 1};
	struct functions loaded = {0};

	OK(load_library(&library, &loaded, &fault));
	cr_assert_not_null(loaded.present);
	cr_expect_eq(loaded.present(2.5), 2);
}
