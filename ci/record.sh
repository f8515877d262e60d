#!/usr/bin/env bash
# A recording of a terminal as SVG: reads what a program prints, as it prints it, and shows each line when it came.
# Where nothing moves, all of it is there at once.
#
#   ci/demo.sh build/demo | ci/record.sh 'make demo' >docs/demo.svg      (make recording)
set -euo pipefail
export LC_ALL=C.UTF-8
command=$1
columns=120 line_height=17 top=40

escape() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' <<<"$1"; }

rows=2
texts=
begun=${EPOCHREALTIME/./}
while IFS= read -r line; do
	delay=$((${EPOCHREALTIME/./} - begun))
	pieces=
	# A long line goes on in the next row.
	for ((at = 0; at == 0 || at < ${#line}; at += columns)); do
		pieces+="<tspan x=\"16\" y=\"$((top + rows * line_height))\">$(escape "${line:at:columns}")</tspan>"
		rows=$((rows + 1))
	done
	texts+=$(printf '<text%s style="animation-delay:%d.%03ds">%s</text>' \
		"$([[ $line != Part* ]] || echo ' class="part"')" $((delay / 1000000)) $((delay / 1000 % 1000)) "$pieces")$'\n'
done

width=$((columns * 72 / 10 + 32)) height=$((top + rows * line_height + 8))
cat <<END
<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 $width $height" width="$width" height="$height">
<title>$(escape "$command")</title>
<style>
text { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; fill: #d8dee9; white-space: pre; animation: come .01s both }
.part { font-weight: bold; fill: #8fbcbb }
@keyframes come { from { opacity: 0 } }
@media (prefers-reduced-motion: reduce) { text { animation: none } }
</style>
<rect width="$width" height="$height" rx="8" fill="#242933"/>
<circle cx="20" cy="18" r="5" fill="#bf616a"/><circle cx="38" cy="18" r="5" fill="#ebcb8b"/><circle cx="56" cy="18" r="5" fill="#a3be8c"/>
<text><tspan x="16" y="$((top + line_height))">\$ $(escape "$command")</tspan></text>
${texts}</svg>
END
