#ifndef CERTPOOL_BASE_KEY_TYPE_H
#define CERTPOOL_BASE_KEY_TYPE_H

#include "common/base/fault.h"

#include <stdbool.h>

/* The kinds of key pair that a pool can have, by the names that the manifest uses. */
enum key_type {
	KEY_ECDSA_P256,
	KEY_ECDSA_P384,
	KEY_ED25519,
	KEY_RSA_2048,
	KEY_RSA_3072,
	KEY_RSA_4096,
	KEY_TYPE_COUNT,
};

/* The name in the manifest: "ecdsa-p256", … */
const char *format_key_type(enum key_type type);
bool is_rsa_key(enum key_type type);
/* Errors: FAULT_USAGE, with the list of the names. */
int parse_key_type(const char *text, enum key_type *ret_type, struct fault *fault) MUST_CHECK;

#endif
