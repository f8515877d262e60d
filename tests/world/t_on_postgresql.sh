# shellcheck shell=bash
# End-to-end tests of one CA that say nothing of the file in which its record is, with the record in PostgreSQL.
. "$(dirname "$0")/../e2e/lib.sh"

tests=$(realpath "$OLDPWD/$(dirname "$0")/..")
for script in service/t_protocol message/t_receiver; do
	CERTPOOL=$certpool "$tests/postgresql.sh" bash "$tests/e2e/$script.sh" >log 2>&1
	status=$?
	sed -n 's/^ok - /ok - '"${script##*/}"', in PostgreSQL: /p' log
	if [ $status != 0 ]; then fail "$script, in PostgreSQL" "$(grep -A 4 '^not ok' log)" "$(tail -n 2 log)"; fi
done
