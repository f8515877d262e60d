#include "common/pool/members/progress.h"

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
