#!/usr/bin/env bash
# docs/patroni.yml is a configuration that patroni takes. patroni asks whether it reaches etcd: something listens there.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
shipped=$(realpath "$(dirname "$0")/../../docs/patroni.yml")
. "$(dirname "$0")/../e2e/lib.sh"

port=$(free_port 23790)
sed "s/192\.0\.2\.[1-9]:2379/$host:$port/g; s/192\.0\.2\.[1-9]/$host/g" "$shipped" >patroni.yml
python3 -m http.server -b "$host" "$port" >etcd.out 2>&1 &
listens() { (: <"/dev/tcp/$host/$port") 2>/dev/null; }
check 'something listens in the place of etcd' eventually listens
expect 0 'patroni takes the example' patroni --validate-config patroni.yml
equal 'and says nothing about it' '' "$(cat out err)"
sed 's/ttl: 20/ttl: soon/' patroni.yml >wrong.yml
expect 1 'but not one with a mistake' patroni --validate-config wrong.yml
check 'which it names' grep -q 'bootstrap.dcs.ttl soon' out err
