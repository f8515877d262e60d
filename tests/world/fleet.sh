# shellcheck shell=bash disable=SC2154
# A CA with a month of history, for looking at its page: on ../e2e/lib.sh. make_fleet makes it in the present
# folder, with ca.admin at $admin_port, and stops the servers. (SC2154: lib.sh and the script set the variables.)

# at_day DAYS FUNCTION…: with the CA serving that many days ago.
at_day() {
	local ago=$1
	shift
	if [ "$ago" -gt 0 ]; then ahead_by "-${ago}d"; fi
	start_ca
	"$@"
	stop "$ca"
	launcher=()
}
enroll_fleet() { # CLIENT…
	local client
	for client; do
		"${launcher[@]}" "$certpool" request "$client" -q >out && "${launcher[@]}" "$certpool" enroll "$client" -q >out
	done
}
renew_fleet() { # CLIENT…
	local client
	for client; do "${launcher[@]}" "$certpool" renew "$client" --all -q >out; done
}
refuse_fleet() { # CLIENT: more than it may have
	"$certpool" client set "$1" --certificates 1 -q >out
	"$certpool" renew "$1" --all -q >out 2>err
	"$certpool" client set "$1" --certificates 40 -q >out
}

make_fleet() {
	cat >manifest.yaml <<-END
		version: 1
		ca: {layout: ca, endpoint: "http://$host:0", admin: "http://$host:$admin_port", subject: "CN=Example Fleet CA,O=Example"}
		clients:
		  gateway-north: {pool: {size: 120}, policy: {validity: 60d, certificates: 300}}
		  gateway-south: {pool: {size: 90}, policy: {validity: 45d, certificates: 200}}
		  kiosks: {pool: {size: 60}, policy: {validity: 35d, certificates: 150}}
		  lab: {pool: {size: 20}, policy: {validity: 40d, certificates: 40}}
		  meters-lyon: {pool: {size: 260}, policy: {validity: 150d, certificates: 600}}
		  meters-nice: {pool: {size: 180}, policy: {validity: 120d, certificates: 500}}
		  printers: {pool: {size: 40}, policy: {validity: 80d, certificates: 90}}
		  tablets: {pool: {size: 30}}
		  vehicles-a: {pool: {size: 300}, policy: {validity: 90d, certificates: 700}}
		  vehicles-b: {pool: {size: 210}, policy: {validity: 75d, certificates: 400}}
	END
	under_clock -200d "$certpool" init -q >out 2>err
	at_day 28 enroll_fleet gateway-north kiosks
	at_day 24 enroll_fleet meters-nice
	at_day 21 enroll_fleet vehicles-a
	at_day 16 enroll_fleet gateway-south printers
	at_day 12 enroll_fleet vehicles-b
	at_day 9 renew_fleet gateway-north
	at_day 5 enroll_fleet meters-lyon
	at_day 2 renew_fleet printers
	at_day 0 enroll_fleet lab
	at_day 0 refuse_fleet lab
	"$certpool" revoke kiosks/3 kiosks/4 kiosks/9 -q >out
	"$certpool" revoke vehicles-a/7 vehicles-a/8 --reason keyCompromise -q >out
	
	"$certpool" client disable gateway-south -q >out
	"$certpool" backup ca.tar --without-keys -q >out
}
