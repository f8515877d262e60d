#!/usr/bin/env bash
# Checks who includes whom:
#
#   ci/check-layers.sh [DIR]         the tree in DIR (default: this one); exit status 1 if a rule is broken
#   ci/check-layers.sh --self-test   that each rule, when broken, is found
#
# Rules: a folder of common/ includes only from itself and from those that the Makefile names as below
# it (LAYER_BELOW); its unit tests likewise; nothing but tools/ includes from tools/; and each foreign
# library is included only in its home, below.
set -eu

# Library, its headers, and the files that may see them, directly or through another header. GnuTLS
# may show in the headers of its home, so only a direct include counts.
homes='
gnutls    ^gnutls/                      ^common/(crypto|x509|net)/           direct
nettle    ^(nettle/|hogweed/|gmp\.h)    ^common/(crypto|x509)/.*\.c$         seen
jansson   ^jansson                      ^common/(wire/|crypto/|net/problem\.c$) seen
libyaml   ^yaml\.h                      ^common/layout/                      seen
libmicrohttpd ^microhttpd               ^common/net/                         seen
libcurl   ^curl/                        ^common/net/                         seen
sqlite    ^sqlite3                      ^common/ca/store/sqlite/             seen
criterion ^criterion/                   ^tests/                              seen
'

check_tree() {
	cd "$1"
	find common tools tests -name '*.[ch]' -exec grep -HnE '^[ \t]*#[ \t]*include' {} + | sort |
		awk -v homes="$homes" -v below="$(sed -nE 's/^([a-z0-9]+)_BELOW := ?/\1 /p' Makefile)" '
	# "common/wire/json.c" and "tests/unit/wire/test_json.c" are both of layer wire.
	function layer_of(path, parts) {
		if (path ~ /^common\//) { split(path, parts, "/"); return parts[2] }
		if (path ~ /^tests\/unit\//) { split(path, parts, "/"); return parts[3] }
		return path ~ /^tests\/support\// ? "base" : ""
	}
	function complain(where, text) { printf "%s: %s\n", where, text; broken = 1 }
	function check_own(file, where, included, from, to) {
		from = layer_of(file); to = layer_of(included)
		if (included !~ /^(common|tools|tests)\//)
			complain(where, "\"" included "\" is not a path from the top of the tree")
		else if (included ~ /^tools\// && file !~ /^tools\//)
			complain(where, "nothing includes from tools/")
		else if (included ~ /^tests\// && file !~ /^tests\//)
			complain(where, "nothing includes from tests/ but tests")
		else if (included ~ /^common\// && from != "" && from != to && !((from, to) in allowed))
			complain(where, from " may not include from " to ", which is not below it")
	}
	function note_foreign(file, where, included, i) {
		for (i = 1; i <= count; i++)
			if (included ~ headers[i]) { sees[file, i] = where; direct[file, i] = 1 }
	}
	BEGIN {
		n = split(below, lines, "\n")
		for (i = 1; i <= n; i++) {
			m = split(lines[i], word, " ")
			for (j = 2; j <= m; j++) allowed[word[1], word[j]] = 1
		}
		n = split(homes, lines, "\n")
		for (i = 1; i <= n; i++)
			if (split(lines[i], word, " ") == 4) {
				library[++count] = word[1]; headers[count] = word[2]
				home[count] = word[3]; reach[count] = word[4]
			}
	}
	{
		split($0, field, ":"); file = field[1]; where = file ":" field[2]; files[file] = 1
		if (match($0, /"[^"]*"/)) {
			included = substr($0, RSTART + 1, RLENGTH - 2)
			# Tests may name a neighbour without its folder.
			if (file ~ /^tests\// && included !~ /\//)
				included = substr(file, 1, match(file, /[^\/]*$/) - 1) included
			check_own(file, where, included)
			edges[file, included] = where
		} else if (match($0, /<[^>]*>/))
			note_foreign(file, where, substr($0, RSTART + 1, RLENGTH - 2))
	}
	END {
		do {
			changed = 0
			for (edge in edges) {
				split(edge, end, SUBSEP)
				for (i = 1; i <= count; i++)
					if (reach[i] == "seen" && ((end[2], i) in sees) && !((end[1], i) in sees)) {
						sees[end[1], i] = edges[edge]; changed = 1
					}
			}
		} while (changed)
		for (file in files)
			for (i = 1; i <= count; i++)
				if (((file, i) in sees) && file !~ home[i] && file !~ /^tests\//)
					complain(sees[file, i], library[i] " has no home here" \
						((file, i) in direct ? "" : " (another header brings it)"))
		exit broken
	}'
}

# Puts one include into a small tree and expects the complaint, or none when that is "".
expect() {
	local file=$1 include=$2 complaint=$3 dir found
	dir=$(mktemp -d)
	mkdir -p "$dir"/{common/{base,wire,net,x509,pool},tools,tests/{support,unit/wire}}
	printf 'base_BELOW := base\nwire_BELOW := wire net x509 base\nnet_BELOW := net base\npool_BELOW := pool wire net base\n' >"$dir/Makefile"
	printf '#include <jansson.h>\n' >"$dir/common/wire/json.h"
	printf '#include <gnutls/x509.h>\n' >"$dir/common/x509/csr.h"
	printf '#include %s\n' "$include" >"$dir/$file"
	found=$(check_tree "$dir") || true
	rm -rf "$dir"
	if [ -z "$complaint" ] && [ -z "$found" ] || [[ -n $complaint && $found == *"$file:1: $complaint"* ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$file includes $include: expected \"$complaint\", found \"$found\""
	fi
}

self_test() {
	passed=0 failed=0
	expect common/base/a.c '"common/wire/json.h"' 'base may not include from wire'
	expect common/net/a.c '"common/x509/csr.h"' 'net may not include from x509'
	expect tests/unit/wire/a.c '"common/pool/members/pool.h"' 'wire may not include from pool'
	expect tests/support/a.c '"common/wire/json.h"' 'base may not include from wire'
	expect common/pool/a.c '"tools/verb.h"' 'nothing includes from tools/'
	expect tests/unit/wire/b.c '"tools/verb.h"' 'nothing includes from tools/'
	expect common/pool/a.c '"tests/support/a.h"' 'nothing includes from tests/'
	expect common/pool/a.c '"pool.h"' '"pool.h" is not a path'
	expect common/pool/a.c '<jansson.h>' 'jansson has no home here'
	expect common/pool/a.c '"common/wire/json.h"' 'jansson has no home here (another header brings it)'
	expect common/x509/a.h '<nettle/sha2.h>' 'nettle has no home here'
	expect common/wire/a.c '<gnutls/gnutls.h>' 'gnutls has no home here'
	expect common/wire/a.h '<curl/curl.h>' 'libcurl has no home here'
	expect tools/a.c '<sqlite3.h>' 'sqlite has no home here'
	expect common/base/a.c '<criterion/criterion.h>' 'criterion has no home here'
	expect common/wire/a.c '"common/x509/csr.h"' ''
	expect common/wire/a.c '"common/wire/json.h"' ''
	expect common/x509/a.c '<nettle/sha2.h>' ''
	expect tests/unit/wire/a.c '<jansson.h>' ''
	expect tests/unit/wire/a.c '"fixture.h"' ''
	expect tools/a.c '"tools/verb.h"' ''
	echo "layers: $passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}

if [ "${1-}" = --self-test ]; then
	self_test
else
	(check_tree "${1-$(dirname "$0")/..}")
fi
