#include "common/pool/members/pool.h"

#include "common/base/random.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/crypto/key_file.h"
#include "common/layout/template.h"
#include "common/pool/members/replace_member.h"
#include "common/x509/certificate.h"
#include "common/x509/csr.h"

/*
 * Members whose files are made durable together: many, because that takes its time however few they
 * are; fewer where a key takes long, so that a kill loses little.
 */
enum { CHUNK_SIZE = 1000, RSA_CHUNK_SIZE = 16 };

enum { STEPS = 200 };

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

/* True when a multiple of the step, or the end, lies in what was done between before and now. */
static bool passes_step(const struct progress_report *report, size_t before)
{
	size_t step = report->total > STEPS ? report->total / STEPS : 1;

	return report->done == report->total || before / step != report->done / step;
}

void report_progress(struct progress_report *report, size_t more)
{
	size_t before;

	if (report->progress.function == NULL)
		return;
	pthread_mutex_lock(&report->lock);
	before = report->done;
	report->done += more;
	if (passes_step(report, before))
		report->progress.function(report->progress.context, report->done, report->total);
	pthread_mutex_unlock(&report->lock);
}

static size_t chunk_count(size_t size, size_t chunk_size)
{
	return (size + chunk_size - 1) / chunk_size;
}

/* A share for each core, within the bounds. */
static size_t choose_chunk_size(size_t size, size_t most)
{
	size_t share = chunk_count(size, count_cores());

	return share < most ? share : most;
}

static size_t chunk_end(size_t chunk, size_t chunk_size, size_t size)
{
	size_t end = (chunk + 1) * chunk_size;

	return end < size ? end : size;
}

/* One make_members. */
struct making {
	const struct making_order *order;
	size_t chunk_size;
	struct progress_report progress;
	pthread_mutex_t lock; /* for what follows */
	size_t last;          /* member that was given to a chunk */
	struct pool_made made;
};

/* What one chunk of members has come to. */
struct chunk {
	struct staging *keys;
	struct staging *requests;
	struct pool_made made;
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

/* The request of one member, as the manifest wants it. */
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
	    create_csr(key, subject, &names, ret_pem, fault) < 0)
		return prefix_fault(fault, "%s, member %zu", client->name, index);
	return 0;
}

/* Makes a key pair and stages it as Private/{name}. */
static int stage_new_key(const struct making *making, const char *name, struct chunk *chunk,
			 struct private_key **ret_key, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_secret) struct secret pem = {0};

	if (generate_private_key(making->order->client->pool.key, &key, fault) < 0 ||
	    format_private_key(key, &pem, fault) < 0)
		return -1;
	if (stage_file(chunk->keys, making->order->layout->private, name, STAGE_NEW, 0600,
		       bytes_of_secret(&pem), fault) < 0)
		return prefix_fault(fault, "%s/Private", making->order->layout->path);
	chunk->made.keys++;
	*ret_key = TAKE(key);
	return 0;
}

