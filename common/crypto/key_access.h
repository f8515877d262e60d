#ifndef CERTPOOL_CRYPTO_KEY_ACCESS_H
#define CERTPOOL_CRYPTO_KEY_ACCESS_H

#include "common/crypto/key.h"
#include "common/layout/layout.h"

/*
 * How to open a CA's private keys: from a key file of a layout, unencrypted or under a passphrase,
 * or in a PKCS#11 token with its PIN. Zero-initialised: unencrypted files.
 */
struct key_access {
	const char *url;          /* of the issuing key in a token; NULL: a file. Borrowed */
	struct secret pin;        /* empty: none */
	struct secret passphrase; /* of key files; empty: none */
	char *passphrase_source;  /* the name of its file, for messages */
	char *pin_source;         /* the same for the PIN */
	/* Where the content of the file ca.N.key is when there is no file; NULL: nowhere.
	   FAULT_NOT_FOUND without it. */
	int (*find)(void *context, unsigned int number, struct secret *ret_pem,
		    struct fault *fault);
	void *find_context;
};

void clear_key_access(struct key_access *access);

/*
 * Reads a PIN or a passphrase: one line of 1 to PASSPHRASE_MAX octets without control characters,
 * without its line end. The file must belong to this user, and no other user may read it
 * (read_secret_file).
 * Errors: with the name of the file, never with its content.
 */
int read_secret_line(const char *path, struct secret *ret_line, struct fault *fault) MUST_CHECK;

/* The same from a descriptor, which is read to its end and stays open. `name` is for messages. */
int read_secret_line_from(int descriptor, const char *name, struct secret *ret_line,
			  struct fault *fault) MUST_CHECK;

/*
 * Opens the key file Private/{name}.
 * Errors: FAULT_REFUSED if the key is encrypted and there is no passphrase or a wrong one, and if
 * there is a passphrase for a key that is not encrypted; as of read_secret_file and
 * parse_private_key.
 */
int open_key_file(const struct layout *layout, const char *name, const struct key_access *access,
		  struct private_key **ret_key, struct fault *fault) MUST_CHECK;

/*
 * Opens the key in the token if there is a URL, else the key file. Of a later issuer of a CA, whose
 * file would be ca.N.key, it is the token's key with "-N" behind the label of the URL.
 */
int open_private_key(const struct layout *layout, const char *name, const struct key_access *access,
		     struct private_key **ret_key, struct fault *fault) MUST_CHECK;

/* Generates a key, and the content of its file, encrypted if there is a passphrase. */
int make_key_pem(enum key_type type, const struct key_access *access, struct private_key **ret_key,
		 struct secret *ret_pem, struct fault *fault) MUST_CHECK;

/*
 * Generates a key and writes it to Private/{name}, mode 0600, encrypted if there is a passphrase.
 * Errors: FAULT_REFUSED if the file exists.
 */
int make_key_file(const struct layout *layout, const char *name, enum key_type type,
		  const struct key_access *access, struct fault *fault) MUST_CHECK;

#endif
