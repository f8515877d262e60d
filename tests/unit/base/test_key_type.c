#include "common/base/key_type.h"

#include <criterion/criterion.h>
#include <string.h>

Test(key_type, refuses_other_names)
{
	static const char *const bad[] = {
		"",           "ecdsa",      "p256",   "ECDSA-P256", "ecdsa-p256 ",
		"ecdsa-p192", "ecdsa-p521", "rsa",    "rsa-1024",   "rsa-2047",
		"rsa-02048",  "ed448",      "x25519", "dsa-2048",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		enum key_type type = KEY_TYPE_COUNT;
		struct fault fault = {0};

		cr_expect_eq(parse_key_type(bad[i], &type, &fault), -1, "accepted %s", bad[i]);
		cr_expect_eq(type, KEY_TYPE_COUNT);
		cr_expect_eq(fault.class, FAULT_USAGE);
		cr_expect_not_null(strstr(fault.text, "is no key type: expected ecdsa-p256"), "%s",
				   fault.text);
	}
}

Test(key_type, names_every_type_in_its_refusal)
{
	enum key_type type;
	struct fault fault = {0};

	cr_assert_eq(parse_key_type("x", &type, &fault), -1);
	for (unsigned int i = 0; i < KEY_TYPE_COUNT; i++)
		cr_expect_not_null(strstr(fault.text, format_key_type((enum key_type)i)));
}

Test(key_type, is_read_as_it_is_written)
{
	for (unsigned int i = 0; i < KEY_TYPE_COUNT; i++) {
		enum key_type type = KEY_TYPE_COUNT;
		struct fault fault = {0};

		cr_expect_eq(parse_key_type(format_key_type((enum key_type)i), &type, &fault), 0,
			     "%s", fault.text);
		cr_expect_eq(type, i);
	}
}
