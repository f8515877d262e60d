#!/usr/bin/env bash
# A year and more of a CA below a separate root, and of 20 clients with pools of 50 on hosts of their own. Timers
# run `certpool keep` there and check, prune and backup at the CA, once a week of the test's clock; an operator does
# what `certpool status` advises, and what a theft, a lost disk, a leaving client and a lost CA ask for. Messages
# flow all the time, and openssl agrees.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

ca_port=$(free_port 20000)
c01_port=$(free_port $((ca_port + 1)))
c02_port=$(free_port $((c01_port + 1)))
url=http://$host:$ca_port
members=50

# --- the hosts and their clock ---

# Everything runs at a day of the test, from which the clock goes on.
day=0
clocked clocked "$PWD/clock"
certpool=$PWD/clocked
set_day() {
	day=$1
	move_clock "$folder/clock" "${day}d"
}
tell() { echo "# day $day: $*"; }

# Each host is a folder with a manifest of its own.
at_ca() { (cd ca-host && exec "$certpool" "$@"); }
at() { (cd "hosts/$1" && exec "$certpool" "${@:2}"); }

start_serving() {
	cd ca-host || exit 1
	start serve serve
	ca=$server
	cd ..
}
declare -A receivers
start_receiving() { # CLIENT
	cd "hosts/$1" || exit 1
	start receive receive "$1" --online
	receivers[$1]=$server
	cat receive.out >>received.txt
	cd ../..
}

# --- the timers ---

clients=()
declare -A off # hosts that are switched off
# What certpool-keep@.service does.
keep_at() {
	local status=0
	at "$1" keep "$1" --json >"timer/$1.out" 2>"timer/$1.err" || status=$?
	echo "$status" >"timer/$1.status"
}
kept_well() { # CLIENT: its timer kept the pool whole.
	[ "$(cat "timer/$1.status")" = 0 ] && jq -e --argjson members $members \
		'.enrolled + .repaired + .replaced + .renewed + .kept == $members and .refused == 0 and .by_hand == 0' "timer/$1.out" >/dev/null
}
tick() {
	local client job running=() bad=()
	for client in "${clients[@]}"; do
		[ -n "${off[$client]-}" ] && continue
		keep_at "$client" &
		running+=($!)
	done
	for job in "${running[@]}"; do wait "$job"; done
	for client in "${clients[@]}"; do
		[ -n "${off[$client]-}" ] || kept_well "$client" || bad+=("$client: $(cat timer/"$client".*)")
	done
	if [ ${#bad[@]} -eq 0 ]; then
		pass "day $day: the timers of $((${#clients[@]} - ${#off[@]})) hosts keep their pools whole"
	else
		fail "day $day: the timers keep the pools whole" "${bad[@]}"
	fi
	for client in "${clients[@]}"; do
		[ -n "${off[$client]-}" ] || cat "timer/$client.out"
	done >>kept.json
}
# The crontab of the CA's host, as certpool(1) has it; the vault is on another one.
nightly() {
	check "day $day: the CA is checked" at_ca check -q
	check "day $day: pruned" at_ca prune -q
	check "day $day: and saved" at_ca backup "../vault/ca-$day.tar" --passphrase-file ../vault/pass -q
	saved=vault/ca-$day.tar
	check "day $day: with its CRLs" at_ca crl --chain -o ../vault/chain.pem -q
}

# --- the operator ---

insert_stick() { mv safe ca-host/stick; }
lock_stick() { mv ca-host/stick safe; }
with_stick() { # NAME VERB…
	insert_stick
	check "$1" at_ca "${@:2}"
	lock_stick
}
# What status advises is done, whatever it is.
operate() {
	local advice advices
	at_ca status >status.txt 2>status.err || fail "day $day: status" "$(cat status.err)"
	mapfile -t advices < <(grep -ohE 'certpool (rotate root --finish|rotate root|rotate ca|crl --root)' status.txt status.err | sort -u)
	for advice in "${advices[@]}"; do
		tell "status: $(grep -hFe "$advice" status.txt status.err | head -n 1)"
		case $advice in
		'certpool rotate root --finish') finish_root ;;
		'certpool rotate ca') [ "$begun" = yes ] || with_stick "day $day: rotate ca" rotate ca ;;
		'certpool rotate root')
			with_stick "day $day: rotate root" rotate root
			begun=yes
			;;
		*)
			# shellcheck disable=SC2086
			with_stick "day $day: $advice" ${advice#certpool }
			;;
		esac
	done
}
begun=no
finish_root() {
	insert_stick
	expect 6 "day $day: rotate root --finish waits for the clients" at_ca rotate root --finish
	says "day $day: and names the one that is off" '^certpool rotate: 1 .* not pinned .*: c13: '
	expect 0 "day $day: without it the new root is the only one" at_ca rotate root --finish --without c13
	lock_stick
	begun=finished
	stop "$ca"
	start_serving
}

