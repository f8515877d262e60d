#!/usr/bin/env bash
# The benchmark (tests/bench) with hardly any work: it prints its table, and reports a missing peer as
# missing. The size of the figures is not checked.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
bench=$(realpath "$(dirname "$0")/../../bench/run.sh")
. "$(dirname "$0")/../lib.sh"

programs=$(dirname "$certpool")/tests/bench
if [ ! -x "$programs/limits" ]; then
	skip 'the benchmark' 'its programs are not built: make bench-programs'
	exit
fi

# All installed programs except two peers.
mkdir bin
ln -s /usr/bin/* bin/
rm -f bin/cfssl bin/certtool
# Without the parts that start servers of PostgreSQL, which take minutes.
run_bench() { PATH=$folder/bin PROGRAMS=$programs BENCH_SIZE=tiny BENCH_PARTS='enroll certify messages reuse ocsp status sizes keytypes tls page' "$bench" results; }
expect 0 'the benchmark comes to its end' run_bench
cp out table

row() { jq ".rows[$1]$2" results/bench-results.json; }
equal 'its results have every row' 37 "$(jq '.rows | length' results/bench-results.json)"
equal 'the table too' 37 "$(grep -cE '^[ 123][0-9] [^[]+ [[][a-zA-Z/]+[]] ' table)"
equal 'and is kept' "$(cat table)" "$(cat results/table.txt)"
equal 'no line is longer than 120 columns' '' "$(awk 'length > 120' table)"
check 'it names the machine' jq -e '.machine.cores > 0 and .machine.filesystem != ""' results/bench-results.json
check 'every figure says its N' jq -e '[.rows[].ours | .n > 0] | all' results/bench-results.json
check 'every figure was measured' jq -e '[.rows[].ours | .min <= .median and .median <= .max] | all' results/bench-results.json
check 'the limit was, too' jq -e '.rows[6] | .limit > 0 and .share > 0 and (.reached | type) == "boolean"' results/bench-results.json

# A missing peer.
equal 'a peer that is missing is said to be' '"missing: cfssl"' "$(row 0 .peer.absent)"
equal 'it has no ratio' null "$(row 0 .ratio)"
equal 'and reaches nothing' null "$(row 0 .reached)"
check 'the table says so in its row' grep -qE '^ 1 enroll.*cfssl, whole +missing: cfssl +- ' table
check 'another too' grep -qE '^ 4 enroll.*certtool +missing: certtool +- ' table

# An installed peer.
check 'a peer that is there has a figure' jq -e '.rows[2] | .peer.median > 0 and .peer.n > 0' results/bench-results.json
check 'the ratio is what the figures say' jq -e '.rows[2] | .ours.median / .peer.median == .ratio' results/bench-results.json

expect 1 'an unknown size is refused' env PROGRAMS="$programs" BENCH_SIZE=huge "$bench" results
says 'with what is expected' 'expected full, quick or tiny, found huge'

# The plots, and those of docs/performance.md, whose results are there.
if [ -x /usr/bin/gnuplot ]; then
	for plot in enroll choices sizes memory; do check "it draws $plot" grep -q '</svg>' results/$plot.svg; done
	cp -r "$(dirname "$bench")/../../docs/plots" again && rm again/*.svg
	check 'docs/plots can be drawn again' "$(dirname "$bench")/plots.sh" again
	equal 'with the same pictures' "$(ls "$(dirname "$bench")/../../docs/plots")" "$(ls again)"
else
	skip 'the plots' 'gnuplot is not installed'
fi
