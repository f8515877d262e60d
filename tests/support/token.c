#include "tests/support/token.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 16 };

static void run_program(const char *const *arguments)
{
	pid_t child = fork();
	int status = -1;

	cr_assert_geq(child, 0);
	if (child == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)execvp(arguments[0], (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0, "%s failed: is it installed (ci/install-deps.sh check)?",
		     arguments[0]);
}

void make_token(const struct scratch *scratch)
{
	const char *const arguments[] = {
		"softhsm2-util", "--init-token", "--free",   "--label",  "certpool-test",
		"--pin",         TOKEN_PIN,      "--so-pin", "12345678", NULL};
	char path[300];
	char text[400];

	cr_assert_eq(mkdirat(scratch->dirfd, "tokens", 0700), 0);
	(void)snprintf(text, sizeof(text),
		       "directories.tokendir = %s/tokens\nobjectstore.backend = file\n"
		       "log.level = ERROR\n",
		       scratch->path);
	put_file(scratch->dirfd, "softhsm2.conf", text, 0644);
	(void)snprintf(path, sizeof(path), "%s/softhsm2.conf", scratch->path);
	cr_assert_eq(setenv("SOFTHSM2_CONF", path, 1), 0);
	run_program(arguments);
}

static void generate(const char *label, const char *kind, const char *size, const char *mark)
{
	char generate_option[64];
	char size_option[64];
	char label_option[64];
	const char *const arguments[] = {"p11tool",    "--login", generate_option, size_option,
					 label_option, mark,      TOKEN_URL,       NULL};

	(void)snprintf(generate_option, sizeof(generate_option), "--generate-privkey=%s", kind);
	(void)snprintf(size_option, sizeof(size_option), "--%s=%s",
		       strcmp(kind, "rsa") == 0 ? "bits" : "curve", size);
	(void)snprintf(label_option, sizeof(label_option), "--label=%s", label);
	cr_assert_eq(setenv("GNUTLS_PIN", TOKEN_PIN, 1), 0);
	run_program(arguments);
	cr_assert_eq(unsetenv("GNUTLS_PIN"), 0);
}

void make_token_key(const char *label, const char *kind, const char *size)
{
	generate(label, kind, size, "--mark-private");
}

void make_loose_token_key(const char *label)
{
	generate(label, "ecdsa", "secp256r1", "--no-mark-private");
}

void remove_token(const struct scratch *scratch)
{
	cr_assert_eq(renameat(scratch->dirfd, "tokens", scratch->dirfd, "tokens.gone"), 0);
}
