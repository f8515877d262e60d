/*
 * Writes COUNT encrypted questions to the CA about a certificate, in the form of `verify --online`,
 * to standard output, each with a line end. They are valid for five minutes, each of them once.
 */
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/crypto/key_file.h"
#include "common/layout/layout.h"
#include "common/wire/envelope.h"
#include "common/wire/status.h"
#include "common/x509/certificate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int write_question(const struct shared_key *key, const char *client,
			  struct status_request *request, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret question = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	if (make_request_claims(client, CA_NAME, read_clock(), &request->claims, fault) < 0 ||
	    format_status_request(request, &question, fault) < 0 ||
	    encrypt_message(key, status_kind.typ, status_kind.cty, bytes_of_secret(&question), &jwe,
			    fault) < 0)
		return -1;
	append_string(&jwe, "\n");
	if (check_buffer(&jwe, fault) < 0)
		return -1;
	return write_stream(STDOUT_FILENO, "standard output", bytes_of_buffer(&jwe), fault);
}

static int write_questions(const char *directory, const char *client, const char *certificate,
			   unsigned long count, struct fault *fault)
{
	CLEANUP(clear_status_request) struct status_request request = {0};
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(clear_shared_key) struct shared_key key = {0};

	if (open_layout(directory, &layout, fault) < 0 ||
	    read_shared_key(layout, CA_NAME, &key, fault) < 0 ||
	    read_file(AT_FDCWD, certificate, CERTIFICATE_PEM_MAX, &request.certificate, fault) < 0)
		return -1;
	for (unsigned long i = 0; i < count; i++)
		if (write_question(&key, client, &request, fault) < 0)
			return -1;
	return 0;
}

int main(int count, char **arguments)
{
	struct fault fault = {0};

	if (count != 5) {
		(void)fputs("usage: status_question LAYOUT CLIENT CERTIFICATE COUNT\n", stderr);
		return 2;
	}
	if (write_questions(arguments[1], arguments[2], arguments[3],
			    strtoul(arguments[4], NULL, 10), &fault) == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "status_question: %s\n", fault.text);
	return EXIT_FAILURE;
}
