#ifndef CERTPOOL_TESTS_UNIT_POOL_MESSAGES_CHOOSING_H
#define CERTPOOL_TESTS_UNIT_POOL_MESSAGES_CHOOSING_H

#include "common/pool/messages/choose_signer.h"
#include "tests/unit/pool/fixture.h"

enum { CHOOSING_SIZE = 6 };

/* What the tests of a process choose from: the certified pool of client1. */
extern struct choosing {
	struct fixture fixture;
	struct client_node *client;
	struct signer_cache *cache;
} choosing;

void open_choosing(void);
void close_choosing(void);

/* As a process of its own would: with nothing but what is on the disk. */
struct chooser *open_chooser(enum reuse method);

size_t choose_at(struct chooser *chooser, const char *peer, int64_t now_s);
size_t choose(struct chooser *chooser);

void expect_each_once(const size_t counts[static CHOOSING_SIZE + 1]);

/* Removes the member's certificate. */
void remove_member(size_t index);

/* Replaces state/pool by a copy of it, as a restored backup does. */
void restore_state(const struct buffer *content);

#endif
