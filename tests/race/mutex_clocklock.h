#ifndef CERTPOOL_TESTS_RACE_MUTEX_CLOCKLOCK_H
#define CERTPOOL_TESTS_RACE_MUTEX_CLOCKLOCK_H

#include <pthread.h>
#include <time.h>

/* The thread sanitizer of gcc 12 does not know pthread_mutex_clocklock, and takes the mutex for one
   that nobody locked. In a program that includes this file the call is one that it knows. */
int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
{
	const long second_ns = 1000000000;
	struct timespec own;
	struct timespec real;

	(void)clock_gettime(clock, &own);
	(void)clock_gettime(CLOCK_REALTIME, &real);
	real.tv_sec += until->tv_sec - own.tv_sec;
	real.tv_nsec += until->tv_nsec - own.tv_nsec;
	if (real.tv_nsec < 0 || real.tv_nsec >= second_ns) {
		real.tv_sec += real.tv_nsec < 0 ? -1 : 1;
		real.tv_nsec += real.tv_nsec < 0 ? second_ns : -second_ns;
	}
	return pthread_mutex_timedlock(mutex, &real);
}

#endif
