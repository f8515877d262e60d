# The colours of the page's style (--name:#rgb, read as {name, hex}, those of the light theme, then those of the dark
# one): prints what is too faint to read (WCAG 2.1, 1.4.3 and 1.4.11), and pairs that stand for different things and
# that the colour-blind cannot tell apart.

def digits: explode | map(if . >= 97 then . - 87 else . - 48 end);
def linear: . / 255 | if . <= 0.04045 then . / 12.92 else pow((. + 0.055) / 1.055; 2.4) end;
def colour:
	digits | if length == 3 then map(. * 17) else [.[0] * 16 + .[1], .[2] * 16 + .[3], .[4] * 16 + .[5]] end
	| map(linear);
def times($matrix): . as [$r, $g, $b] | $matrix | map(.[0] * $r + .[1] * $g + .[2] * $b);

def luminance: 0.2126 * .[0] + 0.7152 * .[1] + 0.0722 * .[2];
def contrast($a; $b): [$a, $b | luminance] | sort | (.[1] + 0.05) / (.[0] + 0.05);

# Machado, Oliveira, Fernandes 2009: as those see it who lack one kind of cones.
def eyes: {
	all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
	protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
	deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
	tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]};
# CIELAB, in which a distance of 2 is just seen.
def lab:
	map([[., 0] | max, 1] | min)
	| times([[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0177, 0.1095, 0.8729]])
	| map(if . > 0.008856 then cbrt else 7.787 * . + 16 / 116 end)
	| [116 * .[1] - 16, 500 * (.[0] - .[1]), 200 * (.[1] - .[2])];
def distance($a; $b): [($a | lab), ($b | lab)] | transpose | map(.[0] - .[1] | . * .) | add | sqrt;

def problems($theme):
	. as $of
	| (("ink", "soft", "blue", "red") as $text | ("ground", "card", "wash") as $behind
		| contrast($of[$text]; $of[$behind])
		| select(. < 4.5) | "\($theme): text in \($text) on \($behind): \(.) to 1"),
	  (("bar", "redbar") as $shape | ("ground", "card") as $behind
		| contrast($of[$shape]; $of[$behind])
		| select(. < 3) | "\($theme): \($shape) on \($behind): \(.) to 1"),
	  (eyes | to_entries[] as $eye | ["bar", "redbar"], ["blue", "red"]
		| distance(($of[.[0]] | times($eye.value)); ($of[.[1]] | times($eye.value))) as $distance
		| select($distance < 30) | "\($theme): \(join(" and ")) with \($eye.key): \($distance) apart");

(length / 2) as $half
| [(.[:$half], .[$half:]) | map({key: .name, value: (.hex | colour)}) | from_entries]
| (.[0] | problems("light")), (.[1] | problems("dark"))
