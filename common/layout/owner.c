#include "common/layout/owner.h"

#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRY_MAX = 4096, COMMAND_SIZE = 128 };

/* The command by which root becomes the user. */
static void format_change(uid_t user, char ret_command[static COMMAND_SIZE])
{
	char room[ENTRY_MAX];
	struct passwd entry;
	struct passwd *found = NULL;

	if (getpwuid_r(user, &entry, room, sizeof(room), &found) == 0 && found != NULL)
		(void)snprintf(ret_command, COMMAND_SIZE, "runuser -u %s --", found->pw_name);
	else
		(void)snprintf(ret_command, COMMAND_SIZE, "setpriv --reuid %u --clear-groups",
			       (unsigned int)user);
}

int check_owner(int dirfd, const char *name, struct fault *fault)
{
	uid_t user = geteuid();
	struct stat status;
	char change[COMMAND_SIZE];

	if (fstat(dirfd, &status) < 0)
		return set_errno_fault(fault, "%s", name);
	if (status.st_uid == user)
		return 0;
	format_change(status.st_uid, change);
	if (user == 0)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: belongs to user %u, who could not use what root makes there: "
				 "run it as that user: %s certpool ...",
				 name, (unsigned int)status.st_uid, change);
	return set_fault(fault, FAULT_REFUSED,
			 "%s: expected a directory of user %u, found one of user %u", name,
			 (unsigned int)user, (unsigned int)status.st_uid);
}
