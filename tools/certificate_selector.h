#ifndef CERTPOOL_TOOLS_CERTIFICATE_SELECTOR_H
#define CERTPOOL_TOOLS_CERTIFICATE_SELECTOR_H

#include "common/base/name.h"
#include "common/x509/certificate.h"

/*
 * What a word on the command line names: a certificate by its serial or by its file, a member, a
 * client. What could be two things that there are is refused, with how to say the one or the other.
 */
enum selector_kind {
	SELECTOR_SERIAL, /* common/x509/serial.h */
	SELECTOR_FILE,   /* has a dot, or a slash that makes no member, or is a file; "-" */
	SELECTOR_MEMBER, /* "client1/7", "client1/key7", and, of `as`, "7" */
	SELECTOR_CLIENT, /* "client1", and beyond doubt "client1/" */
};

struct certificate_selector {
	enum selector_kind kind;
	const char *text;           /* as given */
	uint8_t serial[SERIAL_MAX]; /* of SELECTOR_SERIAL */
	char client[NAME_SIZE];     /* of SELECTOR_MEMBER and SELECTOR_CLIENT */
	char member[NAME_SIZE];     /* of SELECTOR_MEMBER */
};

/* Whether there is such a member, or client. Asked only when the word could be something else. */
typedef int selector_lookup(void *context, const struct certificate_selector *target,
			    bool *ret_exists, struct fault *fault);

struct selector_rules {
	const char *as; /* the client that speaks, whose members need no name; NULL: the operator */
	selector_lookup *lookup;
	void *context;
};

/* Errors: FAULT_USAGE. That it is there is not said: only that it can be nothing else. */
int parse_selector(const char *text, const struct selector_rules *rules,
		   struct certificate_selector *ret_target, struct fault *fault) MUST_CHECK;

#endif
