#ifndef CERTPOOL_TOOLS_CERTIFICATE_SELECTOR_H
#define CERTPOOL_TOOLS_CERTIFICATE_SELECTOR_H

#include "common/base/name.h"
#include "common/ca/store/listing.h"
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

/* Targets, in the CA's record. */

/* Rules for the operator. The store must outlive them. */
struct selector_rules operator_rules(struct store *store);

enum selector_choice {
	CHOOSE_ONE,  /* of a member: the live certificate, else the only one */
	CHOOSE_LIVE, /* of a member: the live certificate, else those that are revoked already */
	CHOOSE_ALL,  /* the same, and all the live ones when there are several */
};

/*
 * Appends the serials, each SERIAL_MAX octets, of the certificates that a target of any kind but
 * SELECTOR_CLIENT names. A file must hold exactly a certificate that is recorded: FAULT_NOT_FOUND
 * for one that was never issued, FAULT_REFUSED for another with the serial of one that was. A
 * member with several live certificates is ambiguous: FAULT_USAGE, with the serials.
 */
int resolve_selector(struct store *store, const struct certificate_selector *target,
		     enum selector_choice choice, int64_t now_s, struct buffer *serials,
		     struct fault *fault) MUST_CHECK;

#endif
