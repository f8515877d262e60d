#!/usr/bin/env bash
# docs/recipes/postgresql.md, as it is written; but root, as which PostgreSQL does not run, is nobody for it.
# shellcheck source-path=SCRIPTDIR source=../e2e/page.sh
. "$(dirname "$0")/../e2e/page.sh"

with_postgresql initdb postgres psql
run_page docs/recipes/postgresql.md
