/*
 * The thread of a bar waits for signals, and paints whenever the job has gone on; the job's own
 * threads only note how far they are.
 */
#include "tools/bar.h"

#include "common/base/clock.h"
#include "tools/output.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	BAR_WIDEST = 40,
	BAR_NARROWEST = 10,
	COLUMNS_DEFAULT = 80,
	PAINT_INTERVAL_MS = 100,
	RATE_AFTER_US = 1000000, /* an average over less says little */
};

struct bar_painter {
	const struct command *command;
	bool visible; /* on a terminal */
	pthread_t thread;
	sigset_t signals;  /* that the thread waits for */
	sigset_t previous; /* the mask before */
	pthread_mutex_t lock;
	/* Under the lock: */
	const struct bar_phase *phase; /* NULL: not begun */
	size_t done;
	size_t total;
	size_t first_done; /* and when: what was there before counts for no rate */
	int64_t first_us;
	bool changed;
	bool open; /* the cursor is in the bar's line */
	bool ended;
};

void format_grouped(size_t number, char ret_text[static GROUPED_SIZE])
{
	char digits[GROUPED_SIZE];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%zu", number);
	char *out = ret_text;

	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
}

static void format_left(size_t seconds, char *ret_text, size_t size)
{
	if (seconds < 120)
		(void)snprintf(ret_text, size, ", %zu s left", seconds);
	else if (seconds < 7200)
		(void)snprintf(ret_text, size, ", %zu min left", seconds / 60);
	else
		(void)snprintf(ret_text, size, ", %zu h left", seconds / 3600);
}

/* Labels are ASCII: an octet is a column. */
void format_bar(const struct bar_state *state, char ret_text[static BAR_TEXT_SIZE])
{
	static const char full[] = "########################################";
	char done[GROUPED_SIZE];
	char total[GROUPED_SIZE];
	char grouped[GROUPED_SIZE];
	char rate[GROUPED_SIZE + 8] = "";
	char left[GROUPED_SIZE + 16] = "";
	size_t room = state->columns > 1 ? state->columns - 1 : 1;
	size_t used;
	size_t width = 0;

	if (room > BAR_TEXT_SIZE - 1)
		room = BAR_TEXT_SIZE - 1;
	format_grouped(state->done, done);
	format_grouped(state->total, total);
	if (state->per_second > 0 && state->done < state->total) {
		format_grouped(state->per_second, grouped);
		(void)snprintf(rate, sizeof(rate), ", %s/s", grouped);
		format_left((state->total - state->done) / state->per_second, left, sizeof(left));
	}
	used = strlen(state->label) + strlen(done) + strlen(total) + strlen(" of ") + 1;
	if (used + strlen(rate) + strlen(left) > room)
		left[0] = '\0';
	if (used + strlen(rate) > room)
		rate[0] = '\0';
	used += strlen(rate) + strlen(left) + strlen("[] ");
	if (used + BAR_NARROWEST <= room)
		width = room - used < BAR_WIDEST ? room - used : BAR_WIDEST;
	if (width > 0) {
		size_t filled = state->total > 0 ? width * state->done / state->total : width;

		(void)snprintf(ret_text, room + 1, "%s [%-*.*s] %s of %s%s%s", state->label,
			       (int)width, (int)filled, full, done, total, rate, left);
	} else {
		(void)snprintf(ret_text, room + 1, "%s %s of %s%s%s", state->label, done, total,
			       rate, left);
	}
}

static unsigned int count_columns(void)
{
	struct winsize size = {0};

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return COLUMNS_DEFAULT;
	return size.ws_col;
}

/* The caller holds the lock. A finished phase keeps its line. */
static void paint(struct bar_painter *painter)
{
	int64_t elapsed_us = read_stopwatch_us() - painter->first_us;
	struct bar_state state = {
		.done = painter->done, .total = painter->total, .columns = count_columns()};
	char text[BAR_TEXT_SIZE];

	painter->changed = false;
	if (!painter->visible || painter->phase == NULL)
		return;
	state.label = painter->phase->label;
	if (elapsed_us >= RATE_AFTER_US)
		state.per_second = (size_t)((int64_t)(painter->done - painter->first_done) *
					    1000000 / elapsed_us);
	format_bar(&state, text);
	painter->open = painter->done < painter->total;
	(void)fprintf(stderr, "\r%s\033[K%s", text, painter->open ? "" : "\n");
	(void)fflush(stderr);
}

