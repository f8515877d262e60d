#!/usr/bin/env bash
# Messages of 1 KiB by each way to choose the member that signs (`reuse`), each in turn with random.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

methods=(limited_time rotating-batch per-relying-party once_only)
n=$(size 20000 4000 50)
n_once=$(size 5000 1000 20)

# A manifest for each method, of one layout: what client1 has for all but once_only is the same. client3 has a member
# for each message with once_only. The receiver has cached the certificates of client1.
make_clients() {
	local method
	new_folder reuse
	manifest 20 ecdsa-p256
	cat >>"$CERTPOOL_MANIFEST" <<-END
		  client3:
		    pool: {size: $((RUNS * n_once)), reuse: once_only}
		    policy: {certificates: 10000000, requests_per_minute: 1000000}
	END
	for method in random "${methods[@]}"; do
		sed "s|pool: {size: 20, key|pool: {size: 20, reuse: $method, key|" "$CERTPOOL_MANIFEST" >"$folder/$method.yaml"
	done
	enroll_for_messages client1 client2 client3
}

# send_by METHOD SUBJECT CLIENT COUNT
send_by() {
	CERTPOOL_MANIFEST=$folder/$1.yaml timed "$CERTPOOL" send "$3" client2 --count "$4" --file "$folder/message" || return
	record "$2" "$1" "$4" "$seconds" "$(awk -v cpu="$cpu_s" -v n="$4" 'BEGIN { printf "{\"cpu_us\":%.2f}", 1e6 * cpu / n }')"
}

make_clients || exit
for ((run = 0; run < RUNS; run++)); do
	for method in "${methods[@]}"; do
		client=client1 count=$n
		if [ "$method" = once_only ]; then client=client3 count=$n_once; fi
		attempt "reuse-$method" random send_by random "reuse-$method" client1 "$count"
		attempt "reuse-$method" "$method" send_by "$method" "reuse-$method" "$client" "$count"
	done
done
