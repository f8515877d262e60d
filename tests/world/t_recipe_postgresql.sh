#!/usr/bin/env bash
# docs/recipes/postgresql.md, as it is written; but root, as which PostgreSQL does not run, is nobody for it.
# shellcheck source-path=SCRIPTDIR source=../e2e/page.sh
. "$(dirname "$0")/../e2e/page.sh"

programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
for program in initdb postgres psql; do
	if [ "$(id -u)" = 0 ]; then
		chmod 777 .
		printf '#!/bin/sh\nexec setpriv --reuid nobody --regid nogroup --clear-groups %s "$@"\n' "$programs/$program" >"bin/$program"
		chmod 755 "bin/$program"
	else
		ln -s "$programs/$program" "bin/$program"
	fi
done
if [ "$(id -u)" = 0 ]; then rm bin/psql; fi
run_page docs/recipes/postgresql.md
