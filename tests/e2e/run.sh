#!/usr/bin/env bash
# Runs the end-to-end tests, or those named, against $CERTPOOL (build/certpool):
#
#   tests/e2e/run.sh [FOLDER/t_NAME.sh…]
#
# Prints one line a check, and how long each script took; at the end those that failed once more, and "N passed,
# N failed". Exit status 1 if any failed.
set -u
here=$(dirname "$(realpath "$0")")
cd "$here/../.." || exit 1
CERTPOOL=$(realpath -e "${CERTPOOL:-build/certpool}") || exit 1
export CERTPOOL
# The developer's own environment must not influence the tests; what tests/postgresql.sh says does.
for variable in $(compgen -e CERTPOOL_); do [ "$variable" = CERTPOOL_TEST_POSTGRESQL ] || unset "$variable"; done

[ $# -gt 0 ] || set -- "$here"/*/t_*.sh
passed=0
failed=()
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# One script more runs at once than there are processors: each works in a folder of its own, and waits for a third of
# its time. Their output is printed in order.
scripts=()
for script; do
	[ -f "$script" ] || script=$here/$script
	scripts+=("$script")
done
run_script() {
	local name begun=$SECONDS
	name=$(basename "$1" .sh)
	# The limit is for a script that hangs: a busy machine takes many times as long as an idle one.
	timeout 3600 bash "$1" >"$logs/$name" 2>&1
	echo $? $((SECONDS - begun)) >"$logs/$name.ended"
	mv "$logs/$name.ended" "$logs/$name.status"
}
export -f run_script
export logs
# shellcheck disable=SC2016 # the inner shell expands it
printf '%s\0' "${scripts[@]}" | xargs -0 -n 1 -P "${JOBS:-$(($(nproc) + 1))}" bash -c 'run_script "$1"' run &

for script in "${scripts[@]}"; do
	name=$(basename "$script" .sh)
	until [ -f "$logs/$name.status" ]; do sleep 0.1; done
	read -r status took <"$logs/$name.status"
	echo "# $name ($took s)"
	cat "$logs/$name"
	ok=$(grep -c '^ok ' "$logs/$name")
	mapfile -t not_ok < <(sed -n 's/^not ok - //p' "$logs/$name")
	if [ "$status" != 0 ] && [ ${#not_ok[@]} -eq 0 ] || [ $((ok + ${#not_ok[@]})) -eq 0 ]; then
		not_ok=("ended with exit status $status")
		echo "not ok - $name ${not_ok[0]}"
	fi
	passed=$((passed + ok))
	failed+=("${not_ok[@]/#/$name: }")
done
wait
for check in "${failed[@]}"; do echo "failed: $check"; done
echo "$passed passed, ${#failed[@]} failed"
[ ${#failed[@]} -eq 0 ]
