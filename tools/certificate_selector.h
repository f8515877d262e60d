#ifndef CERTPOOL_TOOLS_CERTIFICATE_SELECTOR_H
#define CERTPOOL_TOOLS_CERTIFICATE_SELECTOR_H

#include "common/base/name.h"
#include "common/ca/store/certificates.h"
#include "common/x509/certificate.h"

/*
 * The words by which the command line names certificates: a serial, a certificate's file, a member,
 * or a whole client. A word that fits two existing things is refused, and the message says how to
 * write each of them without doubt.
 */
enum selector_kind {
	SELECTOR_SERIAL, /* common/x509/serial.h */
	SELECTOR_FILE,   /* "-", a word with a dot, a path, or the name of an existing file */
	SELECTOR_MEMBER, /* "client1/7" or "client1/key7"; "7" where selector_rules.as is set */
	SELECTOR_CLIENT, /* "client1"; "client1/" can be nothing else */
};

struct certificate_selector {
	enum selector_kind kind;
	const char *text;           /* the word; borrowed */
	uint8_t serial[SERIAL_MAX]; /* of SELECTOR_SERIAL */
	char client[NAME_SIZE];     /* of SELECTOR_MEMBER and SELECTOR_CLIENT */
	char member[NAME_SIZE];     /* of SELECTOR_MEMBER */
};

/* Whether a member or client exists. Called only for a word that fits several kinds. */
typedef int selector_lookup(void *context, const struct certificate_selector *selector,
			    bool *ret_exists, struct fault *fault);

struct selector_rules {
	const char *as; /* the client whose members need no client's name; NULL: the operator */
	selector_lookup *lookup;
	void *context;
};

/* The operator's rules: existence is looked up in the CA's record. store must outlive them. */
struct selector_rules operator_rules(struct store *store);

/*
 * Decides what the word names; the thing itself need not exist.
 * Errors: FAULT_USAGE for a word that fits nothing, or several existing things.
 */
int parse_selector(const char *text, const struct selector_rules *rules,
		   struct certificate_selector *ret_selector, struct fault *fault) MUST_CHECK;

/*
 * Refuses a client that the CA's record does not have, with the one that was probably meant.
 * Errors: always -1: FAULT_NOT_FOUND.
 */
int refuse_absent_client(struct store *store, const char *name, struct fault *fault) MUST_CHECK;

/* Which of a member's certificates. "Live" is neither expired nor revoked. */
enum selector_choice {
	CHOOSE_ONE,  /* the live certificate, else the only one */
	CHOOSE_LIVE, /* the live certificate, else the revoked ones */
	CHOOSE_ALL,  /* all live certificates, else the revoked ones */
};

/*
 * Looks the selector up in the CA's record and appends the serials of its certificates, SERIAL_MAX
 * octets each.
 * Errors: FAULT_NOT_FOUND when this CA issued no such certificate; FAULT_REFUSED for a file whose
 * serial the CA gave to another certificate; FAULT_USAGE for a client, and for a member with
 * several certificates to choose from (the message lists the serials).
 */
int resolve_selector(struct store *store, const struct certificate_selector *selector,
		     enum selector_choice choice, int64_t now_s, struct buffer *serials,
		     struct fault *fault) MUST_CHECK;

/*
 * The same for the file of a SELECTOR_FILE. With ret_unrecorded, a certificate whose serial the
 * record lacks is no error: it is given there, and no serial is appended. Owns: free_certificate.
 */
int find_by_file(struct store *store, const char *path, struct buffer *serials,
		 struct certificate **ret_unrecorded, struct fault *fault) MUST_CHECK;

#endif
