#!/usr/bin/env bash
# docs/recipes/clients.md, as it is written.
# shellcheck source-path=SCRIPTDIR source=../e2e/page.sh
. "$(dirname "$0")/../e2e/page.sh"
run_page docs/recipes/clients.md
