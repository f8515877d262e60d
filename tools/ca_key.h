#ifndef CERTPOOL_TOOLS_CA_KEY_H
#define CERTPOOL_TOOLS_CA_KEY_H

#include "common/ca/issue/authority.h"
#include "tools/options.h"

/*
 * How a verb gets at the CA's key: the options that say it, and what the manifest says. A verb that
 * opens the key has a struct ca_key_settings in its settings, and the rows CA_KEY_OPTIONS in its
 * table.
 */
struct ca_key_settings {
	const char *passphrase_file; /* "-": standard input */
	size_t passphrase_fd;        /* 0: not given */
};

/* The rows of the options; settings is the verb's struct, member the one above in it. */
#define CA_KEY_OPTIONS(settings, member)                                                           \
	{"passphrase-file",                                                                        \
	 0,                                                                                        \
	 false,                                                                                    \
	 "FILE",                                                                                   \
	 take_text,                                                                                \
	 offsetof(settings, member) + offsetof(struct ca_key_settings, passphrase_file),           \
	 "what holds the passphrase of the CA's key, when not as in the manifest",                 \
	 NULL},                                                                                    \
	{                                                                                          \
		"passphrase-fd", 0, false, "FD", take_count,                                       \
			offsetof(settings, member) +                                               \
				offsetof(struct ca_key_settings, passphrase_fd),                   \
			"read that passphrase from this descriptor, to its end", NULL              \
	}

/*
 * Reads what is to be known: the passphrase where the options, else the manifest say; the PIN where
 * the manifest says.
 * Owns: clear_key_access. The manifest must outlive it.
 * Errors: FAULT_USAGE for a passphrase where no key is a file.
 */
int open_key_access(const struct manifest *manifest, const struct ca_key_settings *given,
		    struct key_access *ret_access, struct fault *fault) MUST_CHECK;

/* open_authority with that access, now. */
int open_ca(const struct layout *layout, const struct manifest *manifest,
	    const struct ca_key_settings *given, enum authority_mode mode,
	    struct authority **ret_authority, struct fault *fault) MUST_CHECK;

#endif
