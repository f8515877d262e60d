/* Starts certpool servers as child processes, learns their endpoints and stops them. */
#include "tools/server_process.h"

#include "common/base/file.h"
#include "tools/options.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_TIMEOUT_MS = 30000, PROGRAM_SIZE = 4096 };

/*
 * Everything that the child needs, made before fork(2): between fork and execve only
 * async-signal-safe calls are allowed.
 */
struct child {
	char program[PROGRAM_SIZE];
	char ready[16];
	char *arguments[SERVER_ARGUMENTS_MAX + 4];
	char **environment; /* an array of borrowed strings */
	int ready_end;      /* the pipe's end that --ready names */
	int null;           /* /dev/null */
};

static void clear_child(struct child *child)
{
	for (size_t i = 0; child->arguments[i] != NULL; i++)
		free(child->arguments[i]);
	free(child->environment);
	close_descriptor(&child->ready_end);
	close_descriptor(&child->null);
}

/* The link's target: under valgrind, executing /proc/self/exe would run valgrind. */
static int find_program(char ret_program[static PROGRAM_SIZE], struct fault *fault)
{
	ssize_t len = readlink("/proc/self/exe", ret_program, PROGRAM_SIZE);

	if (len < 0)
		return set_errno_fault(fault, "/proc/self/exe");
	if (len >= PROGRAM_SIZE)
		return set_fault(fault, FAULT_FAILED, "/proc/self/exe: its path is too long");
	ret_program[len] = '\0';
	return 0;
}

static int copy_environment(char ***ret_environment, struct fault *fault)
{
	size_t count = 0;
	size_t copied = 0;
	char **environment;

	while (environ[count] != NULL)
		count++;
	environment = calloc(count + 1, sizeof(*environment));
	if (environment == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) != 0)
			environment[copied++] = environ[i];
	*ret_environment = environment;
	return 0;
}

static int copy_arguments(const char *const *arguments, struct child *child, struct fault *fault)
{
	const char *last[] = {"--ready", child->ready};
	size_t count = 0;

	child->arguments[count++] = strdup("certpool");
	for (size_t i = 0; i < SERVER_ARGUMENTS_MAX && arguments[i] != NULL; i++)
		child->arguments[count++] = strdup(arguments[i]);
	for (size_t i = 0; i < COUNT_OF(last); i++)
		child->arguments[count++] = strdup(last[i]);
	for (size_t i = 0; i < count; i++)
		if (child->arguments[i] == NULL)
			return set_memory_fault(fault);
	return 0;
}

static int prepare_child(const char *const *arguments, struct child *child, int *ret_our_end,
			 struct fault *fault)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return set_errno_fault(fault, "pipe");
	*ret_our_end = ends[0];
	child->ready_end = ends[1];
	(void)snprintf(child->ready, sizeof(child->ready), "%d", child->ready_end);
	child->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (child->null < 0)
		return set_errno_fault(fault, "/dev/null");
	if (find_program(child->program, fault) < 0 ||
	    copy_environment(&child->environment, fault) < 0)
		return -1;
	return copy_arguments(arguments, child, fault);
}

/* In the child; does not return. The parent may have died before prctl took effect. */
static void become_server(const struct child *child, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0L, 0L, 0L) < 0 || getppid() != parent ||
	    dup2(child->null, STDIN_FILENO) < 0 || dup2(child->null, STDOUT_FILENO) < 0 ||
	    fcntl(child->ready_end, F_SETFD, 0) < 0)
		_exit(EXIT_FAILURE);
	(void)execve(child->program, child->arguments, child->environment);
	_exit(EXIT_FAILURE);
}

/* Reads the line that announce_server writes, without its line end. */
static int read_ready_line(int descriptor, char ret_line[static ENDPOINT_TEXT_SIZE + 1],
			   const char *verb, struct fault *fault)
{
	struct pollfd end = {.fd = descriptor, .events = POLLIN};
	size_t len = 0;

	while (len == 0 || ret_line[len - 1] != '\n') {
		int polled = poll(&end, 1, READY_TIMEOUT_MS);
		ssize_t got = -1;

		if (polled < 0 && errno == EINTR)
			continue;
		if (polled > 0 && len < ENDPOINT_TEXT_SIZE)
			got = read(descriptor, ret_line + len, ENDPOINT_TEXT_SIZE - len);
		if (got <= 0)
			return set_fault(fault, FAULT_FAILED, "certpool %s could not be started%s",
					 verb,
					 polled == 0 ? ": it printed no endpoint in time"
						     : ", for the reason above");
		len += (size_t)got;
	}
	ret_line[len - 1] = '\0';
	return 0;
}

/* A server that listens at all addresses is reached at this one. */
static void name_loopback(struct endpoint *endpoint)
{
	if (is_wildcard(endpoint))
		(void)snprintf(endpoint->host, sizeof(endpoint->host), "%s",
			       strchr(endpoint->host, ':') != NULL ? "::1" : "127.0.0.1");
}

int start_server(const char *const *arguments, struct server *ret_server, struct fault *fault)
{
	CLEANUP(clear_child) struct child child = {.ready_end = -1, .null = -1};
	CLEANUP(close_descriptor) int our_end = -1;
	CLEANUP(drop_server) struct server server = {0};
	char line[ENDPOINT_TEXT_SIZE + 1];
	pid_t parent = getpid();

	if (prepare_child(arguments, &child, &our_end, fault) < 0)
		return -1;
	server.pid = fork();
	if (server.pid < 0)
		return set_errno_fault(fault, "fork");
	if (server.pid == 0)
		become_server(&child, parent);
	close_descriptor(&child.ready_end);
	if (read_ready_line(our_end, line, arguments[0], fault) < 0 ||
	    parse_endpoint(line, &server.endpoint, fault) < 0)
		return -1;
	name_loopback(&server.endpoint);
	*ret_server = server;
	server.pid = 0;
	return 0;
}

/* pid is cleared first: CLEANUP must not stop the server again after a failure. */
int stop_server(struct server *server, struct fault *fault)
{
	pid_t pid = server->pid;
	pid_t ended;
	int status;

	server->pid = 0;
	if (pid <= 0)
		return 0;
	(void)kill(pid, SIGTERM);
	do
		ended = waitpid(pid, &status, 0);
	while (ended < 0 && errno == EINTR);
	if (ended < 0)
		return set_errno_fault(fault, "a server that was started here");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
		return set_fault(fault, FAULT_FAILED,
				 "a server that was started here ended with %s %d",
				 WIFEXITED(status) ? "exit status" : "signal",
				 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 0;
}

void drop_server(struct server *server)
{
	struct fault ignored = {0};

	(void)!stop_server(server, &ignored);
}

/* A server holds the lock for its whole life. */
int find_server(const struct layout *layout, bool *ret_serving, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct fault busy = {0};
	bool free = lock_file(layout->state, "serving", LOCK_REFUSE, &lock, &busy) == 0;

	if (!free && busy.class != FAULT_BUSY)
		return set_fault(fault, busy.class, "%s/state/%s", layout->path, busy.text);
	*ret_serving = !free;
	return 0;
}
