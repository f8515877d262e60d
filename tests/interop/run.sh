#!/usr/bin/env bash
# Runs the interop tests, or those named, against $CERTPOOL (build/certpool): other people's tools
# read what certpool writes, and write what it reads. Output as of tests/e2e/run.sh.
here=$(dirname "$(realpath "$0")")
[ $# -gt 0 ] || set -- "$here"/t_*.sh
exec bash "$here/../e2e/run.sh" "$@"
