/* The report of `certpool run`. */
#include "tools/report.h"

#include "tools/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct report_row *add_row(struct report *report, struct fault *fault)
{
	struct report_row *rows = reallocarray(report->rows, report->count + 1, sizeof(*rows));

	if (rows == NULL) {
		(void)set_memory_fault(fault);
		return NULL;
	}
	report->rows = rows;
	rows[report->count] = (struct report_row){0};
	return &rows[report->count++];
}

void clear_report(struct report *report)
{
	free(report->rows);
	*report = (struct report){0};
}

static int print_row_json(const struct report_row *row, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	bool failed = row->fault.class != FAULT_NONE;

	add_json_number(&line, "step", (long long)row->step);
	add_json_number(&line, "line", row->line);
	add_json_text(&line, "verb", row->verb);
	add_json_text(&line, "what", row->what);
	add_json_text(&line, "result", failed ? "failed" : "done");
	for (size_t i = 0; i < FIGURES_MAX && row->figures[i].name != NULL; i++)
		add_json_number(&line, row->figures[i].name, (long long)row->figures[i].value);
	add_json_thousandths(&line, "seconds", row->duration_ms);
	if (failed)
		add_json_text(&line, "error", row->fault.text);
	return print_json(&line, fault);
}

static void format_figures(const struct report_row *row, char *ret_text, size_t size)
{
	size_t len = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < FIGURES_MAX && row->figures[i].name != NULL && len < size; i++)
		len += (size_t)snprintf(ret_text + len, size - len, "%s%zu %s", i > 0 ? ", " : "",
					row->figures[i].value, row->figures[i].name);
}

/* The width of the column WHAT. */
static int measure_column(const struct report *report)
{
	size_t widest = strlen("WHAT");

	for (size_t i = 0; i < report->count; i++)
		if (strlen(report->rows[i].what) > widest)
			widest = strlen(report->rows[i].what);
	return (int)widest;
}

static void print_row(const struct report_row *row, int width, bool colourful)
{
	bool failed = row->fault.class != FAULT_NONE;
	char figures[160];

	format_figures(row, figures, sizeof(figures));
	printf("%4zu  %-7s %-*s %s%-7s%s %8lld.%03lld s  %s\n", row->step, row->verb, width,
	       row->what, !colourful ? "" : (failed ? "\033[31m" : "\033[32m"),
	       failed ? "failed" : "done", colourful ? "\033[0m" : "",
	       (long long)row->duration_ms / 1000, (long long)row->duration_ms % 1000, figures);
}

int print_report(const struct command *command, const struct report *report, struct fault *fault)
{
	bool colourful = is_colourful(STDOUT_FILENO);
	int width = measure_column(report);

	if (!command->json)
		printf("%4s  %-7s %-*s %-7s %14s  %s\n", "STEP", "VERB", width, "WHAT", "RESULT",
		       "TIME", "FIGURES");
	for (size_t i = 0; i < report->count; i++) {
		if (!command->json)
			print_row(&report->rows[i], width, colourful);
		else if (print_row_json(&report->rows[i], fault) < 0)
			return -1;
	}
	return flush_output(fault);
}
