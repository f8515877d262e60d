#include "common/pool/messages/choose_in_window.h"

#include "common/base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct window_chooser {
	const struct layout *layout;
	const struct client_node *client;
	size_t expected;
	pthread_mutex_t lock; /* with windows, for the fields below */
	struct window window; /* whose members they are of; all zero: none yet, or all members */
	struct client_node present; /* the client with these members alone */
	struct signer_cache *cache;
	struct chooser *chooser;
};

static void leave_window(struct window_chooser *chooser)
{
	free_chooser(&chooser->chooser);
	free_signer_cache(&chooser->cache);
	free(TAKE(chooser->present.pool.marks));
	chooser->window = (struct window){0};
}

static int begin_choosing(struct window_chooser *chooser, const struct client_node *client,
			  struct fault *fault)
{
	if (new_signer_cache(chooser->layout, client->name, last_member(&client->pool),
			     &chooser->cache, fault) < 0)
		return -1;
	return new_chooser(chooser->layout, client, chooser->cache, &chooser->chooser, fault);
}

int new_window_chooser(const struct layout *layout, const struct client_node *client,
		       struct window_chooser **ret_chooser, struct fault *fault)
{
	CLEANUP(free_window_chooser) struct window_chooser *chooser = calloc(1, sizeof(*chooser));

	if (chooser == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&chooser->lock, NULL);
	chooser->layout = layout;
	chooser->client = client;
	if (!has_windows(&client->pool) && begin_choosing(chooser, client, fault) < 0)
		return -1;
	*ret_chooser = TAKE(chooser);
	return 0;
}

void free_window_chooser(struct window_chooser **chooser_pointer)
{
	struct window_chooser *chooser = TAKE(*chooser_pointer);

	if (chooser == NULL)
		return;
	leave_window(chooser);
	pthread_mutex_destroy(&chooser->lock);
	free(chooser);
}

void expect_window_messages(struct window_chooser *chooser, size_t count)
{
	chooser->expected = count;
	if (chooser->chooser != NULL)
		expect_messages(chooser->chooser, count);
}

/* Its first member; 0: it has none. */
static size_t find_first(const struct pool_settings *pool, const struct window *window)
{
	size_t first = first_of_window(&pool->windows, &pool->window_numbers, window->begin_s);

	return first <= POOL_SIZE_MAX - pool->windows.members ? first : 0;
}

static int refuse_window(const struct window_chooser *chooser, const struct window *window,
			 struct fault *fault)
{
	char begin[TIME_TEXT_SIZE];
	char end[TIME_TEXT_SIZE];

	format_time(window->begin_s, begin);
	format_time(window->end_s, end);
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s: no member of %s for the window from %s to %s can sign: run certpool "
			 "keep %s",
			 chooser->layout->path, chooser->client->name, begin, end,
			 chooser->client->name);
}

/* All others count as set apart. */
static int enter_window(struct window_chooser *chooser, const struct window *window,
			struct fault *fault)
{
	const struct client_node *client = chooser->client;
	const size_t members = client->pool.windows.members;
	size_t first = find_first(&client->pool, window);
	struct pool_settings *pool = &chooser->present.pool;

	leave_window(chooser);
	if (first == 0)
		return refuse_window(chooser, window, fault);
	chooser->present = *client;
	pool->last = first + members - 1;
	pool->marks = malloc(pool->last);
	if (pool->marks == NULL)
		return set_memory_fault(fault);
	memset(pool->marks, MEMBER_RETIRED, first - 1);
	memset(pool->marks + first - 1, MEMBER_UNUSED, members);
	if (begin_choosing(chooser, &chooser->present, fault) < 0)
		return -1;
	draw_signers_from(chooser->cache, first);
	expect_messages(chooser->chooser, chooser->expected);
	chooser->window = *window;
	return 0;
}

static int choose(struct window_chooser *chooser, const char *peer, size_t member, int64_t now_s,
		  struct signer **ret_signer, struct fault *fault)
{
	return member == 0 ? choose_signer(chooser->chooser, peer, now_s, ret_signer, fault)
			   : open_chosen_signer(chooser->chooser, member, now_s, ret_signer, fault);
}

/* The caller has the lock. */
static int choose_present(struct window_chooser *chooser, const char *peer, size_t member,
			  int64_t now_s, struct signer **ret_signer, struct fault *fault)
{
	const struct pool_settings *pool = &chooser->client->pool;
	const struct window window = window_at(&pool->windows, now_s);
	struct fault failure = {0};

	if (window.begin_s != chooser->window.begin_s && enter_window(chooser, &window, fault) < 0)
		return -1;
	if (member != 0 &&
	    (member > chooser->present.pool.last || is_set_apart(&chooser->present.pool, member)))
		return set_fault(
			fault, FAULT_REFUSED,
			"member %zu of %s: it is not for the present window, whose members "
			"are %zu to %zu",
			member, chooser->client->name,
			chooser->present.pool.last - pool->windows.members + 1,
			chooser->present.pool.last);
	if (choose(chooser, peer, member, now_s, ret_signer, &failure) == 0)
		return 0;
	if (failure.class == FAULT_NOT_FOUND && member == 0 &&
	    pool->reuse.method != REUSE_PER_RELYING_PARTY)
		return refuse_window(chooser, &window, fault);
	return pass_fault(&failure, fault);
}

int choose_in_window(struct window_chooser *chooser, const char *peer, size_t member, int64_t now_s,
		     struct signer **ret_signer, struct fault *fault)
{
	int result;

	if (!has_windows(&chooser->client->pool))
		return choose(chooser, peer, member, now_s, ret_signer, fault);
	pthread_mutex_lock(&chooser->lock);
	result = choose_present(chooser, peer, member, now_s, ret_signer, fault);
	pthread_mutex_unlock(&chooser->lock);
	return result;
}
