#!/usr/bin/env bash
# Checks the house: who includes whom, and whether each folder and file can be entered.
#
#   ci/check-layers.sh [DIR]         the tree in DIR (default: this one); exit status 1 if a rule is broken
#   ci/check-layers.sh --self-test   that each rule, when broken, is found
#
# Rules:
#   - A layer (a folder of common/) includes only from itself and from the layers that the Makefile
#     names as below it (LAYER_BELOW); its unit tests likewise.
#   - A room (a folder in a layer) includes only from itself and from the rooms of its layer that
#     are listed below; so do the unit tests of a room.
#   - Nothing but tools/ and its unit tests includes from tools/, and nothing but tests/ from tests/.
#   - Each foreign library is included only in its home, below.
#   - A folder of common/, tools/ or tests/ has at most 40 source files, and a README.md of at most
#     15 lines.
#   - A source has at most 500 lines.
set -eu

# A room, and the rooms of the same layer from which it may include. A layer's own folder is a room
# too where there are files in it.
rooms='
ca/service       ca/page ca/overview ca/html ca/acme ca/issue ca/signer ca/revocation ca/shared ca/store
ca/acme          ca/issue ca/signer ca/revocation ca/shared ca/store
ca/check         ca/issue ca/signer ca/revocation ca/shared ca/store
ca/backup        ca/signer ca/revocation ca/shared ca/store
ca/issue         ca/signer ca/revocation ca/shared ca/store
ca/signer        ca/revocation ca/shared ca/store
ca/revocation    ca/shared ca/store
ca/shared        ca/store
ca/page          ca/html ca/overview ca/issue ca/signer ca/revocation ca/shared ca/store
ca/overview      ca/issue ca/signer ca/revocation ca/shared ca/store
ca/html
ca/store
ca/store/sqlite  ca/store
ca/store/postgresql ca/store
pool/upkeep      pool/enrolment pool/revocation pool/members
pool/messages    pool/revocation pool/members
pool/enrolment   pool/members
pool/revocation  pool/members
pool/members
x509/revocation  x509
x509/audit       x509/revocation x509
x509/bundles     x509
x509
crypto/jose      crypto
crypto/agreement crypto
crypto
net/client
'

# Library, its headers, and the files that may see them, directly or through another header. GnuTLS
# may show in the headers of its home, so only a direct include counts.
homes='
gnutls    ^gnutls/                      ^common/(crypto|x509|net)/           direct
nettle    ^(nettle/|hogweed/|gmp\.h)    ^(common/(crypto|x509)/.*|tools/harden)\.c$ seen
jansson   ^jansson                      ^common/(wire/|crypto/|net/problem\.c$) seen
libyaml   ^yaml\.h                      ^common/layout/                      seen
libmicrohttpd ^microhttpd               ^common/net/                         seen
libcurl   ^curl/                        ^common/net/client/                  seen
sqlite    ^sqlite3                      ^common/ca/store/sqlite/             seen
libpq     ^(libpq-fe|postgresql/)       ^$                                   seen
libseccomp ^seccomp\.h                   ^common/base/                         seen
criterion ^criterion/                   ^tests/                              seen
'

files_max=40
readme_lines_max=15
source_lines_max=500

