#include <dlfcn.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * valgrind 3.19 does not know openat2(2). Preloaded under valgrind, this function calls openat(2)
 * instead, which accepts paths that RESOLVE_… would refuse: fine for a run without such paths.
 */
long syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))(intptr_t)dlsym(RTLD_NEXT, "syscall");
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_openat2) {
		const struct open_how *how = (const struct open_how *)arguments[2];

		return openat((int)arguments[0], (const char *)arguments[1], (int)how->flags,
			      (mode_t)how->mode);
	}
	return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		    arguments[5]);
}
