#include "common/pool/members/pool.h"

#include "common/base/random.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/crypto/key_file.h"
#include "common/layout/template.h"
#include "common/pool/members/replace_member.h"
#include "common/x509/csr.h"

/*
 * Members whose files are made durable together: many, because syncing takes as long for few files
 * as for many; few RSA keys, because they take long to make, and a kill loses the chunk.
 */
enum { CHUNK_SIZE = 1000, RSA_CHUNK_SIZE = 16 };

enum { PROGRESS_STEPS = 200 };

void init_progress(struct progress_report *report, const struct progress *progress, size_t total)
{
	*report = (struct progress_report){.total = total};
	if (progress != NULL)
		report->progress = *progress;
	pthread_mutex_init(&report->lock, NULL);
}

void clear_progress(struct progress_report *report)
{
	pthread_mutex_destroy(&report->lock);
}

/* Whether a multiple of the step, or the end, lies between `before` and now. */
static bool passes_step(const struct progress_report *report, size_t before)
{
	size_t step = report->total > PROGRESS_STEPS ? report->total / PROGRESS_STEPS : 1;

	return report->done == report->total || before / step != report->done / step;
}

void report_progress(struct progress_report *report, size_t count)
{
	size_t before;

	if (report->progress.function == NULL)
		return;
	pthread_mutex_lock(&report->lock);
	before = report->done;
	report->done += count;
	if (passes_step(report, before))
		report->progress.function(report->progress.context, report->done, report->total);
	pthread_mutex_unlock(&report->lock);
}

static size_t chunk_count(size_t size, size_t chunk_size)
{
	return (size + chunk_size - 1) / chunk_size;
}

/* An equal share for each core, up to `most`. */
static size_t choose_chunk_size(size_t size, size_t most)
{
	size_t share = chunk_count(size, count_cores());

	return share < most ? share : most;
}

/* What the threads of one make_members share. */
struct make_context {
	const struct make_options *options;
	size_t chunk_size;
	struct progress_report progress;
	pthread_mutex_t lock; /* for the fields below */
	size_t last;          /* the last member that a chunk has taken */
	struct make_summary summary;
};

/* The staged files of one chunk of members. */
struct chunk {
	struct staging *keys;
	struct staging *requests;
	struct make_summary summary;
};

static void clear_chunk(struct chunk *chunk)
{
	free_staging(&chunk->requests);
	free_staging(&chunk->keys);
}

static int make_alt_names(const struct client_node *client, size_t index,
			  const uint8_t random[static 16], struct alt_names *names,
			  struct fault *fault)
{
	for (size_t i = 0; i < client->pool.alt_name_count; i++) {
		CLEANUP(free_string) char *name = NULL;

		if (expand_template(client->pool.alt_names[i], client->name, index, random, &name,
				    fault) < 0 ||
		    add_alt_name(names, name, fault) < 0)
			return -1;
	}
	return 0;
}

/* Makes the request of one member, by the manifest's templates. */
static int make_request(const struct client_node *client, size_t index,
			const struct private_key *key, struct buffer *ret_pem, struct fault *fault)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	CLEANUP(free_string) char *subject = NULL;
	uint8_t random[16];

	if (fill_random(random, sizeof(random), fault) < 0 ||
	    expand_template(client->pool.subject, client->name, index, random, &subject, fault) <
		    0 ||
	    make_alt_names(client, index, random, &names, fault) < 0 ||
	    create_csr(key, subject, &names, client->pool.usages, ret_pem, fault) < 0)
		return prefix_fault(fault, "%s, member %zu", client->name, index);
	return 0;
}

/* Makes a key pair and stages it as Private/{name}. */
static int stage_new_key(const struct make_context *context, const char *name, struct chunk *chunk,
			 struct private_key **ret_key, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_secret) struct secret pem = {0};

	if (generate_private_key(context->options->client->pool.key, &key, fault) < 0 ||
	    format_private_key(key, &pem, fault) < 0)
		return -1;
	if (stage_file(chunk->keys, context->options->layout->private, name, STAGE_NEW, 0600,
		       bytes_of_secret(&pem), fault) < 0)
		return prefix_fault(fault, "%s/Private", context->options->layout->path);
	chunk->summary.keys++;
	*ret_key = TAKE(key);
	return 0;
}

