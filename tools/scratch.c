/* A directory that is removed after the work, by a parent process that outlives the work. */
#include "tools/scratch.h"

#include "common/base/bytes.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPEN_DIRECTORIES = 16 };

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *position)
{
	(void)status;
	(void)kind;
	(void)position;
	return remove(path);
}

static int remove_tree(const char *path, struct fault *fault)
{
	if (nftw(path, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
		return set_errno_fault(fault, "%s: cannot be removed: remove it", path);
	return 0;
}

/* The signals that the waiting parent takes with sigwaitinfo. */
static void list_signals(sigset_t *signals)
{
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGINT);
	(void)sigaddset(signals, SIGTERM);
	(void)sigaddset(signals, SIGHUP);
	(void)sigaddset(signals, SIGCHLD);
}

/*
 * Waits for the child and for the servers that it left behind, which become children of this
 * process (PR_SET_CHILD_SUBREAPER). Returns the child's wait status.
 */
static int wait_for_processes(pid_t child, const sigset_t *signals)
{
	int child_status = 0;
	bool waiting = true;

	while (waiting) {
		int signal = sigwaitinfo(signals, NULL);
		int status = 0;
		pid_t ended;

		if (signal > 0 && signal != SIGCHLD)
			(void)kill(child, SIGTERM);
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
			if (ended == child)
				child_status = status;
		waiting = ended == 0;
	}
	return child_status;
}

/* Ends with the child's exit status, or by the signal that ended the child. */
static _Noreturn void end_as(int status)
{
	sigset_t none;

	if (WIFSIGNALED(status)) {
		(void)sigemptyset(&none);
		(void)signal(WTERMSIG(status), SIG_DFL);
		(void)raise(WTERMSIG(status));
		(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

/* In the parent, for the rest of its life. */
static _Noreturn void wait_and_remove(pid_t child, const char *path, const sigset_t *signals)
{
	struct fault fault = {0};
	int status = wait_for_processes(child, signals);

	if (remove_tree(path, &fault) < 0)
		(void)fprintf(stderr, "certpool: %s\n", fault.text);
	end_as(status);
}

/* In the child: SIGTERM when the parent dies, and the signal mask from before the fork. */
static int prepare_worker(pid_t parent, const sigset_t *before, struct fault *fault)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0L, 0L, 0L) < 0 || getppid() != parent ||
	    pthread_sigmask(SIG_SETMASK, before, NULL) != 0)
		return set_errno_fault(fault, "the child process cannot be prepared");
	return 0;
}

int enter_scratch(const char *parent, const char *name, char **ret_path, struct fault *fault)
{
	CLEANUP(free_string) char *path = NULL;
	const pid_t self = getpid();
	sigset_t signals;
	sigset_t before;
	pid_t child;

	list_signals(&signals);
	if (asprintf(&path, "%s/%s.XXXXXX", parent, name) < 0)
		return set_memory_fault(fault);
	/* From here on no signal but SIGKILL ends this process before the directory is removed. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) < 0 ||
	    pthread_sigmask(SIG_BLOCK, &signals, &before) != 0)
		return set_errno_fault(fault, "cannot wait for processes");
	if (mkdtemp(path) == NULL)
		return set_errno_fault(fault, "%s: no directory can be made in it", parent);
	child = fork();
	if (child > 0)
		wait_and_remove(child, path, &signals);
	if (child < 0) {
		(void)set_errno_fault(fault, "cannot fork");
		(void)remove_tree(path, fault);
		return -1;
	}
	if (prepare_worker(self, &before, fault) < 0)
		return -1;
	*ret_path = TAKE(path);
	return 0;
}
