#!/usr/bin/env bash
# README.md: its first screen is short, and its commands are run as they are written.
# shellcheck source-path=SCRIPTDIR source=../page.sh
. "$(dirname "$0")/../page.sh"

check 'README.md has at most 120 lines' test "$(wc -l <"$sources/README.md")" -le 120
run_page README.md
