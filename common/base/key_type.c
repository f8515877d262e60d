#include "common/base/key_type.h"

#include "common/base/name.h"

#include <string.h>

static const char *const names[KEY_TYPE_COUNT] = {
	[KEY_ECDSA_P256] = "ecdsa-p256", [KEY_ECDSA_P384] = "ecdsa-p384",
	[KEY_ED25519] = "ed25519",       [KEY_RSA_2048] = "rsa-2048",
	[KEY_RSA_3072] = "rsa-3072",     [KEY_RSA_4096] = "rsa-4096",
};

const char *format_key_type(enum key_type type)
{
	return names[type];
}

bool is_rsa_key(enum key_type type)
{
	return type == KEY_RSA_2048 || type == KEY_RSA_3072 || type == KEY_RSA_4096;
}

int parse_key_type(const char *text, enum key_type *ret_type, struct fault *fault)
{
	struct nearest_name search = {.word = text};
	char meant[MEANT_SIZE];

	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++) {
		if (strcmp(text, names[type]) != 0)
			continue;
		*ret_type = (enum key_type)type;
		return 0;
	}
	/* Only now, as a CA reads key types with every request, out of the client's row. */
	for (unsigned int type = 0; type < KEY_TYPE_COUNT; type++)
		compare_name(&search, names[type]);
	format_meant(&search, meant);
	return set_fault(fault, FAULT_USAGE,
			 "\"%s\" is no key type: expected ecdsa-p256, ecdsa-p384, ed25519, "
			 "rsa-2048, rsa-3072 or rsa-4096%s",
			 text, meant);
}
