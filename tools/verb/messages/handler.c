#include "tools/verb/messages/handler.h"

#include "common/base/clock.h"
#include "common/base/file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* Looks the name up in the directories of PATH, of which an empty one is the present one. */
static bool search_path(const char *name, char ret_program[static PATH_MAX])
{
	const char *rest = getenv("PATH");
	char program[PATH_MAX];

	while (rest != NULL) {
		int len = (int)strcspn(rest, ":");
		int written = snprintf(program, sizeof(program), "%.*s%s%s", len, rest,
				       len > 0 ? "/" : "./", name);

		if (written > 0 && written < PATH_MAX && is_program(program)) {
			memcpy(ret_program, program, sizeof(program));
			return true;
		}
		rest = rest[len] == ':' ? rest + len + 1 : NULL;
	}
	return false;
}

int find_handler(const char *name, struct handler *ret_handler, struct fault *fault)
{
	bool found;

	if (strchr(name, '/') == NULL) {
		found = search_path(name, ret_handler->program);
	} else {
		found = strlen(name) < PATH_MAX && is_program(name);
		if (found)
			memcpy(ret_handler->program, name, strlen(name) + 1);
	}
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "--exec: expected a program, found no executable file %s: it is "
				 "run without a shell and without arguments, so put those into a "
				 "script",
				 name);
	return 0;
}

/* An environment: an array of borrowed strings, of which the first ones are in own. */
struct handler_environment {
	char *own[HANDLER_VARIABLES_MAX];
	char **all;
};

static void clear_environment(struct handler_environment *environment)
{
	for (size_t i = 0; i < HANDLER_VARIABLES_MAX; i++)
		free(environment->own[i]);
	free(environment->all);
}

static int make_environment(const struct handler_variable *variables, size_t count,
			    struct handler_environment *environment, struct fault *fault)
{
	size_t inherited = 0;
	size_t used = 0;

	while (environ[inherited] != NULL)
		inherited++;
	environment->all = calloc(inherited + count + 1, sizeof(*environment->all));
	if (environment->all == NULL)
		return set_memory_fault(fault);
	for (; used < count; used++) {
		if (asprintf(&environment->own[used], HANDLER_PREFIX "%s=%s", variables[used].name,
			     variables[used].value) < 0) {
			environment->own[used] = NULL;
			return set_memory_fault(fault);
		}
		mask_control_characters(environment->own[used]);
		environment->all[used] = environment->own[used];
	}
	for (size_t i = 0; i < inherited; i++)
		if (strncmp(environ[i], HANDLER_PREFIX, strlen(HANDLER_PREFIX)) != 0)
			environment->all[used++] = environ[i];
	return 0;
}

/* The receiver blocks signals and ignores SIGPIPE: the program starts with neither. */
static int start_handler(const struct handler *handler, int input,
			 const struct handler_environment *environment, pid_t *ret_process,
			 struct fault *fault)
{
	char *arguments[] = {strdup(handler->program), NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t all;
	int error;

	if (arguments[0] == NULL)
		return set_memory_fault(fault);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_init(&actions);
	error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
							      POSIX_SPAWN_SETSIGMASK |
							      POSIX_SPAWN_SETSIGDEF);
	error |= posix_spawnattr_setsigmask(&attributes, &none);
	error |= posix_spawnattr_setsigdefault(&attributes, &all);
	error |= posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (handler->output_aside)
		error |= posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	error |= posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (error == 0)
		error = posix_spawn(ret_process, handler->program, &actions, &attributes, arguments,
				    environment->all);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	free(arguments[0]);
	if (error == 0)
		return 0;
	errno = error;
	return set_errno_fault(fault, "%s", handler->program);
}

/* Whether the process ended in time. Without a descriptor of it, nobody could wait that long. */
static bool ends_in_time(int process, int64_t timeout_s)
{
	int64_t end_us = read_stopwatch_us() + timeout_s * 1000000;
	struct pollfd ended = {.fd = process, .events = POLLIN};

	for (;;) {
		int64_t left_ms = (end_us - read_stopwatch_us()) / 1000;

		if (left_ms < 0)
			left_ms = 0;
		if (poll(&ended, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX) > 0)
			return true;
		if (left_ms == 0)
			return false;
	}
}

static int wait_for_handler(const struct handler *handler, pid_t process, struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = pidfd_open(process, 0);
	bool in_time = descriptor >= 0 && ends_in_time(descriptor, handler->timeout_s);
	int open_error = descriptor < 0 ? errno : 0;
	int status = 0;

	/* Its group, and the program itself, which may have left that. */
	if (!in_time) {
		(void)kill(-process, SIGKILL);
		(void)kill(process, SIGKILL);
	}
	while (waitpid(process, &status, 0) < 0)
		if (errno != EINTR)
			return set_errno_fault(fault, "%s", handler->program);
	if (open_error != 0) {
		errno = open_error;
		return set_errno_fault(fault, "pidfd_open");
	}
	if (!in_time)
		return set_fault(
			fault, FAULT_FAILED,
			"%s: expected its end within %lld s, and killed it: --exec-timeout "
			"gives it longer",
			handler->program, (long long)handler->timeout_s);
	if (WIFSIGNALED(status))
		return set_fault(fault, FAULT_FAILED, "%s: killed by signal %d", handler->program,
				 WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return set_fault(fault, FAULT_FAILED, "%s: expected exit status 0, found %d",
				 handler->program, WEXITSTATUS(status));
	return 0;
}

int run_handler(const struct handler *handler, const struct handler_variable *variables,
		size_t count, struct bytes input, struct fault *fault)
{
	CLEANUP(clear_environment) struct handler_environment environment = {0};
	CLEANUP(close_descriptor) int descriptor = -1;
	pid_t process;

	/* The program reads M when it likes, or not at all. */
	if (make_environment(variables, count, &environment, fault) < 0 ||
	    make_memory_file("message", input, &descriptor, fault) < 0 ||
	    start_handler(handler, descriptor, &environment, &process, fault) < 0)
		return -1;
	return wait_for_handler(handler, process, fault);
}
