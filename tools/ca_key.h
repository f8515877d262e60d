#ifndef CERTPOOL_TOOLS_CA_KEY_H
#define CERTPOOL_TOOLS_CA_KEY_H

#include "common/ca/issue/authority.h"
#include "tools/options.h"

/*
 * The options by which a verb gets the passphrase of the CA's key, and opens the key or the whole
 * CA with it. Such a verb has a struct ca_key_settings in its settings and the rows CA_KEY_OPTIONS
 * in its table. An all-zero struct means: as the manifest says.
 */
struct ca_key_settings {
	const char *passphrase_file; /* "-": standard input */
	size_t passphrase_fd;        /* 0: not given */
};

/* settings: the verb's struct; member: the struct ca_key_settings in it. */
#define CA_KEY_OPTIONS(settings, member)                                                           \
	{"passphrase-file",                                                                        \
	 0,                                                                                        \
	 false,                                                                                    \
	 "FILE",                                                                                   \
	 take_text,                                                                                \
	 offsetof(settings, member) + offsetof(struct ca_key_settings, passphrase_file),           \
	 "the file with the passphrase of the CA's key, instead of the manifest's",                \
	 NULL},                                                                                    \
	{                                                                                          \
		"passphrase-fd", 0, false, "FD", take_count,                                       \
			offsetof(settings, member) +                                               \
				offsetof(struct ca_key_settings, passphrase_fd),                   \
			"a descriptor to read that passphrase from, to its end", NULL              \
	}

/*
 * Reads the passphrase from where the options say, else from the manifest's ca.passphrase_file, and
 * the PIN from the manifest's ca.pin_file.
 * Owns: clear_key_access frees it; the manifest must outlive it.
 * Errors: FAULT_USAGE for a passphrase option when all keys are in a token.
 */
int open_key_access(const struct manifest *manifest, const struct ca_key_settings *given,
		    struct key_access *ret_access, struct fault *fault) MUST_CHECK;

/*
 * Opens the CA as of now, with its key: open_authority with what open_key_access reads.
 * Owns: free_authority frees it.
 */
int open_ca(const struct layout *layout, const struct manifest *manifest,
	    const struct ca_key_settings *given, enum authority_mode mode,
	    struct authority **ret_authority, struct fault *fault) MUST_CHECK;

#endif
