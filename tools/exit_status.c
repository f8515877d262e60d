#include "tools/exit_status.h"

static const int statuses[] = {
	[FAULT_NONE] = 0,       [FAULT_FAILED] = 1,    [FAULT_USAGE] = 2,
	[FAULT_MALFORMED] = 1,  [FAULT_TOO_LARGE] = 1, [FAULT_UNDECRYPTABLE] = 6,
	[FAULT_UNVERIFIED] = 3, [FAULT_NOT_FOUND] = 4, [FAULT_PARTIAL] = 5,
	[FAULT_REFUSED] = 6,    [FAULT_BUSY] = 7,      [FAULT_UNREACHABLE] = 7,
};

int exit_status(enum fault_class class)
{
	return statuses[class];
}
