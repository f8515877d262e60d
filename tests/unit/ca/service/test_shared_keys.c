#include "common/wire/shared_keys.h"

#include "common/base/clock.h"
#include "common/crypto/key_file.h"
#include "common/net/http.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/served.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(shared_keys, finds_a_key_that_was_added_while_it_serves)
{
	struct status_answer answer = {0};
	struct served served;

	start_served(&served);
	cr_assert_eq(unlinkat(served.ca.layout->private, "shared_client2.jwk", 0), 0);
	add_key(&served, "client2", &served.keys[1]);
	ask_about(&served, 1, bytes_of_string("x"), &answer);
	cr_expect_str_eq(answer.refusal.type, "malformed");
	stop_served(&served);
}

Test(shared_keys, forgets_a_key_that_was_taken_away)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct served served;

	start_served(&served);
	CLEANUP(clear_buffer)
	struct buffer jwe = encrypt_text(&served.keys[1], STATUS_TYPE, "{}");

	cr_assert_eq(unlinkat(served.ca.layout->private, "shared_client2.jwk", 0), 0);
	exchange_body(&served, STATUS_PATH, CONTENT_JOSE, bytes_of_buffer(&jwe), &answer);
	cr_expect_eq(answer.status, 400);
	stop_served(&served);
}

/* catalogue 38 */
Test(shared_keys, goes_on_with_the_keys_it_has_when_one_cannot_be_read)
{
	struct status_answer answer = {0};
	struct served served;

	start_served(&served);
	put_file(served.ca.layout->private, "shared_client3.jwk", "{}", 0644);
	ask_about(&served, 1, bytes_of_string("x"), &answer);
	cr_expect_str_eq(answer.refusal.type, "malformed");
	cr_expect(logged(&served, "expected mode 0600, found 0644"), "%s", served.log);
	stop_served(&served);
}

static void set_changed(const struct layout *layout, time_t at_s)
{
	const struct timespec times[2] = {{.tv_sec = at_s}, {.tv_sec = at_s}};

	cr_assert_eq(futimens(layout->private, times), 0);
}

/* A CA whose Private/ has client1's key, and was changed at that time. */
static void make_keys(struct ca_fixture *ca, struct shared_keys *keys, time_t changed_s)
{
	struct shared_key key;

	make_ca(ca, NOW_S);
	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(ca->layout, "client1", &key, &fault));
	set_changed(ca->layout, changed_s);
	OK(init_shared_keys(keys, ca->layout, NULL, &fault));
}

static void remove_keys(struct ca_fixture *ca, struct shared_keys *keys)
{
	clear_shared_keys(keys);
	remove_ca(ca);
}

Test(shared_keys, are_read_again_only_after_a_change)
{
	struct shared_keys keys;
	struct ca_fixture ca;

	make_keys(&ca, &keys, 1000);
	put_file(ca.layout->private, "shared_client2.jwk", "{}", 0644);
	set_changed(ca.layout, 1000);
	keys.looked_us = INT64_MAX / 2;
	OK(refresh_shared_keys(&keys, &fault), "no look at the files yet");
	set_changed(ca.layout, 1001);
	REFUSED(refresh_shared_keys(&keys, &fault), FAULT_REFUSED, "shared_client2.jwk");
	cr_expect_not_null(find_peer_key(&keys.ring, "client1"), "the previous keys stay");
	OK(refresh_shared_keys(&keys, &fault), "a failure is no change");
	cr_assert_eq(fchmodat(ca.layout->private, "shared_client2.jwk", 0600, 0), 0);
	REFUSED(reload_shared_keys(&keys, &fault), FAULT_MALFORMED, "shared_client2.jwk");
	cr_assert_eq(unlinkat(ca.layout->private, "shared_client2.jwk", 0), 0);
	OK(refresh_shared_keys(&keys, &fault));
	cr_expect_eq(keys.ring.count, 1);
	remove_keys(&ca, &keys);
}

/* catalogue 108: whoever can reach the CA can send what it cannot decrypt. */
Test(shared_keys, are_read_once_a_second_at_most_after_failures_to_decrypt)
{
	struct shared_keys keys;
	struct ca_fixture ca;
	int64_t first_us;
	int64_t since_us;
	bool read;

	make_keys(&ca, &keys, 1000);
	since_us = keys.read_us + 1;
	OK(retry_shared_keys(&keys, since_us, &read, &fault));
	cr_expect(read);
	first_us = keys.read_us;
	OK(retry_shared_keys(&keys, since_us, &read, &fault));
	cr_expect(read, "another thread has read them since");
	cr_expect(keys.retried_us >= since_us && keys.retried_us <= first_us);
	/* As if that were now, however long this machine took since. */
	keys.retried_us = INT64_MAX / 2;
	OK(retry_shared_keys(&keys, first_us + 1, &read, &fault));
	cr_expect_not(read);
	cr_expect_eq(keys.read_us, first_us);
	keys.retried_us = first_us - 1000000;
	OK(retry_shared_keys(&keys, first_us + 1, &read, &fault));
	cr_expect(read);
	cr_expect_gt(keys.read_us, first_us);
	remove_keys(&ca, &keys);
}

