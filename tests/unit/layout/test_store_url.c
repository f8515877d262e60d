#include "common/layout/store_url.h"

#include "common/base/bytes.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(store_url);

Test(store_url, is_completed)
{
	static const struct {
		const char *given;
		const char *expected;
	} rows[] = {
		{"postgresql:///ca", "postgresql:///ca?sslmode=prefer"},
		{"postgres://localhost:5433/ca", "postgresql://localhost:5433/ca?sslmode=prefer"},
		{"postgresql://[::1]:5433,127.0.0.1/ca",
		 "postgresql://[::1]:5433,127.0.0.1/ca?sslmode=prefer"},
		{"postgresql:///ca?host=/run/postgresql",
		 "postgresql:///ca?host=/run/postgresql&sslmode=prefer"},
		{"postgresql://%2Frun/ca?sslmode=disable",
		 "postgresql://%2Frun/ca?sslmode=disable"},
		{"postgresql://db/ca", "postgresql://db/ca?sslmode=verify-full"},
		{"postgresql://certpool@db1,db2/ca?target_session_attrs=read-write",
		 "postgresql://certpool@db1,db2/"
		 "ca?target_session_attrs=read-write&sslmode=verify-full"},
		{"postgresql://127.0.0.1,db2/ca",
		 "postgresql://127.0.0.1,db2/ca?sslmode=verify-full"},
		{"postgresql://127.evil.example/ca",
		 "postgresql://127.evil.example/ca?sslmode=verify-full"},
		{"postgresql:///ca?hostaddr=10.0.0.1",
		 "postgresql:///ca?hostaddr=10.0.0.1&sslmode=verify-full"},
		{"postgresql:///?service=ca", "postgresql:///?service=ca&sslmode=verify-full"},
		{"postgresql://db/ca?sslrootcert=db%20root.crt&passfile=/a/b",
		 "postgresql://db/ca?sslrootcert=/m/db%20root.crt&passfile=/a/"
		 "b&sslmode=verify-full"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_string) char *url = NULL;

		OK(complete_store_url(rows[i].given, "/m", false, &url, &fault));
		cr_expect_str_eq(url, rows[i].expected);
	}
}

Test(store_url, is_refused)
{
	static const struct {
		const char *given;
		const char *part;
	} rows[] = {
		{"mysql://db/ca", "expected postgresql://"},
		{"postgresql://certpool:secret@db/ca", "a password in the URL"},
		{"postgresql://db/ca?password=secret", "a password in the URL"},
		{"postgresql://db/ca?pass%77ord=secret", "put it into ~/.pgpass"},
		{"postgresql://db/ca?sslpassword=secret", "a password in the URL"},
		{"postgresql://db/ca?sslmode=require", "expected sslmode=verify-full"},
		{"postgresql://db/ca?sslmode=verify-full&sslmode=disable",
		 "expected sslmode=verify"},
		{"postgresql://db/ca?sslmode=disable&sslmode=verify-full",
		 "expected sslmode=verify"},
		{"postgresql:///ca?host=/run&host=db&sslmode=disable", "expected sslmode=verify"},
		{"postgresql:///ca?service=x&sslmode=prefer", "expected sslmode=verify-full"},
		{"postgresql://db/ca?options=-csearch_path%3Dx",
		 "the parameter \"options\" is not"},
		{"postgresql://db/ca?ssl=true", "the parameter \"ssl\" is not one"},
		{"postgresql://db/ca?sslmode", "expected parameters of the form NAME=VALUE"},
		{"postgresql://ca@db,x@localhost/ca", "expected one @, before the hosts"},
		{"postgresql://%2Frun%2Cdb/ca?sslmode=disable", "found %2C"},
		{"postgresql://ca@%2Frun%2cdb/ca", "found %2C"},
		{"postgresql://db/ca?host=%2", "two hexadecimal digits"},
		{"postgresql://db/ca?host=%0a", "a control character"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *url = NULL;

		REFUSED(complete_store_url(rows[i].given, "/m", false, &url, &fault), FAULT_USAGE,
			rows[i].part);
		cr_expect_null(url);
	}
}

Test(store_url, quotes_no_password)
{
	struct fault fault = {0};
	char *url = NULL;

	cr_expect_eq(complete_store_url("postgresql://u:secret@db/ca", "/m", false, &url, &fault),
		     -1);
	cr_expect_null(strstr(fault.text, "secret"));
}

Test(store_url, may_be_unverified_when_that_is_said)
{
	CLEANUP(free_string) char *url = NULL;

	OK(complete_store_url("postgresql://db/ca?sslmode=require", "/m", true, &url, &fault));
	cr_expect_str_eq(url, "postgresql://db/ca?sslmode=require");
}

Test(store_url, names_files)
{
	CLEANUP(free_store_files) struct store_files files = {0};

	OK(list_store_files("postgresql://db/ca?sslrootcert=/m/db%20root.crt&port=1&sslkey=/k",
			    &files, &fault));
	cr_assert_eq(files.count, 2);
	cr_expect_str_eq(files.paths[0], "/m/db root.crt");
	cr_expect_str_eq(files.paths[1], "/k");
}

/* A tool that takes the first of several hosts might copy what an old primary knew. */
Test(store_url, has_other_tools_reach_the_server_that_takes_changes)
{
	static const char *const rows[][2] = {
		{"postgresql://db/ca", "postgresql://db/ca?target_session_attrs=read-write"},
		{"postgresql://a,b/ca?sslmode=prefer",
		 "postgresql://a,b/ca?sslmode=prefer&target_session_attrs=read-write"},
		{"postgresql://a,b/ca?target_session_attrs=any&port=1",
		 "postgresql://a,b/ca?target_session_attrs=any&port=1"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer text = {0};

		append_tool_url(&text, rows[i][0]);
		cr_assert_not(text.failed);
		cr_expect_str_eq((const char *)text.data, rows[i][1]);
	}
}