invited() { # CLIENT: takes the CA's invitation and that of c01, with fresh keys
	rm -f "ca-host/$1.invitation.json" "hosts/c01/c01-$1.invitation.json"
	check "day $day: the CA invites $1" at_ca invite "$1"
	check "day $day: which joins" at "$1" join --replace "../../ca-host/$1.invitation.json"
	check "day $day: c01 invites it" at c01 invite "$1" --by c01
	check "day $day: which joins it too" at "$1" join --replace "../c01/c01-$1.invitation.json"
}

# --- messages, and what openssl says ---

declare -A sent=([c01]=0 [c02]=0)
# message FROM TO: one message, signed by a member drawn at random; it counts when the receiver has verified it.
message() {
	at "$1" send "$1" "$2" "day $day, from $1" -q >sent.out 2>sent.err || return
	sent[$2]=$((sent[$2] + 1))
}
messages() { # CLIENT…
	local client bad=()
	for client; do
		[ "$client" = c01 ] || message "$client" c01 || bad+=("$client to c01: $(cat sent.err)")
	done
	message c01 c02 || bad+=("c01 to c02: $(cat sent.err)")
	if [ ${#bad[@]} -eq 0 ]; then pass "day $day: messages arrive from $*"; else fail "day $day: messages arrive" "${bad[@]}"; fi
}
then_openssl() { under_clock "${day}d" openssl "$@"; }
issuer_file() { # CERTIFICATE: the CA's certificate that issued it
	local file
	for file in ca-host/ca/cert/ca.crt ca-host/ca/cert/ca.*.crt; do
		[ "$(openssl x509 -in "$file" -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' ')" = \
			"$(openssl x509 -in "$1" -noout -ext authorityKeyIdentifier | tail -n 1 | tr -d ' ' | sed 's/^keyid://')" ] && echo "$file" && return
	done
}
# openssl_agrees CLIENT: it verifies the whole pool by the root that c02 has pinned and all CRLs, and OCSP knows a member.
openssl_agrees() {
	local pool=hosts/$1/$1/cert certificate answer
	curl -s "$url/crl?chain" -o chain.pem
	check "day $day: openssl verifies the pool of $1" then_openssl verify -crl_check_all -CAfile hosts/c02/c02/cert/root.crt \
		-untrusted "$pool/ca.crt" -CRLfile chain.pem "$pool"/cert_key*.crt
	certificate=$pool/cert_key$((1 + RANDOM % members)).crt
	answer=$(then_openssl ocsp -issuer "$(issuer_file "$certificate")" -cert "$certificate" -url "$url/ocsp" \
		-CAfile ca-host/ca/cert/root.crt -CAfile hosts/c02/c02/cert/root.crt 2>&1)
	equal "day $day: and OCSP answers for it" 'good verified' \
		"$(sed -n 's/^.*\.crt: //p; s/^Response verify OK$/verified/p' <<<"$answer" | sort | paste -sd' ')"
}

# --- the beginning ---

mkdir -p ca-host vault hosts timer
echo 'a passphrase for backups' >vault/pass && chmod 600 vault/pass
cat >ca-host/manifest.yaml <<-END
	version: 1
	ca:
	  layout: ca
	  root_layout: stick
	  endpoint: $url
	  validity: 510d
	  intermediate: {validity: 300d}
	  certificates: {validity: 90d, jitter: 20%}
	  crl: {url: "$url/crl", validity: 10d}
	  ocsp: {url: "$url/ocsp"}
	  root_crl: {url: "$url/root.crl"}
END
expect 0 'init' at_ca init
lock_stick
start_serving
{
	echo name,size
	for i in {01..20}; do echo "c$i,$members"; done
} >ca-host/fleet.csv
expect 0 'the fleet is added' at_ca client add --from fleet.csv --invite-to invitations
for i in {01..20}; do
	mkdir "hosts/c$i"
	clients+=("c$i")
	at "c$i" join "../../ca-host/invitations/c$i.invitation.json" -q >joined 2>&1 || fail "c$i joins" "$(cat joined)"
done
# c01 and c02 receive; all others know c01 by its invitation alone.
for receiver in c01:$c01_port c02:$c02_port; do
	sed -i "s|^    pool:|    endpoint: http://$host:${receiver#*:}\n    pool:|" "hosts/${receiver%:*}/manifest.yaml"
done
for client in "${clients[@]:1}"; do
	{ at c01 invite "$client" --by c01 -q && at "$client" join "../c01/c01-$client.invitation.json" -q; } >joined 2>&1 ||
		fail "$client and c01 share a key" "$(cat joined)"
done
check 'c02 invites c01' at c02 invite c01 --by c02
check 'which knows where it is from then on' at c01 join --replace ../c02/c02-c01.invitation.json
tick
start_receiving c01
start_receiving c02

# --- the weeks ---

stolen() {
	tell 'a thief copies the disk of c05'
	cp -a hosts/c05 thief
	check "day $day: its certificates are revoked" at_ca revoke --client c05 --reason keyCompromise --yes
	check "day $day: its key ends" at_ca rotate key c05 --overlap 0
	check "day $day: that with c01 as well" at c01 rotate key c05 --by c01 --overlap 0
	invited c05
	expect 6 "day $day: the thief gets no certificates" sh -c "cd thief && '$certpool' keep c05"
	check_not "day $day: nor do the stolen keys sign" sh -c "cd thief && '$certpool' send c05 c01 loot"
}
lost_disk() {
	tell 'the disk of c07 is lost'
	rm -r hosts/c07 && mkdir hosts/c07
	check "day $day: its certificates are revoked" at_ca revoke --client c07 --reason superseded --yes
	check "day $day: its key ends" at_ca rotate key c07 --overlap 0
	check "day $day: that with c01 as well" at c01 rotate key c07 --by c01 --overlap 0
	invited c07
}
removed() {
	tell 'c09 leaves'
	check "day $day: c09 is removed" at_ca client remove c09 --revoke
	expect 6 "day $day: and is refused" at c09 keep c09
	expect 3 "day $day: also its messages" at c09 send c09 c01 still-here
	mapfile -t clients < <(printf '%s\n' "${clients[@]}" | grep -vx c09)
}
damaged() {
	tell 'files of c11 are damaged, removed and exchanged'
	: >hosts/c11/c11/cert/cert_key3.crt
	truncate -s 100 hosts/c11/c11/Private/private_key4.key
	rm hosts/c11/c11/CSR_file/csr_key5.csr hosts/c11/c11/Private/private_key5.key hosts/c11/c11/cert/cert_key5.crt
	cp hosts/c11/c11/cert/cert_key6.crt hosts/c11/c11/cert/cert_key7.crt
}
joined() {
	tell 'c21 comes'
	check "day $day: c21 is added" at_ca client add c21 --size $members
	mkdir hosts/c21
	clients+=(c21)
	invited c21
}
# The certificates of the week are younger than the backup: the CA learns of them no more.
lost_ca() {
	tell "the disk of the CA is lost; there is $saved"
	stop "$ca"
	rm -r ca-host/ca
	expect 0 "day $day: restore" at_ca restore "../$saved" --passphrase-file ../vault/pass --crl ../vault/chain.pem
	sed 's/^/#   /' err
	start_serving
}

# of_week N: one of the clients that are on, another one each week.
of_week() {
	local client on=()
	for client in "${clients[@]}"; do [ -n "${off[$client]-}" ] || on+=("$client"); done
	echo "${on[$(((week + $1) % ${#on[@]}))]}"
}

# A week goes by in no time, and serve looks once a second whether a CRL is due: after two thirds of its validity.
crl_is_current() {
	local age
	age=$(curl -s "$url/metrics" | sed -n 's/^certpool_crl_age_seconds //p')
	[ -n "$age" ] && [ "$age" -lt $((10 * 86400 * 2 / 3)) ]
}
for week in {1..62}; do
	set_day $((7 * week))
	eventually crl_is_current
	case $week in
	11) stolen ;;
	15) lost_disk ;;
	20) removed ;;
	24) damaged ;;
	30) joined ;;
	44) off[c13]=yes && tell 'c13 is switched off' ;;
	53) unset 'off[c13]' && tell 'c13 is switched on again' ;;
	esac
	operate
	nightly
	tick
	if [ "$week" -eq 36 ]; then lost_ca && tick; fi
	messages "$(of_week 0)" "$(of_week 7)"
	openssl_agrees "$(of_week 0)"
done

# --- the end ---

for receiver in c01 c02; do
	stop "${receivers[$receiver]}"
	equal "$receiver has every message that was sent to it" "${sent[$receiver]}" "$(grep -c '^day ' "hosts/$receiver/receive.out")"
done
for client in "${clients[@]}"; do openssl_agrees "$client"; done
check 'the audit log is whole' at_ca audit verify
expect 0 'the fleet at the end' at_ca client list
sed 's/^/# /' out
equal 'there were two issuers' 2 "$(find ca-host/ca/cert -name 'ca*.crt' | wc -l)"
