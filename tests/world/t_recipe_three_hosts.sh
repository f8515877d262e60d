#!/usr/bin/env bash
# docs/recipes/three-hosts.md, as it is written; but root, as which PostgreSQL does not run, is nobody for it.
# shellcheck source-path=SCRIPTDIR source=../e2e/page.sh
. "$(dirname "$0")/../e2e/page.sh"

with_postgresql initdb postgres pg_basebackup pg_ctl psql
run_page docs/recipes/three-hosts.md
# A server that waits for its standby does not end at SIGTERM.
for data in db-one db-two; do pg_ctl stop -D $data -m immediate >out; done
