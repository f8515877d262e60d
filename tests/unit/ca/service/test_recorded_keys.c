/* The shared keys of a record that other front ends change. */
#include "common/base/clock.h"
#include "common/wire/shared_keys.h"
#include "common/wire/status.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/served.h"

#include <criterion/criterion.h>
#include <string.h>

/* A record of the keys of client1, … */
struct recorded_keys {
	struct shared_key keys[3];
	size_t count;
	unsigned int revision;
	unsigned int looks;
	unsigned int readings;
	bool away;
	enum fault_class unreadable; /* why its revision alone can be read; FAULT_NONE: all can */
};

static int read_recorded(void *context, struct key_ring *ret_ring, struct fault *fault_)
{
	static const char *const clients[] = {"client1", "client2", "client3"};
	struct recorded_keys *record = context;

	record->readings++;
	if (record->away)
		return set_fault(fault_, FAULT_BUSY, "the database is away");
	if (record->unreadable != FAULT_NONE)
		return set_fault(fault_, record->unreadable, "the keys are unreadable");
	for (size_t i = 0; i < record->count && i < COUNT_OF(clients); i++)
		if (add_peer_key(ret_ring, clients[i], &record->keys[i], fault_) < 0)
			return -1;
	return 0;
}

static int stamp_recorded(void *context, uint8_t ret_stamp[static SHA256_LEN], struct fault *fault_)
{
	struct recorded_keys *record = context;

	record->looks++;
	if (record->away)
		return set_fault(fault_, FAULT_BUSY, "the database is away");
	memset(ret_stamp, 0, SHA256_LEN);
	memcpy(ret_stamp, &record->revision, sizeof(record->revision));
	return 0;
}

struct record_fixture {
	struct recorded_keys record;
	struct shared_keys keys;
	struct ca_fixture ca;
	struct buffer messages[3]; /* under each of the three keys */
};

static void make_record(struct record_fixture *fixture, size_t count)
{
	const struct key_source source = {read_recorded, stamp_recorded, &fixture->record,
					  .settling_us = 1};

	*fixture = (struct record_fixture){.record.count = count};
	for (size_t i = 0; i < 3; i++) {
		OK(generate_shared_key(&fixture->record.keys[i], &fault));
		fixture->messages[i] = encrypt_text(&fixture->record.keys[i], STATUS_TYPE, "{}");
	}
	make_ca(&fixture->ca, NOW_S);
	OK(init_shared_keys(&fixture->keys, fixture->ca.layout, &source, &fault));
}

static void remove_record(struct record_fixture *fixture)
{
	clear_shared_keys(&fixture->keys);
	remove_ca(&fixture->ca);
	for (size_t i = 0; i < 3; i++)
		clear_buffer(&fixture->messages[i]);
}

/* As if the last look had been long ago, or just now, however long this machine took since. */
static void age_look(struct record_fixture *fixture)
{
	fixture->keys.seen_us = 0;
}

static void renew_look(struct record_fixture *fixture)
{
	fixture->keys.seen_us = INT64_MAX / 2;
}

static int find_in_record(struct record_fixture *fixture, size_t i, struct fault *fault_)
{
	char peer[NAME_SIZE];
	struct fault problem = {0};

	return find_sharing_sender(&fixture->keys, bytes_of_buffer(&fixture->messages[i]), peer,
				   &problem, fault_);
}

static int find_at_hand(struct record_fixture *fixture, struct bytes start, bool *ret_unknown,
			struct fault *fault_)
{
	char peer[NAME_SIZE];
	struct fault problem = {0};

	*ret_unknown = false;
	return find_sender_at_hand(&fixture->keys, start, peer, ret_unknown, &problem, fault_);
}

static int open_by_record(struct record_fixture *fixture, size_t i, struct fault *ret_problem,
			  struct fault *fault_)
{
	CLEANUP(clear_request) struct question question = {0};

	return open_under_shared_keys(&fixture->keys, &status_kind,
				      bytes_of_buffer(&fixture->messages[i]), &question,
				      ret_problem, fault_);
}

static int derive_by_record(struct record_fixture *fixture, size_t *ret_count, struct fault *fault_)
{
	struct derived_key derived[DERIVED_KEYS_MAX];

	return derive_from_shared_keys(&fixture->keys, "client1", "label", derived, ret_count,
				       fault_);
}

Test(recorded_keys, count_wherever_they_were_added)
{
	struct record_fixture fixture;
	struct fault problem = {0};

	make_record(&fixture, 0);
	for (size_t i = 0; i < 3; i++) {
		age_look(&fixture);
		REFUSED(find_in_record(&fixture, i, &fault), FAULT_UNDECRYPTABLE, "kid");
		fixture.record.count++;
		fixture.record.revision++;
		age_look(&fixture);
		OK(find_in_record(&fixture, i, &fault), "client %zu", i + 1);
		OK(open_by_record(&fixture, i, &problem, &fault));
	}
	cr_expect_eq(fixture.record.readings, 1 + 3, "nor without a change");
	remove_record(&fixture);
}

Test(recorded_keys, end_wherever_they_were_removed)
{
	struct record_fixture fixture;
	struct fault problem = {0};
	size_t count;

	make_record(&fixture, 2);
	OK(open_by_record(&fixture, 1, &problem, &fault));
	fixture.record.count = 1;
	fixture.record.revision++;
	age_look(&fixture);
	REFUSED(open_by_record(&fixture, 1, &problem, &fault), FAULT_UNDECRYPTABLE, "kid");
	OK(open_by_record(&fixture, 0, &problem, &fault));
	OK(derive_by_record(&fixture, &count, &fault));
	cr_expect_eq(count, 1);
	fixture.record.count = 0;
	fixture.record.revision++;
	age_look(&fixture);
	OK(derive_by_record(&fixture, &count, &fault));
	cr_expect_eq(count, 0, "what is derived of a key ends with it");
	remove_record(&fixture);
}