check_includes() {
	find common tools tests -name '*.[ch]' -exec grep -HnE '^[ \t]*#[ \t]*include' {} + | sort |
		awk -v homes="$homes" -v rooms="$rooms" \
			-v below="$(sed -nE 's/^([a-z0-9]+)_BELOW := ?/\1 /p' Makefile)" '
	# "common/wire/json.c" and "tests/unit/wire/test_json.c" are both of layer wire.
	function layer_of(path, parts) {
		if (path ~ /^common\//) { split(path, parts, "/"); return parts[2] }
		if (path ~ /^tests\/unit\//) { split(path, parts, "/"); return parts[3] }
		return path ~ /^tests\/support\// ? "base" : ""
	}
	# "common/ca/store/row.c" and "tests/unit/ca/store/test_row.c" are both of room ca/store; the
	# helpers that the tests of a layer share, in tests/unit/ca/, are of no room.
	function room_of(path) {
		sub(/^common\/|^tests\/unit\//, "", path)
		sub(/\/[^\/]*$/, "", path)
		return path in room ? path : ""
	}
	function complain(where, text) { printf "%s: %s\n", where, text; broken = 1 }
	function check_room(file, where, included, from, to) {
		from = room_of(file); to = room_of(included)
		if (from != "" && to != "" && from != to && !((from, to) in reachable))
			complain(where, from " may not include from " to)
	}
	function check_own(file, where, included, from, to) {
		from = layer_of(file); to = layer_of(included)
		if (included !~ /^(common|tools|tests)\//)
			complain(where, "\"" included "\" is not a path from the top of the tree")
		else if (included ~ /^tools\// && file !~ /^(tests\/unit\/)?tools\//)
			complain(where, "nothing includes from tools/")
		else if (included ~ /^tests\// && file !~ /^tests\//)
			complain(where, "nothing includes from tests/ but tests")
		else if (included ~ /^common\// && from != "" && from != to && !((from, to) in allowed))
			complain(where, from " may not include from " to ", which is not below it")
		else if (included ~ /^common\// && from == to)
			check_room(file, where, included)
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
		n = split(rooms, lines, "\n")
		for (i = 1; i <= n; i++) {
			m = split(lines[i], word, " ")
			if (m > 0) room[word[1]] = 1
			for (j = 2; j <= m; j++) reachable[word[1], word[j]] = 1
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

# A folder that is data from beginning to end has no sources and no README of ours.
check_folders() {
	local broken=0 dir count lines
	while IFS= read -r dir; do
		count=$(find "$dir" -maxdepth 1 -name '*.[ch]' | wc -l)
		if [ "$count" -gt "$files_max" ]; then
			echo "$dir: expected at most $files_max source files, found $count"
			broken=1
		fi
		if [ ! -f "$dir/README.md" ]; then
			echo "$dir: expected a README.md, found none"
			broken=1
			continue
		fi
		lines=$(wc -l <"$dir/README.md")
		if [ "$lines" -gt "$readme_lines_max" ]; then
			echo "$dir/README.md: expected at most $readme_lines_max lines, found $lines"
			broken=1
		fi
	done < <(find common tools tests \( -path tests/vectors -o -path tests/fuzz/corpus -o -path tests/interop/npm \) -prune -o -type d -print)
	return $broken
}

check_sources() {
	find common tools tests -name '*.[ch]' -exec wc -l {} + | awk -v most="$source_lines_max" '
		$2 != "total" && $1 > most {
			printf "%s: expected at most %d lines, found %d\n", $2, most, $1
			broken = 1
		}
		END { exit broken }'
}

check_tree() {
	local status=0
	cd "$1"
	check_includes || status=1
	check_folders || status=1
	check_sources || status=1
	return $status
}

# A small tree that breaks no rule.
make_tree() {
	local dir=$1 folder
	mkdir -p "$dir"/{common/{base,wire,net,x509/revocation,pool/{members,messages},ca/{store/sqlite,issue}},tools,tests/{support,unit/{wire,ca/store,tools}}}
	printf 'base_BELOW := base\nwire_BELOW := wire net x509 base\nnet_BELOW := net base\ntools_BELOW := wire net\npool_BELOW := pool wire net base\nca_BELOW := ca base\n' >"$dir/Makefile"
	printf '#include <jansson.h>\n' >"$dir/common/wire/json.h"
	printf '#include <gnutls/x509.h>\n' >"$dir/common/x509/csr.h"
	while IFS= read -r folder; do
		echo 'What this is.' >"$folder/README.md"
	done < <(find "$dir/common" "$dir/tools" "$dir/tests" -type d)
}

# Judges what was found for a complaint, or for none when that is "".
count_result() {
	local what=$1 complaint=$2 found=$3
	if [ -z "$complaint" ] && [ -z "$found" ] || [[ -n $complaint && $found == *"$complaint"* ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$what: expected \"$complaint\", found \"$found\""
	fi
}

# Puts one include into the small tree and expects the complaint about its line.
expect() {
	local file=$1 include=$2 complaint=$3 dir found
	dir=$(mktemp -d)
	make_tree "$dir"
	printf '#include %s\n' "$include" >"$dir/$file"
	found=$(check_tree "$dir") || true
	rm -rf "$dir"
	count_result "$file includes $include" "${complaint:+$file:1: $complaint}" "$found"
}

# Makes that many empty sources in the folder.
fill_folder() {
	for number in $(seq "$2"); do
		: >"$1/$number.c"
	done
}

# Does something else to the small tree.
expect_after() {
	local command=$1 complaint=$2 dir found
	dir=$(mktemp -d)
	make_tree "$dir"
	(cd "$dir" && eval "$command")
	found=$(check_tree "$dir") || true
	rm -rf "$dir"
	count_result "$command" "$complaint" "$found"
}

self_test() {
	passed=0 failed=0
	expect common/base/a.c '"common/wire/json.h"' 'base may not include from wire'
	expect common/net/a.c '"common/x509/csr.h"' 'net may not include from x509'
	expect tests/unit/wire/a.c '"common/pool/pool.h"' 'wire may not include from pool'
	expect tests/support/a.c '"common/wire/json.h"' 'base may not include from wire'
	expect common/ca/store/a.c '"common/ca/issue/a.h"' 'ca/store may not include from ca/issue'
	expect common/ca/store/a.c '"common/ca/store/sqlite/a.h"' 'ca/store may not include from ca/store/sqlite'
	expect common/pool/members/a.c '"common/pool/messages/a.h"' 'pool/members may not include from pool/messages'
	expect common/x509/a.c '"common/x509/revocation/a.h"' 'x509 may not include from x509/revocation'
	expect tests/unit/ca/store/a.c '"common/ca/issue/a.h"' 'ca/store may not include from ca/issue'
	expect common/pool/members/a.c '"tools/verb.h"' 'nothing includes from tools/'
	expect tests/unit/wire/b.c '"tools/verb.h"' 'nothing includes from tools/'
	expect common/pool/members/a.c '"tests/support/a.h"' 'nothing includes from tests/'
	expect common/pool/members/a.c '"pool.h"' '"pool.h" is not a path'
	expect common/pool/members/a.c '<jansson.h>' 'jansson has no home here'
	expect common/pool/members/a.c '"common/wire/json.h"' 'jansson has no home here (another header brings it)'
	expect common/x509/a.h '<nettle/sha2.h>' 'nettle has no home here'
	expect common/wire/a.c '<gnutls/gnutls.h>' 'gnutls has no home here'
	expect common/wire/a.h '<curl/curl.h>' 'libcurl has no home here'
	expect common/wire/a.c '<microhttpd.h>' 'libmicrohttpd has no home here'
	expect common/wire/a.c '<yaml.h>' 'libyaml has no home here'
	expect tools/a.c '<sqlite3.h>' 'sqlite has no home here'
	expect common/ca/store/a.c '<sqlite3.h>' 'sqlite has no home here'
	expect common/base/a.c '<criterion/criterion.h>' 'criterion has no home here'
	expect_after 'fill_folder common/net 41' 'common/net: expected at most 40 source files, found 41'
	expect_after 'rm common/ca/store/README.md' 'common/ca/store: expected a README.md, found none'
	expect_after 'rm tests/unit/wire/README.md' 'tests/unit/wire: expected a README.md, found none'
	expect_after 'seq 16 >tools/README.md' 'tools/README.md: expected at most 15 lines, found 16'
	expect_after 'seq 501 >tests/unit/wire/a.c' 'tests/unit/wire/a.c: expected at most 500 lines, found 501'
	expect_after 'seq 500 >common/net/a.h' ''
	expect_after 'fill_folder common/net 40; seq 15 >tools/README.md' ''
	expect common/wire/a.c '"common/x509/csr.h"' ''
	expect common/wire/a.c '"common/wire/json.h"' ''
	expect common/x509/a.c '<nettle/sha2.h>' ''
	expect common/ca/issue/a.c '"common/ca/store/a.h"' ''
	expect common/ca/store/sqlite/a.c '<sqlite3.h>' ''
	expect common/ca/store/sqlite/a.c '"common/ca/store/driver.h"' ''
	expect common/x509/revocation/a.c '"common/x509/csr.h"' ''
	expect tests/unit/ca/store/a.c '"tests/unit/ca/fixture.h"' ''
	expect tests/unit/wire/a.c '<jansson.h>' ''
	expect tests/unit/wire/a.c '"fixture.h"' ''
	expect tools/a.c '"tools/verb.h"' ''
	expect tests/unit/tools/a.c '"tools/verb.h"' ''
	expect tests/unit/tools/a.c '"common/wire/json.h"' ''
	echo "layers: $passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}

if [ "${1-}" = --self-test ]; then
	self_test
else
	(check_tree "${1-$(dirname "$0")/..}")
fi
