#ifndef CERTPOOL_CRYPTO_KEY_ACCESS_H
#define CERTPOOL_CRYPTO_KEY_ACCESS_H

#include "common/crypto/key.h"
#include "common/layout/layout.h"

/*
 * How a CA's private keys are got at: a key file of a layout, plain or under a passphrase, or a key
 * in a PKCS#11 token, with its PIN. Zero-initialised: plain files.
 */
struct key_access {
	const char *url;          /* of the key that the CA issues with; NULL: a file. Borrowed */
	struct secret pin;        /* empty: none is given */
	struct secret passphrase; /* of key files; empty: they are not encrypted */
	char *passphrase_source;  /* what it was read from, for messages */
	char *pin_source;
};

void clear_key_access(struct key_access *access);

/*
 * Reads a PIN or a passphrase: one line of 1 to PASSPHRASE_MAX octets, without control characters;
 * the line end is not part of it. The file must be ours, and nobody else's to read
 * (read_secret_file).
 * Errors: name the file, never what is in it.
 */
int read_secret_line(const char *path, struct secret *ret_line, struct fault *fault) MUST_CHECK;

/* The same from a descriptor, which is read to its end and stays open. name is for messages. */
int read_secret_line_from(int descriptor, const char *name, struct secret *ret_line,
			  struct fault *fault) MUST_CHECK;

/*
 * Opens the key file Private/{name}. FAULT_REFUSED when it is encrypted and no passphrase is given,
 * when one is given that does not open it, and when one is given for a key that is not encrypted.
 */
int open_key_file(const struct layout *layout, const char *name, const struct key_access *access,
		  struct private_key **ret_key, struct fault *fault) MUST_CHECK;

/* Opens the key in the token when there is a URL, else the file. */
int open_private_key(const struct layout *layout, const char *name, const struct key_access *access,
		     struct private_key **ret_key, struct fault *fault) MUST_CHECK;

/*
 * Makes a key and writes it as Private/{name}, 0600, encrypted when there is a passphrase. The file
 * must not be there.
 */
int make_key_file(const struct layout *layout, const char *name, enum key_type type,
		  const struct key_access *access, struct fault *fault) MUST_CHECK;

#endif