/* An mtime that is too recent to prove anything is settled by one more reading, even if it is from
   the future. */
Test(shared_keys, with_an_mtime_from_the_future_are_read_once_more)
{
	struct shared_keys keys;
	struct ca_fixture ca;
	int64_t first_us;

	make_keys(&ca, &keys, 4000000000);
	first_us = keys.read_us;
	keys.read_us = INT64_MAX / 2;
	for (int i = 0; i < 3; i++)
		OK(refresh_shared_keys(&keys, &fault));
	cr_expect_eq(keys.read_us, INT64_MAX / 2, "not within a second");
	keys.read_us = first_us - 1000000;
	OK(refresh_shared_keys(&keys, &fault));
	cr_expect_gt(keys.read_us, first_us);
	first_us = keys.read_us;
	keys.read_us = 0;
	OK(refresh_shared_keys(&keys, &fault));
	cr_expect_eq(keys.read_us, 0, "it is settled");
	remove_keys(&ca, &keys);
}

static bool same_kid(const struct shared_keys *keys, const struct shared_key *key)
{
	const struct peer_key *found = find_peer_key(&keys->ring, "client1");

	return found != NULL && strcmp(found->key.kid, key->kid) == 0;
}

/* catalogue 117: the stolen key still decrypts, and Private/ is as it was. */
Test(shared_keys, are_read_again_after_one_was_replaced_in_its_file)
{
	struct shared_key other;
	struct shared_keys keys;
	struct ca_fixture ca;
	CLEANUP(clear_secret) struct secret jwk = {0};
	int descriptor;

	make_keys(&ca, &keys, 1000);
	OK(generate_shared_key(&other, &fault));
	OK(format_shared_key(&other, &jwk, &fault));
	descriptor = openat(ca.layout->private, "shared_client1.jwk", O_WRONLY | O_CLOEXEC);
	cr_assert_geq(descriptor, 0);
	OK(write_stream(descriptor, "jwk", bytes_of_secret(&jwk), &fault));
	/* The clock of a file system may not have gone on since the file was made. */
	cr_assert_eq(futimens(descriptor, (const struct timespec[]){{1001, 0}, {1001, 0}}), 0);
	(void)close(descriptor);
	cr_expect(!same_kid(&keys, &other));
	keys.looked_us = INT64_MAX / 2;
	OK(refresh_shared_keys(&keys, &fault));
	cr_expect(!same_kid(&keys, &other), "not looked at yet");
	keys.looked_us = 0;
	OK(refresh_shared_keys(&keys, &fault));
	cr_expect(same_kid(&keys, &other));
	remove_keys(&ca, &keys);
}

/* A source of keys whose old one ends at a time, and how often it was read. */
struct ending_keys {
	int64_t ends_s;
	unsigned int readings;
};

static int read_ending(void *context, struct key_ring *ret_ring, struct fault *fault_)
{
	struct ending_keys *ending = context;
	struct shared_key key = {.kid = "new", .key = {1}};
	struct shared_key old = {.kid = "old", .key = {2}, .ends_s = ending->ends_s};

	ending->readings++;
	if (add_peer_key(ret_ring, "client1", &key, fault_) < 0)
		return -1;
	return old.ends_s > read_clock() ? add_peer_key(ret_ring, "client1", &old, fault_) : 0;
}

static int stamp_ending(void *context, uint8_t ret_stamp[static SHA256_LEN], struct fault *fault_)
{
	(void)context;
	(void)fault_;
	memset(ret_stamp, 0, SHA256_LEN);
	return 0;
}

Test(shared_keys, drops_an_old_key_from_memory_when_it_ends)
{
	struct ending_keys ending = {.ends_s = read_clock() + 3600};
	const struct key_source source = {read_ending, stamp_ending, &ending, .settling_us = 0};
	struct ca_fixture fixture;
	struct shared_keys keys;
	struct decrypted_message message = {.peer = "client1", .kid = "old"};
	struct shared_key successor;
	int64_t old_ends_s = 0;

	make_ca(&fixture, NOW_S);
	set_changed(fixture.layout, NOW_S);
	OK(init_shared_keys(&keys, fixture.layout, &source, &fault));
	cr_expect_eq(keys.ring.count, 2);
	cr_expect(find_successor(&keys, &message, &successor, &old_ends_s));
	cr_expect_str_eq(successor.kid, "new");
	cr_expect_eq(old_ends_s, ending.ends_s);
	OK(refresh_shared_keys(&keys, &fault));
	cr_expect_eq(ending.readings, 1, "nothing has changed");
	/* The end has come. */
	ending.ends_s = 1;
	keys.first_end_s = 1;
	OK(refresh_shared_keys(&keys, &fault));
	cr_expect_eq(ending.readings, 2);
	cr_expect_eq(keys.ring.count, 1);
	cr_expect_null(find_key_id(&keys.ring, bytes_of_string("old")));
	cr_expect_not(find_successor(&keys, &message, &successor, &old_ends_s));
	clear_shared_keys(&keys);
	remove_ca(&fixture);
}
