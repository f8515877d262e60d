#include "tools/client/client_file.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

static struct manifest *manifest;

static void set_up(void)
{
	static const char text[] =
		"version: 1\nca: {layout: ca, endpoint: \"http://127.0.0.1:1\"}\n"
		"clients: {known: {pool: {size: 4}, policy: {certificates: 9}}}\n";

	OK(parse_manifest(bytes_of_string(text), "manifest.yaml", &manifest, &fault));
}

static void tear_down(void)
{
	free_manifest(&manifest);
}

TestSuite(client_file, .init = set_up, .fini = tear_down);

static int parse(const char *text, struct client_file *ret_file, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer buffer = {0};

	append_string(&buffer, text);
	return parse_client_file(&buffer, "f", manifest, ret_file, fault);
}

/* Each names its line, and its column where there is one. */
Test(client_file, refuses_a_whole_file_for_one_bad_row)
{
	static const struct {
		const char *text;
		const char *reason;
	} files[] = {
		{"", "f: expected a first line with the names of the columns"},
		{"\n\n", "f: expected a first line"},
		{"name\n", "f: expected a line for each client, found none"},
		{"size\n1\n", "f: line 1: expected a column \"name\""},
		{"name,name\n", "f: line 1: expected each column once, found name again"},
		{"name,purpose\na,b\n", "f: line 1: expected columns of name, size, subject"},
		{"name,size,subject,alt-names,keys,validity,certificates,requests-per-minute,"
		 "name\n",
		 "found name again"},
		{"name,size,subject,alt-names,keys,validity,certificates,requests-per-minute,x,y\n",
		 "found \"x\""},
		{"name,size\n,1\n", "f: line 2: name: expected 1 to 64"},
		{"name,size\na,1,1\n", "f: line 2: expected 2 fields as in line 1, found 3"},
		{"name,size\na\n", "f: line 2: expected 2 fields as in line 1, found 1"},
		{"name,size\na,1\n\n\nb,0\n", "f: line 5: size: expected a whole number"},
		{"name,subject\na,CN=x\nb,\"\n\n", "f: line 3: expected a quote"},
		{"name,subject\na,\"CN=x\" \n", "f: line 2: expected a comma or the end"},
		{"name\na\nb\na\n",
		 "f: line 4: name: expected each client once, found a of line 2"},
		{"name\nca\n", "f: line 2: name: no client can be called"},
		{"name,subject\na,CN={x}\n", "f: line 2: subject: "},
		{"name,validity\na,91d\n", "f: line 2: validity: expected at most"},
		{"name,usages\na,tls\n", "f: line 2: usages: \"tls\" is no usage"},
		{"name,certificates\na,10000001\n", "f: line 2: certificates: "},
		{"name\n\xff\n", "f: expected UTF-8"},
	};

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		CLEANUP(clear_client_file) struct client_file file = {0};

		REFUSED(parse(files[i].text, &file, &fault), FAULT_USAGE, files[i].reason);
		cr_expect_eq(file.count, 0);
	}
}

Test(client_file, reads_quotes_line_ends_and_empty_fields)
{
	CLEANUP(clear_client_file) struct client_file file = {0};
	static const char text[] = "\xef\xbb\xbf\"subject\",name,size,certificates\r\n"
				   "\"CN=\"\"q\"\", O=a\",quoted,3,\r\n"
				   ",plain,,7\n"
				   "\n"
				   "CN={index},last,,";

	OK(parse(text, &file, &fault));
	cr_assert_eq(file.count, 3);
	cr_expect_str_eq(file.clients[0].name, "quoted");
	cr_expect_str_eq(file.clients[0].policy.subject, "CN=\"q\", O=a");
	cr_expect_eq(file.clients[0].pool_size, 3);
	cr_expect_eq(file.clients[0].policy.certificates, 30, "ten for each member");
	cr_expect_eq(file.clients[0].by_hand, FIELD_BIT(POLICY_SUBJECT));
	cr_expect_eq(file.clients[1].policy.certificates, 7);
	cr_expect_eq(file.clients[1].by_hand, FIELD_BIT(POLICY_CERTIFICATES));
	cr_expect_eq(file.lines[2], 5);
	cr_expect_str_eq(file.clients[2].policy.subject, "CN={index}");
}

Test(client_file, reads_usages)
{
	CLEANUP(clear_client_file) struct client_file file = {0};

	OK(parse("name,usages\nweb,\"client,server\"\nold,\n", &file, &fault));
	cr_expect_eq(file.clients[0].policy.usages, USE_CLIENT | USE_SERVER);
	cr_expect_eq(file.clients[0].by_hand, FIELD_BIT(POLICY_USAGES));
	cr_expect_eq(file.clients[1].policy.usages, USE_SIGN);
}

/* A client that the manifest has too, and the record not yet. */
Test(client_file, takes_what_it_does_not_say_from_the_manifest)
{
	CLEANUP(clear_client_file) struct client_file file = {0};

	OK(parse("name,size\nknown,50\n", &file, &fault));
	cr_expect_eq(file.clients[0].policy.certificates, 9);
	cr_expect_eq(file.clients[0].by_hand, 0);
}
