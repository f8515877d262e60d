#!/usr/bin/env bash
# Runs "$EXECUTABLE" with the arguments under valgrind, with "$SHIM" (openat2_shim.c) preloaded.
# Valgrind prints every error and leak, also of child processes, and the exit status is then 99.
LD_PRELOAD=$SHIM exec valgrind --quiet --error-exitcode=99 --trace-children=yes \
	--child-silent-after-fork=yes --leak-check=full --show-leak-kinds=definite,indirect,possible \
	--errors-for-leak-kinds=definite,indirect "$EXECUTABLE" "$@"
