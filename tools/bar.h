#ifndef CERTPOOL_TOOLS_BAR_H
#define CERTPOOL_TOOLS_BAR_H

#include "common/pool/members/pool.h"
#include "tools/command.h"

/*
 * A progress bar on standard error for a long job, which callees advance by the struct progress
 * that they are given, and a last word when the job is stopped by SIGINT or SIGTERM. The bar fits
 * the terminal, also when that changes its width; it appears on terminals alone, and never with
 * NO_COLOR. The last word appears also elsewhere. --quiet has neither.
 *
 * A bar is zero-initialised, and CLEANUP(end_bar) ends it. Signals are blocked meanwhile in this
 * thread and in those that it starts; a thread of the bar's own waits for them.
 */
struct bar_painter;

struct bar_phase {
	struct bar *bar;
	char label[96];
	const char *stopped; /* after the numbers in the last word: "made: run it again to go on" */
};

enum { BAR_PHASES = 2 };

struct bar {
	struct bar_painter *painter; /* NULL: nothing is printed */
	struct bar_phase phases[BAR_PHASES];
	size_t phase_count;
};

/*
 * Adds a phase of the job; phases follow each other. stopped is borrowed. Without a thread for it
 * the progress does nothing.
 */
struct progress start_bar(struct bar *bar, const struct command *command, const char *label,
			  const char *stopped);

/* The job is over: what comes is printed below the bar. */
void end_bar(struct bar *bar);

/* How far a job is. */
struct bar_state {
	const char *label;
	size_t done;
	size_t total;
	size_t per_second;    /* 0: not known yet */
	unsigned int columns; /* of the terminal */
};

/*
 * The text of a bar, which is shorter than the terminal is wide: the bar itself goes first when
 * there is no room, then the time that is left, then the rate; the rest is cut. Shape: ret_text has
 * BAR_TEXT_SIZE octets.
 */
enum { BAR_TEXT_SIZE = 512 };
void format_bar(const struct bar_state *state, char ret_text[static BAR_TEXT_SIZE]);

/* A number with its thousands apart: "21,900". */
enum { GROUPED_SIZE = 32 };
void format_grouped(size_t number, char ret_text[static GROUPED_SIZE]);

#endif
