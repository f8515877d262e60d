/*
 * A wall clock that is ahead of the right one, for tests: loaded before a program by LD_PRELOAD.
 * $CLOCK_AHEAD says by how much: seconds, minutes, hours or days (+90s, +50m, -2h, +61d), or the
 * path of a file that has the seconds as a 64-bit number of this machine. Who writes the file anew
 * moves the clocks of all running programs at once. The monotonic clock stays right, and so do all
 * waits.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t given_s;
static const volatile int64_t *ahead_s = &given_s;

static void die(const char *what, const char *value)
{
	(void)fprintf(stderr, "clock.so: $CLOCK_AHEAD: %s: %s\n", what, value);
	_exit(127);
}

static int64_t seconds_of(char unit)
{
	switch (unit) {
	case 'd':
		return 86400;
	case 'h':
		return 3600;
	case 'm':
		return 60;
	default:
		return unit == 's' || unit == '\0' ? 1 : 0;
	}
}

__attribute__((constructor)) static void read_environment(void)
{
	const char *value = getenv("CLOCK_AHEAD");
	char *end;
	int64_t unit_s;
	int fd;
	void *map;

	if (value == NULL)
		die("expected an offset or a file", "it is not set");
	if (value[0] != '/') {
		given_s = strtoll(value, &end, 10);
		unit_s = seconds_of(*end);
		if (end == value || unit_s == 0)
			die("expected a number with s, m, h or d", value);
		given_s *= unit_s;
		return;
	}
	fd = open(value, O_RDONLY | O_CLOEXEC);
	map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("the file cannot be read", value);
	(void)close(fd);
	ahead_s = map;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int result = (int)syscall(SYS_clock_gettime, id, ret);

	if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ret->tv_sec += *ahead_s;
	return result;
}

time_t time(time_t *ret)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now = {0};

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}
