#!/usr/bin/env bash
# packaging/grafana.json, a dashboard over GET /metrics: it asks for nothing that serve does not say.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
dashboard=$(realpath "$(dirname "$0")/../../../packaging/grafana.json")
. "$(dirname "$0")/../lib.sh"

manifest_https 2 1 >manifest.yaml
expect 0 'init' "$certpool" init
start_https_ca
"$certpool" request client1 -q >out && expect 0 'enroll' "$certpool" enroll client1
"$certpool" client disable client2 >out
"$certpool" request client2 -q >out && expect 6 'a refusal, to be counted' "$certpool" enroll client2
scrape() { curl -s --cacert ca/cert/root.crt "$CERTPOOL_CA/metrics" >metrics; }
# The certificates are counted by a thread.
counted() { scrape && grep -q '^certpool_certificates{' metrics && grep -q '^certpool_refusals_total{' metrics; }
check 'metrics' eventually counted

jq -r '.. | .expr? // empty' "$dashboard" >asked
check 'the dashboard asks for something' test "$(wc -l <asked)" -gt 20
grep -oE 'certpool_[a-z_]+' asked | sort -u >names
sed -nE 's/^# TYPE (certpool_[a-z_]+) histogram$/\1_bucket\n\1_sum\n\1_count/p; s/^# TYPE (certpool_[a-z_]+) .*/\1/p' metrics | sort -u >said
equal 'each metric that it names is said' '' "$(comm -23 names said)"
# What serve says of itself is shown, but for what another panel shows in another way.
check 'and hardly any is left out' test "$(comm -13 names said | wc -l)" -lt 12
# The labels by which it sums or chooses: each is on the metric in the same expression.
labels() { grep -oE 'by \([a-z, ]+\)|[{,][a-z]+=' asked | grep -oE '[a-z]+' | grep -vx -e by -e instance -e le | sort -u; }
check 'it names labels' test "$(labels | wc -l)" -gt 3
check 'each label that it names is said' bash -c "
	for label in $(labels | tr '\n' ' '); do
		grep -qE \"[{,]\$label=\" metrics || { echo \"\$label\"; exit 1; }
	done"
equal 'one panel at each place' "$(jq '.panels | length' "$dashboard")" "$(jq '[.panels[].gridPos | "\(.x) \(.y)"] | unique | length' "$dashboard")"
equal 'panels have numbers of their own' "$(jq '.panels | length' "$dashboard")" "$(jq '[.panels[].id] | unique | length' "$dashboard")"
