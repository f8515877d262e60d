#include "tests/unit/pool/messages/choosing.h"

#include "tests/support/expect.h"

#include <unistd.h>

struct choosing choosing;

void open_choosing(void)
{
	open_fixture(&choosing.fixture);
	choosing.client = &choosing.fixture.clients[0];
	choosing.client->pool.size = CHOOSING_SIZE;
	make_certified_pool(&choosing.fixture, 0);
	OK(new_signer_cache(choosing.fixture.layouts[0], choosing.client->name, CHOOSING_SIZE,
			    &choosing.cache, &fault));
}

void close_choosing(void)
{
	free_signer_cache(&choosing.cache);
	close_fixture(&choosing.fixture);
}

struct chooser *open_chooser(enum reuse method)
{
	struct chooser *chooser = NULL;

	choosing.client->pool.reuse.method = method;
	OK(new_chooser(choosing.fixture.layouts[0], choosing.client, choosing.cache, &chooser,
		       &fault));
	return chooser;
}

size_t choose_at(struct chooser *chooser, const char *peer, int64_t now_s)
{
	CLEANUP(release_signer) struct signer *signer = NULL;

	OK(choose_signer(chooser, peer, now_s, &signer, &fault));
	return signer->member.index;
}

size_t choose(struct chooser *chooser)
{
	return choose_at(chooser, "client2", choosing.fixture.now_s);
}

void expect_each_once(const size_t counts[static CHOOSING_SIZE + 1])
{
	for (size_t i = 1; i <= CHOOSING_SIZE; i++)
		cr_expect_eq(counts[i], 1, "member %zu: %zu times", i, counts[i]);
}

void remove_member(size_t index)
{
	char name[FILE_NAME_SIZE];

	name_certificate(index, name);
	cr_assert_eq(unlinkat(choosing.fixture.layouts[0]->cert, name, 0), 0);
}

void restore_state(const struct buffer *content)
{
	cr_assert_eq(unlinkat(choosing.fixture.layouts[0]->state, POOL_STATE_FILE, 0), 0);
	/* Another file in between, as the number of a removed file may be given again at once; the
	   time of birth tells these apart, where the file system has one. */
	put_file(choosing.fixture.layouts[0]->state, "other", "x", 0600);
	put_file(choosing.fixture.layouts[0]->state, POOL_STATE_FILE, (const char *)content->data,
		 0600);
	cr_assert_eq(unlinkat(choosing.fixture.layouts[0]->state, "other", 0), 0);
}
