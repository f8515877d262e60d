#ifndef CERTPOOL_TOOLS_CERTIFICATE_SELECTOR_H
#define CERTPOOL_TOOLS_CERTIFICATE_SELECTOR_H

#include "common/base/name.h"
#include "common/x509/certificate.h"

/*
 * What a word on the command line names: a certificate by its serial or by its file, a member, a
 * client. What could be two things that there are is refused, with how to say the one or the other.
 */
enum target_kind {
	TARGET_SERIAL, /* common/x509/serial.h */
	TARGET_FILE,   /* has a dot, or a slash that makes no member, or is a file; "-" */
	TARGET_MEMBER, /* "client1/7", "client1/key7", and, of `as`, "7" */
	TARGET_CLIENT, /* "client1", and beyond doubt "client1/" */
};

struct target {
	enum target_kind kind;
	const char *text;           /* as given */
	uint8_t serial[SERIAL_MAX]; /* of TARGET_SERIAL */
	char client[NAME_SIZE];     /* of TARGET_MEMBER and TARGET_CLIENT */
	char member[NAME_SIZE];     /* of TARGET_MEMBER */
};

/* Whether there is such a member, or client. Asked only when the word could be something else. */
typedef int target_lookup(void *context, const struct target *target, bool *ret_exists,
			  struct fault *fault);

struct target_rules {
	const char *as; /* the client that speaks, whose members need no name; NULL: the operator */
	target_lookup *lookup;
	void *context;
};

/* Errors: FAULT_USAGE. That it is there is not said: only that it can be nothing else. */
int parse_target(const char *text, const struct target_rules *rules, struct target *ret_target,
		 struct fault *fault) MUST_CHECK;

#endif
