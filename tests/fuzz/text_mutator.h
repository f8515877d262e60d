#ifndef CERTPOOL_TESTS_FUZZ_TEXT_MUTATOR_H
#define CERTPOOL_TESTS_FUZZ_TEXT_MUTATOR_H

#include "tests/fuzz/der_mutator.h"

/* Changes texts that are taken apart into tokens. */

enum { TOKENS_MAX = 2048 };

/* Pieces of a text, in their order and without gaps. */
struct tokens {
	struct bytes token[TOKENS_MAX];
	size_t count;
};

/* Takes len octets off *rest as the next token; all of *rest when there is only one place left. */
void add_token(struct tokens *tokens, struct bytes *rest, size_t len);

/* Adds pieces that end with the character, which belongs to them. */
void split_at(struct bytes text, char end, struct tokens *tokens);

/* Appends the token with a character inserted or replaced. */
void append_changed_text(struct lot *lot, struct bytes token, struct buffer *buffer);

/*
 * Appends the tokens, of which there is at least one, with one of them left out, doubled, changed,
 * or replaced by another one or a sample.
 */
void change_tokens(struct lot *lot, const struct tokens *tokens, const char *const *samples,
		   size_t sample_count, struct buffer *buffer);

#endif