/* catalogue 108: whoever can reach the CA can send what it cannot decrypt. */
Test(recorded_keys, are_looked_at_once_within_the_settling_time)
{
	struct record_fixture fixture;
	struct fault problem = {0};
	unsigned int looks;
	size_t count;

	make_record(&fixture, 1);
	renew_look(&fixture);
	looks = fixture.record.looks;
	REFUSED(find_in_record(&fixture, 2, &fault), FAULT_UNDECRYPTABLE, "kid");
	OK(open_by_record(&fixture, 0, &problem, &fault));
	OK(derive_by_record(&fixture, &count, &fault));
	cr_expect_eq(fixture.record.looks, looks);
	age_look(&fixture);
	OK(open_by_record(&fixture, 0, &problem, &fault));
	cr_expect_eq(fixture.record.looks, looks + 1);
	remove_record(&fixture);
}

Test(recorded_keys, at_hand_are_looked_at_without_the_record)
{
	static const struct bytes none = {(const uint8_t *)"no JWE.", 7};
	struct record_fixture fixture;
	struct bytes known;
	struct bytes stranger;
	unsigned int looks;
	bool unknown;

	make_record(&fixture, 1);
	known = bytes_of_buffer(&fixture.messages[0]);
	stranger = bytes_of_buffer(&fixture.messages[1]);
	looks = fixture.record.looks;
	fixture.record.away = true;
	age_look(&fixture);
	OK(find_at_hand(&fixture, known, &unknown, &fault));
	cr_expect_not(unknown);
	OK(find_at_hand(&fixture, stranger, &unknown, &fault));
	cr_expect(unknown, "the record may have it by now");
	REFUSED(find_at_hand(&fixture, none, &unknown, &fault), FAULT_UNDECRYPTABLE, "header");
	renew_look(&fixture);
	REFUSED(find_at_hand(&fixture, stranger, &unknown, &fault), FAULT_UNDECRYPTABLE, "kid");
	/* Nor does it wait for who reads them. */
	pthread_mutex_lock(&fixture.keys.reading);
	age_look(&fixture);
	OK(find_at_hand(&fixture, known, &unknown, &fault));
	OK(find_at_hand(&fixture, stranger, &unknown, &fault));
	pthread_mutex_unlock(&fixture.keys.reading);
	cr_expect_eq(fixture.record.looks, looks);
	remove_record(&fixture);
}

Test(recorded_keys, open_nothing_while_the_record_is_away)
{
	struct record_fixture fixture;
	struct fault problem = {0};
	size_t count;

	make_record(&fixture, 1);
	fixture.record.away = true;
	age_look(&fixture);
	REFUSED(open_by_record(&fixture, 0, &problem, &fault), FAULT_BUSY,
		"the CA cannot reach its record: ask again");
	cr_expect_str_eq(problem.text, "the database is away");
	REFUSED(find_in_record(&fixture, 1, &fault), FAULT_BUSY, "ask again");
	REFUSED(derive_by_record(&fixture, &count, &fault), FAULT_BUSY, "ask again");
	fixture.record.away = false;
	OK(open_by_record(&fixture, 0, &problem, &fault));
	remove_record(&fixture);
}

/* Its keys cannot be read after its revision was: those of before may have ended. */
Test(recorded_keys, open_nothing_when_they_have_changed_and_cannot_be_read)
{
	static const struct {
		enum fault_class why;
		enum fault_class class;
		const char *text;
	} rows[] = {
		{FAULT_BUSY, FAULT_BUSY, "ask again"},
		{FAULT_INTERRUPTED, FAULT_BUSY, "ask again"},
		{FAULT_REFUSED, FAULT_FAILED, "the keys of the record cannot be read"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct record_fixture fixture;
		struct fault problem = {0};

		make_record(&fixture, 2);
		fixture.record.count = 1;
		fixture.record.revision++;
		fixture.record.unreadable = rows[i].why;
		age_look(&fixture);
		REFUSED(open_by_record(&fixture, 1, &problem, &fault), rows[i].class, rows[i].text);
		cr_expect_str_eq(problem.text, "the keys are unreadable");
		REFUSED(open_by_record(&fixture, 0, &problem, &fault), rows[i].class, rows[i].text);
		REFUSED(reload_shared_keys(&fixture.keys, &fault), rows[i].why, "unreadable");
		REFUSED(open_by_record(&fixture, 1, &problem, &fault), rows[i].class, rows[i].text);
		fixture.record.unreadable = FAULT_NONE;
		REFUSED(open_by_record(&fixture, 1, &problem, &fault), FAULT_UNDECRYPTABLE, "kid");
		OK(open_by_record(&fixture, 0, &problem, &fault));
		remove_record(&fixture);
	}
}

/* The end of an old key is no change of the record. */
Test(recorded_keys, are_read_again_at_the_end_of_an_old_one)
{
	struct record_fixture fixture;
	struct fault problem = {0};

	make_record(&fixture, 1);
	renew_look(&fixture);
	fixture.keys.first_end_s = 1;
	OK(open_by_record(&fixture, 0, &problem, &fault));
	cr_expect_eq(fixture.record.readings, 2);
	cr_expect_eq(fixture.keys.first_end_s, 0);
	remove_record(&fixture);
}