static int stage_request(const struct making *making, size_t index, const char *name,
			 const struct private_key *key, struct chunk *chunk, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (make_request(making->order->client, index, key, &pem, fault) < 0)
		return -1;
	if (stage_file(chunk->requests, making->order->layout->csr_file, name, STAGE_NEW, 0644,
		       bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/CSR_file", making->order->layout->path);
	chunk->made.requests++;
	return 0;
}

static int make_member(const struct making *making, size_t index, struct chunk *chunk,
		       struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	char key_name[FILE_NAME_SIZE];
	char csr_name[FILE_NAME_SIZE];
	int result;

	making->order->files->key(index, key_name);
	making->order->files->csr(index, csr_name);
	if (file_exists(making->order->layout->csr_file, csr_name)) {
		chunk->made.present++;
		return 0;
	}
	if (file_exists(making->order->layout->private, key_name))
		result = read_private_key(making->order->layout, key_name, &key, fault);
	else
		result = stage_new_key(making, key_name, chunk, &key, fault);
	return result < 0 ? -1 : stage_request(making, index, csr_name, key, chunk, fault);
}

static void count_made(struct making *making, const struct pool_made *made)
{
	pthread_mutex_lock(&making->lock);
	making->made.keys += made->keys;
	making->made.requests += made->requests;
	making->made.present += made->present;
	pthread_mutex_unlock(&making->lock);
}

/* The next members, from 1, for one chunk. */
static size_t take_members(struct making *making, size_t members[static CHUNK_SIZE])
{
	const struct member_set *selection = making->order->members;
	size_t count = 0;

	pthread_mutex_lock(&making->lock);
	while (count < making->chunk_size && making->last < making->order->client->pool.size) {
		size_t next = selection != NULL ? next_in_member_set(selection, making->last)
						: making->last + 1;

		if (next == 0)
			break;
		making->last = next;
		members[count++] = next;
	}
	pthread_mutex_unlock(&making->lock);
	return count;
}

static int make_chunk(size_t index, void *context, struct fault *fault)
{
	struct making *making = context;
	CLEANUP(clear_chunk) struct chunk chunk = {0};
	size_t members[CHUNK_SIZE];
	size_t count = take_members(making, members);

	(void)index;
	if (new_staging(&chunk.keys, fault) < 0 || new_staging(&chunk.requests, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (make_member(making, members[i], &chunk, fault) < 0)
			return -1;
		report_progress(&making->progress, 1);
	}
	/* Two commits: a request must not have its name before its key is there for good. */
	if (commit_staging(chunk.keys, fault) < 0 || commit_staging(chunk.requests, fault) < 0)
		return prefix_fault(fault, "%s", making->order->layout->path);
	count_made(making, &chunk.made);
	return 0;
}

static bool is_rsa(enum key_type type)
{
	return type == KEY_RSA_2048 || type == KEY_RSA_3072 || type == KEY_RSA_4096;
}

int make_members(const struct making_order *order, struct pool_made *ret_made, struct fault *fault)
{
	size_t count = order->members != NULL ? order->members->count : order->client->pool.size;
	size_t most = is_rsa(order->client->pool.key) ? RSA_CHUNK_SIZE : CHUNK_SIZE;
	struct making making = {
		.order = order,
		.chunk_size = choose_chunk_size(count, most),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int result;

	if (sweep_staging(order->layout->private, fault) < 0 ||
	    sweep_staging(order->layout->csr_file, fault) < 0)
		return prefix_fault(fault, "%s", order->layout->path);
	if (count == 0) {
		*ret_made = making.made;
		return 0;
	}
	init_progress(&making.progress, &order->progress, count);
	result = run_tasks(chunk_count(count, making.chunk_size), count_cores(), make_chunk,
			   &making, fault);
	clear_progress(&making.progress);
	pthread_mutex_destroy(&making.lock);
	if (result == 0)
		*ret_made = making.made;
	return result;
}

int make_pool(const struct layout *layout, const struct client_node *client,
	      const struct progress *progress, struct pool_made *ret_made, struct fault *fault)
{
	struct making_order order = {.layout = layout, .client = client, .files = &current_files};

	if (progress != NULL)
		order.progress = *progress;
	if (complete_renewals(layout, fault) < 0)
		return -1;
	return make_members(&order, ret_made, fault);
}

/* One summarize_pool. */
struct summarizing {
	const struct layout *layout;
	size_t size;
	size_t chunk_size;
	int64_t now_s;
	pthread_mutex_t lock;
	struct pool_summary summary;
};

static void widen_expiry(struct pool_summary *summary, int64_t first_s, int64_t last_s)
{
	if (first_s == 0)
		return;
	if (summary->first_expiry_s == 0 || first_s < summary->first_expiry_s)
		summary->first_expiry_s = first_s;
	if (last_s > summary->last_expiry_s)
		summary->last_expiry_s = last_s;
}

static int summarize_certificate(const struct layout *layout, const char *name, int64_t now_s,
				 struct pool_summary *summary, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	int64_t not_after_s;

	if (read_certificate_file(layout, name, &certificate, fault) < 0)
		return -1;
	not_after_s = certificate_not_after(certificate);
	summary->certificates++;
	if (not_after_s < now_s) {
		summary->expired++;
	} else if (certificate_not_before(certificate) <= now_s) {
		summary->valid++;
		widen_expiry(summary, not_after_s, not_after_s);
	}
	return 0;
}

static int summarize_member(const struct summarizing *summarizing, size_t index,
			    struct pool_summary *summary, struct fault *fault)
{
	const struct layout *layout = summarizing->layout;
	char name[FILE_NAME_SIZE];

	name_private_key(index, name);
	summary->keys += file_exists(layout->private, name) ? 1 : 0;
	name_csr(index, name);
	summary->requests += file_exists(layout->csr_file, name) ? 1 : 0;
	name_certificate(index, name);
	if (!file_exists(layout->cert, name))
		return 0;
	return summarize_certificate(layout, name, summarizing->now_s, summary, fault);
}

static void add_summary(struct summarizing *summarizing, const struct pool_summary *part)
{
	struct pool_summary *summary = &summarizing->summary;

	pthread_mutex_lock(&summarizing->lock);
	summary->keys += part->keys;
	summary->requests += part->requests;
	summary->certificates += part->certificates;
	summary->valid += part->valid;
	summary->expired += part->expired;
	widen_expiry(summary, part->first_expiry_s, part->last_expiry_s);
	pthread_mutex_unlock(&summarizing->lock);
}

static int summarize_chunk(size_t index, void *context, struct fault *fault)
{
	struct summarizing *summarizing = context;
	size_t end = chunk_end(index, summarizing->chunk_size, summarizing->size);
	struct pool_summary part = {0};

	for (size_t i = index * summarizing->chunk_size; i < end; i++)
		if (summarize_member(summarizing, i + 1, &part, fault) < 0)
			return -1;
	add_summary(summarizing, &part);
	return 0;
}

int summarize_pool(const struct layout *layout, const struct client_node *client, int64_t now_s,
		   struct pool_summary *ret_summary, struct fault *fault)
{
	size_t size = client->pool.size;
	struct summarizing summarizing = {.layout = layout,
					  .size = size,
					  .chunk_size = choose_chunk_size(size, CHUNK_SIZE),
					  .now_s = now_s,
					  .lock = PTHREAD_MUTEX_INITIALIZER,
					  .summary = {.size = size}};
	int result = run_tasks(chunk_count(size, summarizing.chunk_size), count_cores(),
			       summarize_chunk, &summarizing, fault);

	pthread_mutex_destroy(&summarizing.lock);
	if (result == 0)
		*ret_summary = summarizing.summary;
	return result;
}