/* A progress_function. The end of a phase is painted at once: the next one begins below it. */
static void note_progress(void *context, size_t done, size_t total)
{
	const struct bar_phase *phase = context;
	struct bar_painter *painter = phase->bar->painter;

	pthread_mutex_lock(&painter->lock);
	if (painter->phase != phase) {
		painter->phase = phase;
		painter->first_done = done;
		painter->first_us = read_stopwatch_us();
	}
	painter->done = done;
	painter->total = total;
	painter->changed = true;
	if (done >= total)
		paint(painter);
	pthread_mutex_unlock(&painter->lock);
}

/* The caller holds the lock. */
static void leave_line(struct bar_painter *painter)
{
	if (painter->open)
		(void)fputs("\n", stderr);
	painter->open = false;
}

/* Says how far the job came, and lets the signal end the process as if it had not been blocked. */
static void stop_by(struct bar_painter *painter, int signal_number)
{
	char done[GROUPED_SIZE];
	char total[GROUPED_SIZE];

	pthread_mutex_lock(&painter->lock);
	leave_line(painter);
	if (painter->phase != NULL) {
		format_grouped(painter->done, done);
		format_grouped(painter->total, total);
		print_note(painter->command, "%s: stopped: %s of %s %s", painter->phase->label,
			   done, total, painter->phase->stopped);
	}
	(void)pthread_sigmask(SIG_UNBLOCK, &painter->signals, NULL);
	(void)raise(signal_number);
	pthread_mutex_unlock(&painter->lock);
}

static void *run_painter(void *context)
{
	struct bar_painter *painter = context;
	const struct timespec interval = {.tv_nsec = PAINT_INTERVAL_MS * 1000000L};
	bool ended = false;

	while (!ended) {
		int signal_number = sigtimedwait(&painter->signals, NULL, &interval);

		if (signal_number == SIGINT || signal_number == SIGTERM)
			stop_by(painter, signal_number);
		pthread_mutex_lock(&painter->lock);
		if (painter->changed || (signal_number == SIGWINCH && painter->open))
			paint(painter);
		ended = painter->ended;
		pthread_mutex_unlock(&painter->lock);
	}
	return NULL;
}

/* A signal that the process ignores, as in a shell's background, is left alone. */
static void add_signal(sigset_t *signals, int signal_number)
{
	struct sigaction action;

	if (sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		(void)sigaddset(signals, signal_number);
}

static struct bar_painter *start_painter(const struct command *command)
{
	struct bar_painter *painter = calloc(1, sizeof(*painter));

	if (painter == NULL)
		return NULL;
	painter->command = command;
	painter->visible = is_colourful(STDERR_FILENO);
	(void)sigemptyset(&painter->signals);
	add_signal(&painter->signals, SIGINT);
	add_signal(&painter->signals, SIGTERM);
	(void)sigaddset(&painter->signals, SIGWINCH);
	pthread_mutex_init(&painter->lock, NULL);
	(void)pthread_sigmask(SIG_BLOCK, &painter->signals, &painter->previous);
	if (pthread_create(&painter->thread, NULL, run_painter, painter) == 0)
		return painter;
	(void)pthread_sigmask(SIG_SETMASK, &painter->previous, NULL);
	pthread_mutex_destroy(&painter->lock);
	free(painter);
	return NULL;
}

struct progress start_bar(struct bar *bar, const struct command *command, const char *label,
			  const char *stopped)
{
	struct bar_phase *phase = &bar->phases[bar->phase_count];

	if (bar->phase_count == 0 && !command->quiet)
		bar->painter = start_painter(command);
	if (bar->painter == NULL || bar->phase_count == BAR_PHASES)
		return (struct progress){0};
	bar->phase_count++;
	phase->bar = bar;
	phase->stopped = stopped;
	(void)snprintf(phase->label, sizeof(phase->label), "%s", label);
	return (struct progress){.function = note_progress, .context = phase};
}

/* A signal that comes from here on has its usual effect; one that came is still pending. */
void end_bar(struct bar *bar)
{
	struct bar_painter *painter = TAKE(bar->painter);

	if (painter == NULL)
		return;
	pthread_mutex_lock(&painter->lock);
	painter->ended = true;
	pthread_mutex_unlock(&painter->lock);
	(void)pthread_kill(painter->thread, SIGWINCH); /* it waits for that one */
	(void)pthread_join(painter->thread, NULL);
	leave_line(painter);
	(void)pthread_sigmask(SIG_SETMASK, &painter->previous, NULL);
	pthread_mutex_destroy(&painter->lock);
	free(painter);
}
