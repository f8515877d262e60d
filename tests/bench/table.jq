# Turns the rows into the table, at most 120 columns wide, and the notes under it.

def number:
	if . == null then "-"
	elif . >= 100000 then "\(. / 1000 | round)k"
	elif . >= 10000 then "\(. / 100 | round / 10)k"
	elif . >= 100 then round | tostring
	elif . >= 10 then . * 10 | round / 10 | tostring
	else . * 100 | round / 100 | tostring end;
def left($width): . + (" " * ([$width - length, 0] | max) // "");
def right($width): (" " * ([$width - length, 0] | max) // "") + .;
def spread: if .absent then .absent else "\(.median | number) (\(.min | number)..\(.max | number))" end;
def percent: if . == null then "-" else "\(. * 100 | round)%" end;
def answer: if . == null then "-" elif . then "yes" else "NO" end;

# Wraps words into lines of at most $width; continuation lines are indented.
def wrap($width):
	reduce (splits(" ")) as $word ([""];
		if .[-1] == "" then .[-1] = $word
		elif (.[-1] | length) + 1 + ($word | length) <= $width then .[-1] += " " + $word
		else . + ["     " + $word] end)
	| .[];

def line($n; $what; $ours; $peer; $figure; $ratio; $limit; $share; $target; $reached):
	($n | right(2)) + " " + ($what | left(26)) + " " + ($ours | left(20)) + " " + ($peer | left(14)) + " " +
	($figure | left(20)) + " " + ($ratio | right(5)) + " " + ($limit | right(5)) + " " + ($share | right(4)) +
	" " + ($target | left(11)) + " " + $reached;

"certpool \(.versions.certpool), \(.started): \(.size), median (minimum..maximum) of \(.runs) runs in turn",
"\(.machine.cores) x \(.machine.model), \(.machine.memory_mb) MB, \(.machine.filesystem), Linux \(.machine.kernel), \(.machine.os)",
([.versions | to_entries[] | select(.key != "certpool" and .value != "") | "\(.key) \(.value)"] | join(", ") | wrap(118)),
"",
line("#"; "what"; "certpool"; "peer"; "its figure"; "ratio"; "limit"; "share"; "target"; "?"),
(.rows | to_entries[] | .key as $i | .value
	| line($i + 1 | tostring; "\(.what) [\(.unit)]"; .ours | spread; .peer.name; .peer | spread;
	       if .ratio then (.ratio | number) + "x" else "-" end; .limit | number; .share | percent;
	       .target.text // "-"; .reached | answer)),
"",
(.rows as $rows | range($rows | length) as $i
	| $rows[$i].does as $does
	| (if $i > 0 and $rows[$i - 1].does[0] == $does[0] then empty else $does[0] end, $does[1] // empty)
	| "[\($i + 1)] \(.)" | wrap(118)),
(.rows | to_entries[] | .key as $i | .value | (.ours, .peer) | select(.failed_runs)
	| "[\($i + 1)] \(.failed_runs) of the runs failed and are not in the figure.")
