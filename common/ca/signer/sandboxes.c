#include "common/ca/signer/sandboxes.h"

#include "common/base/sandbox.h"
#include "common/layout/path.h"
#include "common/layout/store_url.h"
#include "common/net/client/fetch.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

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

/* The shared keys go out as files without a name. */
#define CALLS_OF_SIGNER CALLS_OF_BOTH, "memfd_create"

static const char *const signer_calls[] = {CALLS_OF_SIGNER, NULL};

/* To look a database's host up, and to connect to it. */
static const char *const signer_calls_with_database[] = {
	CALLS_OF_SIGNER, "socket", "connect",  "bind",     "setsockopt", "getsockname",
	"getpeername",   "ioctl",  "sendmmsg", "eventfd2", "pipe2",      NULL,
};

/* What getaddrinfo reads for an endpoint that has a name; its libraries are loaded by then. */
static const char *const resolver_files[] = {"/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
					     "/etc/resolv.conf", "/etc/gai.conf"};

/* What libpq reads besides, whether it is there or not; of the home directory first. */
static const char *const home_files[] = {".pgpass", ".pg_service.conf", ".postgresql"};
static const char *const database_files[] = {"/etc/passwd", "/etc/ssl/openssl.cnf",
					     "/etc/postgresql-common/pg_service.conf"};
static const char *const database_variables[] = {"PGPASSFILE", "PGSERVICEFILE"};

enum {
	DATABASE_PATHS_MAX = STORE_FILES_MAX + COUNT_OF(resolver_files) + COUNT_OF(home_files) +
			     COUNT_OF(database_files) + COUNT_OF(database_variables)
};

/* Paths that a process with a connection to a database may read. */
struct database_paths {
	struct store_files files;
	char *home[COUNT_OF(home_files)];
	struct sandbox_path paths[DATABASE_PATHS_MAX];
	size_t count;
};

static void clear_database_paths(struct database_paths *paths)
{
	free_store_files(&paths->files);
	for (size_t i = 0; i < COUNT_OF(home_files); i++)
		free(paths->home[i]);
}

static void add_database_path(struct database_paths *paths, const char *path)
{
	if (path != NULL)
		paths->paths[paths->count++] = (struct sandbox_path){-1, path, SANDBOX_READ};
}

/* None, but for the resolver's, when the record is a file. */
static int list_database_paths(const struct ca_node *ca, struct database_paths *paths,
			       struct fault *fault)
{
	const char *home = getenv("HOME");

	for (size_t i = 0; i < COUNT_OF(resolver_files); i++)
		add_database_path(paths, resolver_files[i]);
	if (ca->store == NULL)
		return 0;
	if (list_store_files(ca->store, &paths->files, fault) < 0)
		return -1;
	for (size_t i = 0; i < paths->files.count; i++)
		add_database_path(paths, paths->files.paths[i]);
	for (size_t i = 0; i < COUNT_OF(home_files) && home != NULL; i++) {
		if (join_path(home, home_files[i], &paths->home[i], fault) < 0)
			return -1;
		add_database_path(paths, paths->home[i]);
	}
	for (size_t i = 0; i < COUNT_OF(database_files); i++)
		add_database_path(paths, database_files[i]);
	for (size_t i = 0; i < COUNT_OF(database_variables); i++)
		add_database_path(paths, getenv(database_variables[i]));
	return 0;
}

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

int close_front_sandbox(const struct layout *layout, const struct ca_node *ca,
			struct sandbox_result *ret_result, struct fault *fault)
{
	CLEANUP(clear_database_paths) struct database_paths database = {0};
	struct sandbox_path paths[5 + DATABASE_PATHS_MAX] = {
		{layout->state, "state", SANDBOX_READ | SANDBOX_WRITE},
		{layout->cert, "cert", SANDBOX_READ | SANDBOX_WRITE},
		{-1, "/dev/null", SANDBOX_READ | SANDBOX_WRITE},
		{-1, "/dev/urandom", SANDBOX_READ},
	};
	size_t count = 4;

	if (list_database_paths(ca, &database, fault) < 0)
		return -1;
	memcpy(paths + count, database.paths, database.count * sizeof(*paths));
	count += database.count;
	if (layout->server >= 0)
		paths[count++] = (struct sandbox_path){layout->server, "Private/server",
						       SANDBOX_READ | SANDBOX_WRITE};
	load_resolver();
	/* http-01 may be asked for at any SIGHUP. */
	if (ca->acme && load_fetch(fault) < 0)
		return -1;
	return close_sandbox("front", paths, count, front_calls, ret_result, fault);
}

int close_signer_sandbox(const struct layout *layout, const struct ca_node *ca,
			 const char *manifest, struct sandbox_result *ret_result,
			 struct fault *fault)
{
	/* A manifest that is a link may be replaced in the folder of what it names, too. */
	CLEANUP(free_string) char *real = realpath(manifest, NULL);
	CLEANUP(free_string) char *folder = NULL;
	CLEANUP(free_string) char *real_folder = NULL;
	CLEANUP(clear_database_paths) struct database_paths database = {0};
	enum { SIGNER_PATHS = 7 };

	if (split_directory(manifest, &folder, fault) < 0 ||
	    split_directory(real != NULL ? real : manifest, &real_folder, fault) < 0)
		return -1;
	if (list_database_paths(ca, &database, fault) < 0)
		return -1;
	struct sandbox_path paths[SIGNER_PATHS + DATABASE_PATHS_MAX] = {
		{layout->state, "state", SANDBOX_READ | SANDBOX_WRITE},
		{layout->cert, "cert", SANDBOX_READ},
		{layout->private, "Private", SANDBOX_READ},
		{-1, folder, SANDBOX_READ},
		{-1, real_folder, SANDBOX_READ},
		{-1, "/dev/null", SANDBOX_READ | SANDBOX_WRITE},
		{-1, "/dev/urandom", SANDBOX_READ},
	};

	if (ca->store == NULL)
		return close_sandbox("signer", paths, SIGNER_PATHS, signer_calls, ret_result,
				     fault);
	memcpy(paths + SIGNER_PATHS, database.paths, database.count * sizeof(*paths));
	load_resolver();
	return close_sandbox("signer", paths, SIGNER_PATHS + database.count,
			     signer_calls_with_database, ret_result, fault);
}
