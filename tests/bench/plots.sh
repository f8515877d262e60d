#!/usr/bin/env bash
# Plots the figures of bench-results.json in a folder: enroll.svg, verb.svg, choices.svg, sizes.svg,
# memory.svg.
set -eu
export LC_ALL=C
cd "$1"
command -v gnuplot >/dev/null || {
	echo 'bench: gnuplot is missing: no plots' >&2
	exit 0
}

data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
jq -r '[.rows[0].ours + {name: "certpool"}, (.rows[:6][] | .peer), .rows[0].limit
	| if type == "number" then {name: "limit", median: ., min: ., max: .} else . end]
	| .[] | select(.median) | "\"\(.name)\" \(.median) \(.min) \(.max)"' bench-results.json >"$data/enroll"
jq -r '[.rows[] | select(.unit == "/s") | {what} + .ours] | unique_by(.what)
	| .[] | select(.median) | "\"\(.what)\" \(.median) \(.min) \(.max)"' bench-results.json >"$data/choices"
jq -r '.limits["ecdsa-p256"].enroll_rate.median as $limit | .sizes[] | select(.seconds.median)
	| "\(.n) \(.seconds.median) \(.seconds.min) \(.seconds.max) \(if $limit then .n / $limit else "NaN" end) " +
	  "\(.request_mb.median) \(.enroll_mb.median) \(.serve_mb.median)"' bench-results.json >"$data/sizes"

jq -r '.verb // [] | .[] | [.requests, .certificates, .messages, .status_questions] as $works | select(all($works[]; .median))
	| "\"\(.key)\" " + ([$works[] | .median, .min, .max] | join(" "))' bench-results.json >"$data/verb"

# draw NAME DATA COMMANDS: draws nothing if there is no data.
draw() {
	[ -s "$2" ] || return 0
	gnuplot <<-END
		set terminal svg size 800,420 font "sans-serif,12" background "white"
		set output "$1"
		set grid ytics lc rgb "#dddddd"
		set key top left
		$3
	END
}
draw enroll.svg "$data/enroll" "
	set title 'certificates enrolled a second, P-256 (median, minimum, maximum)'
	set logscale y
	set yrange [1:*]
	set style fill solid 0.7 border
	set bars 0.5
	set offsets 0.3, 0.3, 0, 0
	unset key
	plot '$data/enroll' using 0:2:3:4:(0.6):xtic(1) with boxerrorbars lc rgb '#3465a4'"
draw verb.svg "$data/verb" "
	set title 'certpool bench --key TYPE: a second (median, minimum, maximum)'
	set logscale y
	set yrange [1:*]
	set style data histogram
	set style histogram errorbars gap 1.5 lw 1
	set style fill solid 0.7 border
	set key outside bottom center horizontal
	plot '$data/verb' using 2:3:4:xtic(1) lc rgb '#3465a4' title 'keys and requests made', \
		'' using 5:6:7 lc rgb '#4e9a06' title 'members certified', \
		'' using 8:9:10 lc rgb '#f57900' title 'messages verified', \
		'' using 11:12:13 lc rgb '#75507b' title 'status questions answered'"
draw choices.svg "$data/choices" "
	set title 'certpool on this machine, a second (median, minimum, maximum)'
	set logscale y
	set yrange [1:*]
	set style fill solid 0.7 border
	set bars 0.5
	set offsets 0.3, 0.3, 0, 0
	set xtics rotate by -35
	set rmargin 13
	unset key
	plot '$data/choices' using 0:2:3:4:(0.6):xtic(1) with boxerrorbars lc rgb '#4e9a06'"
draw sizes.svg "$data/sizes" "
	set title 'a pool of N, from keys to saved certificates'
	set logscale xy
	set xlabel 'N'
	set ylabel 'seconds'
	plot '$data/sizes' using 1:2:3:4 with yerrorlines lc rgb '#3465a4' pt 7 title 'certpool', \
		'' using 1:5 with lines lc rgb '#888888' dt 2 title 'limit: the arithmetic alone'"
draw memory.svg "$data/sizes" "
	set title 'peak memory of each process'
	set logscale x
	set xlabel 'N'
	set ylabel 'MB'
	set yrange [0:80]
	set key left center
	plot '$data/sizes' using 1:6 with linespoints title 'request', '' using 1:7 with linespoints title 'enroll', \
		'' using 1:8 with linespoints title 'serve', 64 with lines lc rgb '#cc0000' dt 2 title 'bound'"
