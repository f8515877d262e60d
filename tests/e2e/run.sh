#!/usr/bin/env bash
# Runs the end-to-end tests, or those named, against $CERTPOOL (build/certpool):
#
#   tests/e2e/run.sh [t_NAME.sh…]
#
# One line a check, "N passed, N failed" at the end; exit status 1 if any failed.
set -u
here=$(dirname "$(realpath "$0")")
cd "$here/../.." || exit 1
CERTPOOL=$(realpath -e "${CERTPOOL:-build/certpool}") || exit 1
export CERTPOOL
# What a developer has set must not decide what the tests see.
for variable in $(compgen -e CERTPOOL_); do unset "$variable"; done

[ $# -gt 0 ] || set -- "$here"/t_*.sh
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for script; do
	name=$(basename "$script" .sh)
	echo "# $name"
	[ -f "$script" ] || script=$here/$name.sh
	timeout 900 bash "$script" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	ok=$(grep -c '^ok ' "$log")
	not_ok=$(grep -c '^not ok ' "$log")
	if [ "$status" -ne 0 ] && [ "$not_ok" -eq 0 ] || [ $((ok + not_ok)) -eq 0 ]; then
		echo "not ok - $name ended with exit status $status"
		not_ok=$((not_ok + 1))
	fi
	passed=$((passed + ok))
	failed=$((failed + not_ok))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
