#include "common/ca/signer/sandboxes.h"

#include "common/base/sandbox.h"
#include "common/layout/path.h"

#include <netdb.h>
#include <stdlib.h>

/* What the C library, its threads, files and SQLite need. */
#define CALLS_OF_BOTH                                                                              \
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek",   \
		"close", "fcntl", "flock", "fsync", "fdatasync", "syncfs", "ftruncate",            \
		"fallocate", "open", "openat", "openat2", "stat", "lstat", "fstat", "newfstatat",  \
		"fstatat64", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2",    \
		"readlink", "readlinkat", "getcwd", "getdents64", "mmap", "munmap", "mremap",      \
		"mprotect", "madvise", "brk", "msync", "futex", "futex_waitv", "set_robust_list",  \
		"get_robust_list", "rseq", "clone", "clone3", "exit", "exit_group",                \
		"restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",               \
		"sigaltstack", "getpid", "gettid", "getppid", "tgkill", "getuid", "geteuid",       \
		"getgid", "getegid", "getrandom", "clock_gettime", "clock_getres",                 \
		"clock_nanosleep", "nanosleep", "gettimeofday", "time", "sched_getaffinity",       \
		"sched_yield", "prctl", "prlimit64", "getrlimit", "getrusage", "sysinfo", "uname", \
		"unlink", "unlinkat", "rename", "renameat", "renameat2", "linkat", "fchmod",       \
		"fchown", "utimensat", "poll", "ppoll", "sendmsg", "sendto", "recvmsg",            \
		"recvfrom", "shutdown", "getsockopt"

/* Descriptors come from the signer; the network is the front's alone. */
static const char *const front_calls[] = {
	CALLS_OF_BOTH,     "socket",     "bind",        "listen",      "accept",
	"accept4",         "connect",    "setsockopt",  "getsockname", "getpeername",
	"epoll_create1",   "epoll_ctl",  "epoll_wait",  "epoll_pwait", "epoll_pwait2",
	"eventfd2",        "pipe2",      "select",      "pselect6",    "sendfile",
	"ioctl",           "signalfd4",  "wait4",       "waitid",      "timerfd_create",
	"timerfd_settime", "dup",        "dup2",        "dup3",        "recvmmsg",
	"sendmmsg",        "socketpair", "quotactl_fd", NULL,
};

static const char *const signer_calls[] = {CALLS_OF_BOTH, NULL};

/* What getaddrinfo reads for an endpoint that has a name; its libraries are loaded by then. */
static const char *const resolver_files[] = {"/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
					     "/etc/resolv.conf", "/etc/gai.conf"};

static int close_sandbox(const char *process, const struct sandbox_path *paths, size_t count,
			 const char *const *calls, struct sandbox_result *ret_result,
			 struct fault *fault)
{
	struct sandbox_result result;

	if (restrict_files(paths, count, &result.files, fault) < 0 ||
	    restrict_system_calls(calls, &result.system_calls, fault) < 0)
		return prefix_fault(fault, "the sandbox of the %s", process);
	*ret_result = result;
	return 0;
}

/* The C library loads the parts that look names up when the first one is looked up. */
static void load_resolver(void)
{
	struct addrinfo *addresses = NULL;

	if (getaddrinfo("localhost", NULL, NULL, &addresses) == 0)
		freeaddrinfo(addresses);
}

int close_front_sandbox(const struct layout *layout, struct sandbox_result *ret_result,
			struct fault *fault)
{
	struct sandbox_path paths[5 + COUNT_OF(resolver_files)] = {
		{layout->state, "state", SANDBOX_READ | SANDBOX_WRITE},
		{layout->cert, "cert", SANDBOX_READ | SANDBOX_WRITE},
		{-1, "/dev/null", SANDBOX_READ | SANDBOX_WRITE},
		{-1, "/dev/urandom", SANDBOX_READ},
	};

	size_t count = 4;

	for (size_t i = 0; i < COUNT_OF(resolver_files); i++)
		paths[count++] = (struct sandbox_path){-1, resolver_files[i], SANDBOX_READ};
	if (layout->server >= 0)
		paths[count++] = (struct sandbox_path){layout->server, "Private/server",
						       SANDBOX_READ | SANDBOX_WRITE};
	load_resolver();
	return close_sandbox("front", paths, count, front_calls, ret_result, fault);
}

int close_signer_sandbox(const struct layout *layout, const char *manifest,
			 struct sandbox_result *ret_result, struct fault *fault)
{
	/* A manifest that is a link may be replaced in the folder of what it names, too. */
	CLEANUP(free_string) char *real = realpath(manifest, NULL);
	CLEANUP(free_string) char *folder = NULL;
	CLEANUP(free_string) char *real_folder = NULL;

	if (split_directory(manifest, &folder, fault) < 0 ||
	    split_directory(real != NULL ? real : manifest, &real_folder, fault) < 0)
		return -1;
	const struct sandbox_path paths[] = {
		{layout->state, "state", SANDBOX_READ | SANDBOX_WRITE},
		{layout->cert, "cert", SANDBOX_READ},
		{layout->private, "Private", SANDBOX_READ},
		{-1, folder, SANDBOX_READ},
		{-1, real_folder, SANDBOX_READ},
		{-1, "/dev/null", SANDBOX_READ | SANDBOX_WRITE},
		{-1, "/dev/urandom", SANDBOX_READ},
	};

	return close_sandbox("signer", paths, COUNT_OF(paths), signer_calls, ret_result, fault);
}
