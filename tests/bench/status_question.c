/*
 * Writes one encrypted question to the CA about a certificate, in the form of `verify --online`, to
 * standard output. The question is valid for five minutes, and may be repeated meanwhile.
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

static int write_question(const char *directory, const char *client, const char *certificate,
			  struct fault *fault)
{
	CLEANUP(clear_status_request) struct status_request request = {0};
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_secret) struct secret question = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};

	if (open_layout(directory, &layout, fault) < 0 ||
	    read_shared_key(layout, CA_NAME, &key, fault) < 0 ||
	    read_file(AT_FDCWD, certificate, CERTIFICATE_PEM_MAX, &request.certificate, fault) <
		    0 ||
	    make_request_claims(client, CA_NAME, read_clock(), &request.claims, fault) < 0 ||
	    format_status_request(&request, &question, fault) < 0 ||
	    encrypt_message(&key, status_kind.typ, status_kind.cty, bytes_of_secret(&question),
			    &jwe, fault) < 0)
		return -1;
	return write_stream(STDOUT_FILENO, "standard output", bytes_of_buffer(&jwe), fault);
}

int main(int count, char **arguments)
{
	struct fault fault = {0};

	if (count != 4) {
		(void)fputs("usage: status_question LAYOUT CLIENT CERTIFICATE\n", stderr);
		return 2;
	}
	if (write_question(arguments[1], arguments[2], arguments[3], &fault) == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "status_question: %s\n", fault.text);
	return EXIT_FAILURE;
}
