#!/usr/bin/env bash
# Runs end-to-end tests once more, with each script's record in a database of PostgreSQL (tests/postgresql.sh; lib.sh):
# those below, or those named.
#
#   tests/e2e/on_postgresql.sh [FOLDER/t_NAME.sh…]
#
# Not among them, because they cannot be:
#   t_backup t_restore t_advice t_root_crl t_rotate_ca t_rotate_root t_rotate_own_root t_signer   restore the CA from a backup
#   t_record t_check t_crash t_upgrade t_owner t_room t_operation       are about the file of the record, or damage it
#   t_front_ends t_front_end_keys t_postgresql t_store_copy t_database_backup   have databases of their own
#   t_keys t_enroll t_renew t_keep t_repair t_offline t_tls              make several CAs of one manifest
#   t_fleet                                                             changes the manifest of a CA that is there, and files of keys
#   t_rotate_key t_replaced_keys                                        change files of shared keys: the record has these
#   t_rotate_ca_crash                                                   puts a layout of before beside the record
#   t_prune t_acme_http                                                 are about calls, or triggers, of SQLite
#   program/                                                            is about the command line
set -eu
here=$(dirname "$(realpath "$0")")
[ $# -gt 0 ] || set -- authority/t_{clock,crl,ends,init,intermediate,ocsp,revoke,revoke_race}.sh message/t_{message,receiver,receiver_tls,reuse,verify}.sh \
	pool/t_{audit,export,invite,pseudonyms,topup,usages}.sh \
	service/t_{acme,dashboard,endpoints,est,log,memory,page,protocol,secrets,strangers,unpaid}.sh
exec "$here/../postgresql.sh" bash "$here/run.sh" "$@"
