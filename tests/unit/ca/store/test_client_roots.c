#include "common/ca/store/client_roots.h"

#include "common/ca/store/statement.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <string.h>

static struct scratch_store scratch;
static struct store *store;

static const uint8_t first[SHA256_LEN] = {1};
static const uint8_t second[SHA256_LEN] = {2};

static void add_client(const char *name, const char *state)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(run_statement(&transaction,
			 "INSERT INTO client (name, subject, alt_names, keys, validity,"
			 " certificates, requests_per_minute, by_hand, disabled, joined_at)"
			 " VALUES (?1, '', '', '', 0, 0, 0, 0, "
			 " CASE ?2 WHEN 'disabled' THEN 1 ELSE 0 END,"
			 " CASE ?2 WHEN 'joined' THEN 1 END)",
			 VALUES(text_value(name), text_value(state)), NULL, &fault));
	OK(commit_transaction(&transaction, &fault));
}

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	add_client("asks", "");
	add_client("joined", "joined");
	add_client("disabled", "disabled");
	add_client("invited", "");
}

static void tear_down(void)
{
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(client_roots, .init = set_up, .fini = tear_down);

static int append_state(void *context, const char *client, enum root_acknowledgement state,
			struct fault *fault)
{
	static const char *const names[] = {
		[ROOT_PINNED] = "has", [ROOT_LACKING] = "lacks", [ROOT_UNKNOWN] = "?"};

	(void)fault;
	append_format(context, "%s %s, ", client, names[state]);
	return 0;
}

static void expect_states(const uint8_t root[static SHA256_LEN], const char *expected)
{
	CLEANUP(clear_buffer) struct buffer found = {0};

	OK(list_client_roots(store, root, append_state, &found, &fault));
	cr_expect(equal_bytes(bytes_of_buffer(&found), bytes_of_string(expected)), "%.*s",
		  (int)found.len, (const char *)found.data);
}

static bool are_new(const char *client, struct bytes digests)
{
	bool is_new = false;

	OK(find_new_roots(store, client, digests, &is_new, &fault));
	return is_new;
}

Test(client_roots, are_new_when_they_differ_and_count)
{
	const struct bytes one = {first, SHA256_LEN};
	const struct bytes other = {second, SHA256_LEN};

	cr_expect(are_new("asks", one));
	OK(note_client_roots(store, "asks", one, &fault));
	cr_expect_not(are_new("asks", one));
	cr_expect(are_new("asks", other));
	cr_expect_not(are_new("disabled", one));
	cr_expect_not(are_new("nobody", one));
}

Test(client_roots, knows_who_has_pinned_which)
{
	uint8_t octets[2 * SHA256_LEN];
	const struct bytes one = {octets, SHA256_LEN};
	const struct bytes both = {octets, sizeof(octets)};

	memcpy(octets, first, SHA256_LEN);
	memcpy(octets + SHA256_LEN, second, SHA256_LEN);
	expect_states(second, "asks ?, invited ?, joined lacks, ");
	OK(note_client_roots(store, "asks", one, &fault));
	expect_states(second, "asks lacks, invited ?, joined lacks, ");
	expect_states(first, "asks has, invited ?, joined lacks, ");
	OK(note_client_roots(store, "asks", both, &fault));
	OK(note_client_roots(store, "asks", both, &fault));
	OK(note_client_roots(store, "nobody", both, &fault));
	expect_states(second, "asks has, invited ?, joined lacks, ");
	OK(note_client_roots(store, "asks", one, &fault));
	expect_states(second, "asks lacks, invited ?, joined lacks, ");
}
