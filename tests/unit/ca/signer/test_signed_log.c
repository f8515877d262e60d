#include "common/ca/signer/signed_log.h"

#include "common/base/workers.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct ca_fixture place;

static void set_up(void)
{
	make_ca_place(&place);
}

static void tear_down(void)
{
	remove_ca(&place);
}

TestSuite(signed_log, .init = set_up, .fini = tear_down);

static struct signed_line make_line(enum signed_kind kind, uint8_t number, int64_t end_s)
{
	struct signed_line line = {.time_s = NOW_S, .kind = kind, .end_s = end_s};

	line.number[SERIAL_MAX - 1] = number;
	memset(line.sha256, number, SHA256_LEN);
	return line;
}

static void append(const struct signed_line *lines, size_t count)
{
	OK(append_signed_lines(place.layout, lines, count, &fault));
}

/* The last octets of the numbers that were read, as text. */
struct reading {
	char numbers[100];
	size_t count;
	struct signed_line last;
};

static int note_line(void *context, const struct signed_line *line, struct fault *fault)
{
	struct reading *reading = context;

	(void)fault;
	if (reading->count < sizeof(reading->numbers) - 1)
		reading->numbers[reading->count] = (char)line->number[SERIAL_MAX - 1];
	reading->count++;
	reading->last = *line;
	return 0;
}

static struct reading read_all(void)
{
	struct reading reading = {0};

	OK(read_signed_log(place.layout, note_line, &reading, NULL, &fault));
	return reading;
}

/* Appends what a crash could leave. */
static void append_octets(const char *octets, size_t len)
{
	CLEANUP(close_descriptor)
	int log = openat(place.layout->state, SIGNED_LOG_FILE, O_WRONLY | O_APPEND);

	cr_assert_eq(write(log, octets, len), (ssize_t)len);
}

Test(signed_log, is_used_like_this)
{
	const struct signed_line lines[] = {make_line(SIGNED_CERTIFICATE, 'a', NOW_S + DAY_S),
					    make_line(SIGNED_CRL, 'b', NOW_S + 1)};
	struct reading reading;
	bool exists;

	OK(read_signed_log(place.layout, note_line, &reading, &exists, &fault));
	cr_expect_not(exists);
	append(lines, COUNT_OF(lines));
	reading = read_all();
	cr_expect_str_eq(reading.numbers, "ab");
	cr_expect_eq(memcmp(&reading.last, &lines[1], sizeof(lines[1])), 0);
	cr_expect_eq(mode_of(place.layout->state, SIGNED_LOG_FILE), 0600);
}

Test(signed_log, has_a_line_for_each_signature_that_can_be_read_by_people)
{
	const struct signed_line line = make_line(SIGNED_RESPONDER, 0xab, NOW_S + DAY_S);

	append(&line, 1);
	cr_expect(file_holds(place.layout->state, SIGNED_LOG_FILE,
			     "2026-09-21T14:13:20Z responder "
			     "00000000000000000000000000000000000000ab 2026-09-22T14:13:20Z "
			     "abababababababababababababababababababababababababababababababab\n"));
}

/* catalogue 123 */
Test(signed_log, drops_the_part_of_a_line_that_a_crash_left)
{
	static const char zeros[4096];
	static const struct {
		const char *octets;
		size_t len;
	} rows[] = {{"2026", 4}, {"2026-09-21T14:13:20Z crl 00", 27}, {zeros, 1}, {zeros, 4096}};
	const struct signed_line first = make_line(SIGNED_CERTIFICATE, 'a', NOW_S);
	const struct signed_line next = make_line(SIGNED_CERTIFICATE, 'b', NOW_S);

	append(&first, 1);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		append_octets(rows[i].octets, rows[i].len);
		cr_expect_eq(read_all().count, i + 1, "row %zu", i);
		append(&next, 1);
		cr_expect_eq(read_all().count, i + 2, "row %zu", i);
	}
}

