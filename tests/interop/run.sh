#!/usr/bin/env bash
# Runs the interop tests, or those named, against $CERTPOOL (build/certpool): other people's tools
# read certpool's files, and certpool reads theirs. The output is that of tests/e2e/run.sh.
here=$(dirname "$(realpath "$0")")
[ $# -gt 0 ] || set -- "$here"/t_*.sh
exec bash "$here/../e2e/run.sh" "$@"
