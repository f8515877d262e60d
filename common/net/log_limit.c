#include "common/net/log_limit.h"

#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>

static const int64_t window_us = INT64_C(1000000) * LOG_WINDOW_S;

void init_log_limit(struct log_limit *limit, http_log *log, void *log_context)
{
	*limit = (struct log_limit){.log = log, .log_context = log_context};
	pthread_mutex_init(&limit->lock, NULL);
}

/* Begins another window. The lock is held. */
static void close_window(struct log_limit *limit, struct log_kind *kind, int64_t now_us)
{
	char text[LOG_KIND_SIZE + 64];

	if (kind->left_out > 0) {
		(void)snprintf(text, sizeof(text), "%lu more were not logged of: %s…",
			       kind->left_out, kind->beginning);
		limit->log(limit->log_context, "", "", kind->status, text);
	}
	kind->begun_us = now_us;
	kind->count = 0;
	kind->left_out = 0;
}

static void close_windows(struct log_limit *limit, int64_t now_us)
{
	for (size_t i = 0; i < limit->kind_count; i++)
		if (now_us - limit->kinds[i].begun_us >= window_us)
			close_window(limit, &limit->kinds[i], now_us);
}

/* The beginning of a text, with one '#' for each number that follows its first colon. */
static void cut_beginning(const char *text, char ret_beginning[static LOG_KIND_SIZE])
{
	const char *colon = strchr(text, ':');
	size_t len = 0;

	while (*text != '\0' && len < LOG_KIND_SIZE - 1) {
		bool number = colon != NULL && text > colon && *text >= '0' && *text <= '9';

		ret_beginning[len++] = (char)(number ? '#' : *text);
		text += number ? strspn(text, "0123456789") : 1;
	}
	ret_beginning[len] = '\0';
}

/* The kind of a line. A kind of which nothing was logged in the present window makes room. */
static struct log_kind *find_kind(struct log_limit *limit, unsigned int status, const char *text,
				  int64_t now_us)
{
	struct log_kind *place = NULL;
	char beginning[LOG_KIND_SIZE];

	cut_beginning(text, beginning);
	for (size_t i = 0; i < limit->kind_count; i++) {
		struct log_kind *each = &limit->kinds[i];

		if (each->status == status && strcmp(each->beginning, beginning) == 0)
			return each;
		if (each->count == 0)
			place = each;
	}
	if (place == NULL && limit->kind_count < LOG_KINDS_MAX)
		place = &limit->kinds[limit->kind_count++];
	if (place == NULL)
		return &limit->kinds[LOG_KINDS_MAX - 1];
	*place = (struct log_kind){.status = status, .begun_us = now_us};
	memcpy(place->beginning, beginning, sizeof(beginning));
	return place;
}

static bool is_power_of_ten(unsigned long number)
{
	while (number > 0 && number % 10 == 0)
		number /= 10;
	return number == 1;
}

void limit_log(void *context, const char *method, const char *path, unsigned int status,
	       const char *text)
{
	struct log_limit *limit = context;
	int64_t now_us = read_stopwatch_us();
	char counted[FAULT_TEXT_SIZE + 64];
	struct log_kind *kind;

	pthread_mutex_lock(&limit->lock);
	close_windows(limit, now_us);
	kind = find_kind(limit, status, text, now_us);
	kind->count++;
	if (kind->count <= LOG_BURST) {
		limit->log(limit->log_context, method, path, status, text);
	} else if (is_power_of_ten(kind->count)) {
		(void)snprintf(counted, sizeof(counted), "%s (the %luth like this in %d s)", text,
			       kind->count, (int)((now_us - kind->begun_us) / 1000000 + 1));
		limit->log(limit->log_context, method, path, status, counted);
	} else {
		kind->left_out++;
	}
	pthread_mutex_unlock(&limit->lock);
}

void clear_log_limit(struct log_limit *limit)
{
	if (limit->log == NULL)
		return;
	for (size_t i = 0; i < limit->kind_count; i++)
		close_window(limit, &limit->kinds[i], 0);
	pthread_mutex_destroy(&limit->lock);
	limit->log = NULL;
}