static int stage_request(const struct make_context *context, size_t index, const char *name,
			 const struct private_key *key, struct chunk *chunk, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (make_request(context->options->client, index, key, &pem, fault) < 0)
		return -1;
	if (stage_file(chunk->requests, context->options->layout->csr_file, name, STAGE_NEW, 0644,
		       bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/CSR_file", context->options->layout->path);
	chunk->summary.requests++;
	return 0;
}

static int make_member(const struct make_context *context, size_t index, struct chunk *chunk,
		       struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	char key_name[FILE_NAME_SIZE];
	char csr_name[FILE_NAME_SIZE];
	bool has_csr;
	bool has_key;
	int result;

	context->options->files->key(index, key_name);
	context->options->files->csr(index, csr_name);
	if (find_file(context->options->layout->csr_file, csr_name, &has_csr, fault) < 0 ||
	    find_file(context->options->layout->private, key_name, &has_key, fault) < 0)
		return prefix_fault(fault, "%s", context->options->layout->path);
	if (has_csr) {
		chunk->summary.present++;
		return 0;
	}
	if (has_key)
		result = read_private_key(context->options->layout, key_name, &key, fault);
	else
		result = stage_new_key(context, key_name, chunk, &key, fault);
	return result < 0 ? -1 : stage_request(context, index, csr_name, key, chunk, fault);
}

static void count_made(struct make_context *context, const struct make_summary *chunk)
{
	pthread_mutex_lock(&context->lock);
	context->summary.keys += chunk->keys;
	context->summary.requests += chunk->requests;
	context->summary.present += chunk->present;
	pthread_mutex_unlock(&context->lock);
}

/* Takes the next members for one chunk; returns how many. */
static size_t take_members(struct make_context *context, size_t members[static CHUNK_SIZE])
{
	const struct pool_settings *pool = &context->options->client->pool;
	const struct member_set *set = context->options->members;
	size_t count = 0;

	pthread_mutex_lock(&context->lock);
	while (count < context->chunk_size && context->last < last_member(pool)) {
		size_t next =
			set != NULL ? next_in_member_set(set, context->last) : context->last + 1;

		if (next == 0)
			break;
		if (is_set_apart(pool, next)) {
			context->last = next;
			continue;
		}
		context->last = next;
		members[count++] = next;
	}
	pthread_mutex_unlock(&context->lock);
	return count;
}

static int make_chunk(size_t index, void *argument, struct fault *fault)
{
	struct make_context *context = argument;
	CLEANUP(clear_chunk) struct chunk chunk = {0};
	size_t members[CHUNK_SIZE];
	size_t count = take_members(context, members);

	(void)index;
	if (new_staging(&chunk.keys, fault) < 0 || new_staging(&chunk.requests, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (make_member(context, members[i], &chunk, fault) < 0)
			return -1;
	/* Two commits: a key must be durable before its request has its name. */
	if (commit_staging(chunk.keys, fault) < 0 || commit_staging(chunk.requests, fault) < 0)
		return prefix_fault(fault, "%s", context->options->layout->path);
	count_made(context, &chunk.summary);
	report_progress(&context->progress, count);
	return 0;
}

int make_members(const struct make_options *options, struct make_summary *ret_summary,
		 struct fault *fault)
{
	size_t count = options->members != NULL ? options->members->count
						: count_members(&options->client->pool);
	size_t most = is_rsa_key(options->client->pool.key) ? RSA_CHUNK_SIZE : CHUNK_SIZE;
	struct make_context context = {
		.options = options,
		.chunk_size = choose_chunk_size(count, most),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int result;

	if (sweep_staging(options->layout->private, fault) < 0 ||
	    sweep_staging(options->layout->csr_file, fault) < 0)
		return prefix_fault(fault, "%s", options->layout->path);
	if (count == 0) {
		*ret_summary = context.summary;
		return 0;
	}
	init_progress(&context.progress, &options->progress, count);
	result = run_tasks(chunk_count(count, context.chunk_size), count_cores(), make_chunk,
			   &context, fault);
	clear_progress(&context.progress);
	pthread_mutex_destroy(&context.lock);
	if (result == 0)
		*ret_summary = context.summary;
	return result;
}

int make_pool(const struct layout *layout, const struct client_node *client,
	      const struct progress *progress, struct make_summary *ret_summary,
	      struct fault *fault)
{
	struct make_options options = {.layout = layout, .client = client, .files = &current_files};

	if (progress != NULL)
		options.progress = *progress;
	if (complete_renewals(layout, fault) < 0)
		return -1;
	return make_members(&options, ret_summary, fault);
}
