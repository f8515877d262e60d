#include "common/net/origin.h"

#include "common/base/cleanup.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

static void expect_origin(int family, const char *text, const char *expected)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = 1};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = 1};
	char origin[ORIGIN_SIZE];

	cr_assert_eq(
		inet_pton(family, text, family == AF_INET ? (void *)&v4.sin_addr : &v6.sin6_addr),
		1);
	format_origin(family == AF_INET ? (const struct sockaddr *)(const void *)&v4
					: (const struct sockaddr *)(const void *)&v6,
		      origin);
	cr_expect_str_eq(origin, expected);
}

/* catalogue 112 */
Test(origin, is_an_ipv4_address_or_the_half_of_an_ipv6_address)
{
	expect_origin(AF_INET, "192.0.2.1", "192.0.2.1");
	expect_origin(AF_INET, "192.0.2.2", "192.0.2.2");
	expect_origin(AF_INET6, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
	expect_origin(AF_INET6, "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64");
	expect_origin(AF_INET6, "2001:db8:1:3::1", "2001:db8:1:3::/64");
	expect_origin(AF_INET6, "ffff:ffff:ffff:ffff::1", "ffff:ffff:ffff:ffff::/64");
	expect_origin(AF_INET6, "::1", "::/64");
}

Test(origin, is_unknown_for_another_kind_of_address)
{
	const struct sockaddr address = {.sa_family = AF_UNIX};
	char origin[ORIGIN_SIZE];

	format_origin(&address, origin);
	cr_expect_str_eq(origin, "unknown");
}

/* The list has exactly the origins that have a member. */
Test(origin, is_shared_by_its_members)
{
	struct origin *list = NULL;
	struct origin *first = join_origin(&list, "192.0.2.1");
	struct origin *second = join_origin(&list, "192.0.2.2");
	struct origin *third = join_origin(&list, "192.0.2.3");
	struct origin *again = join_origin(&list, "192.0.2.2");

	cr_expect_eq(again, second);
	cr_expect_eq(second->members, 2);
	cr_expect_str_eq(second->text, "192.0.2.2");
	leave_origin(&again);
	cr_expect_null(again);
	leave_origin(&second);
	cr_expect_eq(list, third);
	cr_expect_eq(third->next, first);
	leave_origin(&third);
	leave_origin(&first);
	cr_expect_null(list);
	leave_origin(&first);
}
