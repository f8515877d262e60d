#ifndef CERTPOOL_LAYOUT_USAGES_H
#define CERTPOOL_LAYOUT_USAGES_H

#include "common/base/bytes.h"

/*
 * What a certificate is for, in the manifest's words. A set of them is an unsigned int of these
 * bits; purpose.h (common/x509) has the extensions that say so in a certificate.
 */
enum usage {
	USE_SIGN = 0x01,   /* messages and documents: the default */
	USE_CLIENT = 0x02, /* of TLS */
	USE_SERVER = 0x04, /* of TLS */
	USE_EMAIL = 0x08,  /* S/MIME */
	/* A server of TLS 1.2 whose clients encrypt to its RSA key: no usage by itself. */
	USE_KEY_ENCIPHERMENT = 0x10,
	/* Of a certificate: USE_SIGN alone, and named in it. It has no name in a list. */
	USE_NAMED_SIGN = 0x20,
};

/* The usages that are some by themselves. */
#define PLAIN_USAGES (USE_SIGN | USE_CLIENT | USE_SERVER | USE_EMAIL)

/* Reads "sign", "client", "server", "email" or "key-encipherment". Errors: FAULT_USAGE. */
int parse_usage(const char *text, enum usage *ret_usage, struct fault *fault) MUST_CHECK;

/*
 * Reads names separated by commas, each once. Errors: FAULT_USAGE, also for key-encipherment
 * without server.
 */
int parse_usage_list(const char *text, unsigned int *ret_usages, struct fault *fault) MUST_CHECK;

/* Refuses an empty set, and key-encipherment without server. Errors: FAULT_USAGE. */
int check_usages(unsigned int usages, struct fault *fault) MUST_CHECK;

/* Appends the names of a set as parse_usage_list reads them; nothing for an empty one. */
void append_usage_list(unsigned int usages, struct buffer *buffer);

/* Room for all names, separated by commas, and a NUL. */
enum { USAGES_TEXT_SIZE = 64 };

/* The same as text. */
void format_usages(unsigned int usages, char ret_text[static USAGES_TEXT_SIZE]);

#endif
