#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/staging.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>

/* How a function of certpool looks: owned locals, one fault, and the results moved out last. */
static int copy_note(int dirfd, struct buffer *ret_note, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer note = {0};
	CLEANUP(clear_buffer) struct buffer copy = {0};
	int64_t duration_s;

	if (parse_duration("90d", &duration_s, fault) < 0)
		return -1;
	append_format(&note, "valid for %jd s\n", (intmax_t)duration_s);
	if (check_buffer(&note, fault) < 0 ||
	    write_file(dirfd, "note", STAGE_NEW, 0644, bytes_of_buffer(&note), fault) < 0 ||
	    read_file(dirfd, "note", 100, &copy, fault) < 0)
		return prefix_fault(fault, "the note");
	MOVE(ret_note, copy);
	return 0;
}

Test(base, is_used_like_this)
{
	CLEANUP(clear_buffer) struct buffer note = {0};
	struct scratch scratch;

	make_scratch(&scratch);
	OK(copy_note(scratch.dirfd, &note, &fault));
	cr_expect_str_eq((const char *)note.data, "valid for 7776000 s\n");

	/* The second time the file exists: the fault has a class, and a text that says where and
	 * why.
	 */
	REFUSED_AS(copy_note(scratch.dirfd, &note, &fault), FAULT_REFUSED,
		   "the note: note: exists already, and is not overwritten");
	remove_scratch(&scratch);
}
