#include "common/base/sandbox.h"

#ifdef WITHOUT_SANDBOX

int restrict_files(const struct sandbox_path *paths, size_t count, bool *ret_applied,
		   struct fault *fault)
{
	(void)paths;
	(void)count;
	(void)fault;
	*ret_applied = true;
	return 0;
}

int restrict_system_calls(const char *const *names, bool *ret_applied, struct fault *fault)
{
	(void)names;
	(void)fault;
	*ret_applied = true;
	return 0;
}

#else

#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights that are younger than the headers of Debian 12. */
enum { RIGHT_REFER = 1 << 13, RIGHT_TRUNCATE = 1 << 14, RIGHT_IOCTL_DEV = 1 << 15 };

static const uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t write_rights = LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE |
				     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
/* Of a rule for a file that is no directory. */
static const uint64_t file_rights =
	LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE;

/* All rights that this version of Landlock knows (landlock(7)): what is handled is forbidden. */
static uint64_t known_rights(long version)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (version >= 2)
		rights |= RIGHT_REFER;
	if (version >= 3)
		rights |= RIGHT_TRUNCATE;
	if (version >= 5)
		rights |= RIGHT_IOCTL_DEV;
	return rights;
}

static bool is_lacking(int number)
{
	return number == ENOSYS || number == EOPNOTSUPP;
}

/* Both kinds of sandbox ask for this: no program that is run later gains rights. */
static int forbid_new_privileges(struct fault *fault)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
		return set_errno_fault(fault, "cannot give up new privileges");
	return 0;
}

static int add_rule(int ruleset, const struct sandbox_path *path, uint64_t known,
		    struct fault *fault)
{
	CLEANUP(close_descriptor) int opened = -1;
	struct landlock_path_beneath_attr rule = {.parent_fd = path->descriptor};
	struct stat status;

	if (path->descriptor < 0) {
		opened = open(path->path, O_PATH | O_CLOEXEC);
		if (opened < 0 && errno == ENOENT)
			return 0;
		rule.parent_fd = opened;
	}
	if (rule.parent_fd < 0 || fstat(rule.parent_fd, &status) < 0)
		return set_errno_fault(fault, "%s", path->path);
	rule.allowed_access = read_rights;
	if ((path->access & SANDBOX_WRITE) != 0)
		rule.allowed_access |= write_rights;
	if (!S_ISDIR(status.st_mode))
		rule.allowed_access &= file_rights;
	rule.allowed_access &= known;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return set_errno_fault(fault, "%s: cannot be kept accessible", path->path);
	return 0;
}

int restrict_files(const struct sandbox_path *paths, size_t count, bool *ret_applied,
		   struct fault *fault)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	CLEANUP(close_descriptor) int ruleset = -1;
	struct landlock_ruleset_attr rights = {0};

	*ret_applied = false;
	if (version < 0 && is_lacking(errno))
		return 0;
	rights.handled_access_fs = known_rights(version);
	if (version > 0)
		ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof(rights), 0);
	if (ruleset < 0)
		return set_errno_fault(fault, "cannot give up files (landlock_create_ruleset)");
	for (size_t i = 0; i < count; i++)
		if (add_rule(ruleset, &paths[i], rights.handled_access_fs, fault) < 0)
			return prefix_fault(fault, "cannot give up files");
	if (forbid_new_privileges(fault) < 0)
		return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return set_errno_fault(fault, "cannot give up files (landlock_restrict_self)");
	*ret_applied = true;
	return 0;
}

static void release_filter(scmp_filter_ctx *filter)
{
	if (*filter != NULL)
		seccomp_release(*filter);
}

/* By a filter that is none, which a kernel with filters finds at no address (seccomp(2)).
   libseccomp would hide why a filter cannot be loaded. */
static int find_filters(bool *ret_found, struct fault *fault)
{
	(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0L, 0L);
	*ret_found = errno == EFAULT;
	if (*ret_found || errno == EINVAL || is_lacking(errno))
		return 0;
	return set_errno_fault(fault, "cannot give up system calls (PR_SET_SECCOMP)");
}

static int set_filter_fault(int code, struct fault *fault)
{
	errno = -code;
	return set_errno_fault(fault, "cannot give up system calls");
}

int restrict_system_calls(const char *const *names, bool *ret_applied, struct fault *fault)
{
	CLEANUP(release_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	bool found;
	int code;

	*ret_applied = false;
	if (find_filters(&found, fault) < 0)
		return -1;
	if (!found)
		return 0;
	if (filter == NULL)
		return set_memory_fault(fault);
	for (; *names != NULL; names++) {
		int number = seccomp_syscall_resolve_name(*names);

		code = number == __NR_SCMP_ERROR
			       ? 0
			       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		if (code < 0)
			return set_filter_fault(code, fault);
	}
	if (forbid_new_privileges(fault) < 0)
		return -1;
	code = seccomp_load(filter);
	if (code < 0)
		return set_filter_fault(code, fault);
	*ret_applied = true;
	return 0;
}

#endif
