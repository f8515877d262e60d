#include "common/base/key_type.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

Test(key_type, refuses_other_names)
{
	static const char *const bad[] = {
		"",           "ecdsa",      "p256",   "ECDSA-P256", "ecdsa-p256 ",
		"ecdsa-p192", "ecdsa-p521", "rsa",    "rsa-1024",   "rsa-2047",
		"rsa-02048",  "ed448",      "x25519", "dsa-2048",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		enum key_type type = KEY_TYPE_COUNT;

		REFUSED(parse_key_type(bad[i], &type, &fault), FAULT_USAGE,
			"is no key type: expected ecdsa-p256", "accepted %s", bad[i]);
		cr_expect_eq(type, KEY_TYPE_COUNT);
	}
}

Test(key_type, names_every_type_in_its_refusal)
{
	enum key_type type;

	REFUSED(parse_key_type("x", &type, &fault), FAULT_USAGE, NULL);
	for (unsigned int i = 0; i < KEY_TYPE_COUNT; i++)
		SAID(format_key_type((enum key_type)i));
}

Test(key_type, is_read_as_it_is_written)
{
	for (unsigned int i = 0; i < KEY_TYPE_COUNT; i++) {
		enum key_type type = KEY_TYPE_COUNT;

		OK(parse_key_type(format_key_type((enum key_type)i), &type, &fault));
		cr_expect_eq(type, i);
	}
}