Test(signed_log, names_the_line_that_has_another_form)
{
	static const char *const rows[] = {
		"\n", "2026-09-21T14:13:20Z crl\n",
		"2026-09-21T14:13:20Z crl 00 2026-09-22T14:13:20Z 00\n",
		"yesterday crl 00000000000000000000000000000000000000ab 2026-09-22T14:13:20Z "
		"abababababababababababababababababababababababababababababababab\n",
		"2026-09-21T14:13:20Z poem 00000000000000000000000000000000000000ab "
		"2026-09-22T14:13:20Z "
		"abababababababababababababababababababababababababababababababab\n"};
	const struct signed_line line = make_line(SIGNED_CERTIFICATE, 'a', NOW_S);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reading reading = {0};

		OK(remove_file(place.layout->state, SIGNED_LOG_FILE, &fault));
		append(&line, 1);
		append_octets(rows[i], strlen(rows[i]));
		REFUSED(read_signed_log(place.layout, note_line, &reading, NULL, &fault),
			FAULT_MALFORMED, "state/signed.log: line 2: expected time", "row %zu", i);
	}
}

Test(signed_log, is_not_followed_through_a_link)
{
	const struct signed_line line = make_line(SIGNED_CERTIFICATE, 'a', NOW_S);

	put_file(place.layout->state, "elsewhere", "", 0600);
	cr_assert_eq(symlinkat("elsewhere", place.layout->state, SIGNED_LOG_FILE), 0);
	REFUSED(append_signed_lines(place.layout, &line, 1, &fault), FAULT_FAILED,
		"state/signed.log: cannot be opened");
	cr_expect(file_holds(place.layout->state, "elsewhere", ""));
}

static int append_some(size_t index, void *context, struct fault *fault)
{
	struct signed_line lines[3];

	(void)context;
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		lines[i] = make_line(SIGNED_CERTIFICATE, (uint8_t)('a' + index), NOW_S);
	return append_signed_lines(place.layout, lines, COUNT_OF(lines), fault);
}

Test(signed_log, keeps_the_lines_of_a_batch_together_when_several_threads_sign)
{
	struct reading reading;

	OK(run_tasks(20, 8, append_some, NULL, &fault));
	reading = read_all();
	cr_assert_eq(reading.count, 60);
	for (size_t i = 0; i < reading.count; i++)
		cr_expect_eq(reading.numbers[i], reading.numbers[i - i % 3]);
}

Test(signed_log, is_trimmed_of_what_has_ended_but_the_last_crl_number_and_ca_certificates)
{
	const struct signed_line lines[] = {
		make_line(SIGNED_AUTHORITY, 'A', NOW_S - 1),
		make_line(SIGNED_CERTIFICATE, 'b', NOW_S - 1),
		make_line(SIGNED_CRL, 'c', NOW_S - 2),
		make_line(SIGNED_CERTIFICATE, 'd', NOW_S),
		make_line(SIGNED_RESPONDER, 'e', NOW_S - 9),
		make_line(SIGNED_CRL, 'f', NOW_S - 1),
	};
	size_t removed = 0;

	append(lines, COUNT_OF(lines));
	OK(trim_signed_log(place.layout, NOW_S, &removed, &fault));
	cr_expect_eq(removed, 3);
	cr_expect_str_eq(read_all().numbers, "Adf");
	append(&lines[1], 1);
	cr_expect_str_eq(read_all().numbers, "Adfb");
	cr_expect_eq(mode_of(place.layout->state, SIGNED_LOG_FILE), 0600);
}

Test(signed_log, that_does_not_exist_needs_no_trimming)
{
	size_t removed = 7;

	OK(trim_signed_log(place.layout, NOW_S, &removed, &fault));
	cr_expect_eq(removed, 0);
}

Test(signed_log, tells_which_certificates_the_record_lacks)
{
	struct scratch_store scratch;
	struct issued_certificate record = {0};
	struct reading reading = {0};
	struct signed_line lines[] = {
		make_line(SIGNED_CERTIFICATE, 0, NOW_S), make_line(SIGNED_CERTIFICATE, 'l', NOW_S),
		make_line(SIGNED_CERTIFICATE, 'm', NOW_S - 1),
		make_line(SIGNED_RESPONDER, 'n', NOW_S), make_line(SIGNED_CRL, 'o', NOW_S)};
	struct store *store;

	make_scratch_store(&scratch);
	fill_scratch_store(&scratch, 1);
	make_record(&record, "client1", 0);
	memcpy(lines[0].number, record.serial, SERIAL_MAX);
	append(lines, COUNT_OF(lines));
	store = open_scratch_store(&scratch);
	OK(list_unrecorded(place.layout, store, NOW_S, note_line, &reading, &fault));
	cr_expect_str_eq(reading.numbers, "ln");
	clear_issued_certificate(&record);
	free_store(&store);
	remove_scratch_store(&scratch);
}
