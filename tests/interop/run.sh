#!/usr/bin/env bash
# Runs the interop tests, or those named, against $CERTPOOL (build/certpool): other people's tools
# read certpool's files, and certpool reads theirs. The output is that of tests/e2e/run.sh.
#
#   tests/interop/run.sh [t_NAME.sh…]
here=$(dirname "$(realpath "$0")")
scripts=()
for script; do
	[ -f "$script" ] || script=$here/$script
	scripts+=("$(realpath "$script")")
done
[ $# -gt 0 ] || scripts=("$here"/t_*.sh)
exec bash "$here/../e2e/run.sh" "${scripts[@]}"
