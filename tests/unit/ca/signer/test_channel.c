#include "common/ca/signer/channel.h"

#include "common/x509/issuer_set.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The number of the issuer in write_order. */
static uint64_t order_issuer = 1;

/* An order of one member's body, with the client's name as these octets. */
static struct buffer write_order(uint64_t kind, struct bytes client, uint64_t count)
{
	struct buffer octets = {0};

	append_number(&octets, kind);
	append_number(&octets, order_issuer);
	append_number(&octets, client.len);
	append_bytes(&octets, client);
	append_number(&octets, count);
	append_number(&octets, 2);
	append_bytes(&octets, (struct bytes){(const uint8_t *)"0\0", 2});
	return octets;
}

/* catalogue 28: the signer trusts no octet of what the front asks */
Test(channel, refuses_orders_that_are_none)
{
	static const struct {
		uint64_t kind;
		struct bytes client;
		uint64_t count;
	} rows[] = {
		{SIGN_MEMBERS, {(const uint8_t *)"", 0}, 1},
		{SIGN_MEMBERS, {(const uint8_t *)"../x", 4}, 1},
		{SIGN_MEMBERS, {(const uint8_t *)"few\0er", 6}, 1},
		{SIGN_CRL, {(const uint8_t *)"few\0", 4}, 1},
		{SIGN_MEMBERS, {(const uint8_t *)"few", 3}, 0},
		{SIGN_MEMBERS, {(const uint8_t *)"few", 3}, BATCH_SIZE_MAX + 1},
		{SIGN_MEMBERS, {(const uint8_t *)"few", 3}, UINT64_MAX},
		{SIGN_MEMBERS, {(const uint8_t *)"few", 3}, 2},
		{SIGN_CRL, {(const uint8_t *)"", 0}, 2},
		{SIGN_PROBE, {(const uint8_t *)"", 0}, 1},
		{SIGN_PROBE + 1, {(const uint8_t *)"", 0}, 1},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer)
		struct buffer octets = write_order(rows[i].kind, rows[i].client, rows[i].count);
		struct parsed_order order = {0};

		REFUSED(parse_order(bytes_of_buffer(&octets), &order, &fault), FAULT_MALFORMED,
			"expected ", "row %zu", i);
		cr_expect_null(order.bodies);
	}
}

Test(channel, refuses_an_order_to_an_issuer_that_no_ca_has)
{
	static const uint64_t numbers[] = {0, ISSUERS_MAX + 1, UINT64_MAX};

	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		CLEANUP(clear_buffer) struct buffer octets = {0};
		struct parsed_order order = {0};

		order_issuer = numbers[i];
		octets = write_order(SIGN_MEMBERS, bytes_of_string("few"), 1);
		REFUSED(parse_order(bytes_of_buffer(&octets), &order, &fault), FAULT_MALFORMED,
			"expected kind, issuer", "row %zu", i);
	}
}

Test(channel, refuses_an_order_cut_off_anywhere)
{
	CLEANUP(clear_buffer)
	struct buffer octets = write_order(SIGN_MEMBERS, bytes_of_string("few"), 1);
	CLEANUP(clear_parsed_order) struct parsed_order order = {0};

	for (size_t len = 0; len < octets.len; len++)
		REFUSED(parse_order((struct bytes){octets.data, len}, &order, &fault),
			FAULT_MALFORMED, "expected ", "cut to %zu", len);
	OK(parse_order(bytes_of_buffer(&octets), &order, &fault));
	cr_expect_str_eq(order.order.client, "few");
	cr_expect_eq(order.order.count, 1);
	cr_expect_eq(order.order.bodies[0].len, 2);
}

Test(channel, refuses_a_frame_beyond_the_largest_crl)
{
	const uint64_t len = (uint64_t)FRAME_MAX + 1;
	struct frame frame = {.descriptor = -1};
	bool ended = false;
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert_eq(write(ends[0], &len, sizeof(len)), (ssize_t)sizeof(len));
	REFUSED(receive_frame(ends[1], &frame, &ended, &fault), FAULT_MALFORMED,
		"expected a frame of at most");
	cr_expect_null(frame.octets.data);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

Test(channel, carries_a_frame_with_its_descriptor)
{
	CLEANUP(clear_frame) struct frame frame = {.descriptor = -1};
	bool ended = true;
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	OK(send_frame(ends[0], bytes_of_string("octets"), ends[0], &fault));
	OK(receive_frame(ends[1], &frame, &ended, &fault));
	cr_expect_not(ended);
	cr_expect(equal_bytes(bytes_of_buffer(&frame.octets), bytes_of_string("octets")));
	cr_expect_geq(frame.descriptor, 0);
	clear_frame(&frame);
	(void)close(ends[0]);
	OK(receive_frame(ends[1], &frame, &ended, &fault));
	cr_expect(ended);
	(void)close(ends[1]);
}

enum { BEYOND_ANY_BUFFER = 8 << 20 };

/* Sends a frame of so many octets, with a descriptor, which it closes then. */
static void *send_large_frame(void *context)
{
	static uint8_t octets[BEYOND_ANY_BUFFER];
	const int *end = context;

	octets[BEYOND_ANY_BUFFER - 1] = 'x';
	OK(send_frame(*end, (struct bytes){octets, sizeof(octets)}, *end, &fault));
	(void)close(*end);
	return NULL;
}

Test(channel, carries_a_frame_that_no_buffer_of_the_kernel_holds)
{
	CLEANUP(clear_frame) struct frame frame = {.descriptor = -1};
	bool ended = true;
	pthread_t sender;
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert_eq(pthread_create(&sender, NULL, send_large_frame, &ends[0]), 0);
	OK(receive_frame(ends[1], &frame, &ended, &fault));
	cr_expect_eq(frame.octets.len, BEYOND_ANY_BUFFER);
	cr_expect_eq(frame.octets.data[BEYOND_ANY_BUFFER - 1], 'x');
	cr_expect_geq(frame.descriptor, 0);
	cr_assert_eq(pthread_join(sender, NULL), 0);
	clear_frame(&frame);
	OK(receive_frame(ends[1], &frame, &ended, &fault));
	cr_expect(ended);
	(void)close(ends[1]);
}

Test(channel, carries_a_failure_and_results)
{
	const struct fault failure = {FAULT_BUSY, "the token is away"};
	struct signed_result results[2] = {{.der = {0}}, {.der = {0}}};
	struct signed_result found[2] = {{.der = {0}}, {.der = {0}}};
	CLEANUP(clear_buffer) struct buffer octets = {0};
	struct bytes rest;

	append_outcome(&octets, -1, &failure);
	rest = bytes_of_buffer(&octets);
	REFUSED(take_outcome(&rest, &fault), FAULT_BUSY, "the token is away");
	clear_buffer(&octets);
	append_string(&results[0].der, "signed");
	reject_because(&results[1].verdict, "no such client");
	append_results(&octets, results, 2);
	OK(parse_results(bytes_of_buffer(&octets), found, 2, &fault));
	cr_expect(equal_bytes(bytes_of_buffer(&found[0].der), bytes_of_string("signed")));
	cr_expect(found[1].verdict.invalid);
	cr_expect_str_eq(found[1].verdict.reason, "no such client");
	for (size_t i = 0; i < 2; i++) {
		clear_signed_result(&results[i]);
		clear_signed_result(&found[i]);
	}
}
