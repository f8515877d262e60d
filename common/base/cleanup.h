#ifndef CERTPOOL_BASE_CLEANUP_H
#define CERTPOOL_BASE_CLEANUP_H

/*
 * Ownership of locals. An owned local is declared with CLEANUP(destructor), starts empty, and is
 * handed out on the function's last line with TAKE. Every destructor accepts an empty object.
 */

#define CLEANUP(destructor) __attribute__((cleanup(destructor)))

/* The result of a function that can fail must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* Moves a pointer out: the value of x, which is NULL afterwards. */
#define TAKE(x)                                                                                    \
	__extension__({                                                                            \
		__typeof__(x) taken_ = (x);                                                        \
		(x) = NULL;                                                                        \
		taken_;                                                                            \
	})

/* Moves the struct `local` to *ret; `local` is empty afterwards. */
#define MOVE(ret, local)                                                                           \
	do {                                                                                       \
		*(ret) = (local);                                                                  \
		(local) = (__typeof__(local)){0};                                                  \
	} while (0)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
