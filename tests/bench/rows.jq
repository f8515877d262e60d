# Turns the figures of all runs (--slurpfile raw) and the description of the machine (--slurpfile meta)
# into the rows of the table: {what, unit, ours, peer, ratio, limit, share, target, reached, does}. A
# figure is the median of its runs with minimum and maximum, or the reason for its absence.

def middle: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
def summary: {median: middle, min: min, max: max, runs: length};

# thousands: 10000 as "10,000".
def thousands:
	tostring | if length > 3 then (.[:-3] | thousands) + "," + .[-3:] else . end;

# figure(subject; side; value): over the runs that succeeded.
def figure($subject; $side; value):
	[$raw[] | select(.subject == $subject and .side == $side)] as $all
	| [$all[] | select(.absent == null)] as $good
	| if ($good | length) > 0 then ([$good[] | value] | summary) + {n: $good[0].n}
	  else {absent: ([$all[] | .absent][0] // "not run")} end
	| if ($all | length) > ($good | length) and .absent == null
	  then .failed_runs = ($all | length) - ($good | length) else . end;
def rate($subject; $side): figure($subject; $side; .rate);

# The limit is the median of the limits that the parts of the benchmark measured.
def limit($type; value): figure("limits"; $type; value);

def row($what; $unit; $ours; $peer; $figure; $limit; $target; $does):
	{what: $what, unit: $unit, ours: $ours, peer: ({name: $peer} + $figure), limit: $limit.median,
	 target: $target, does: $does}
	| .ratio = (if .ours.median and .peer.median then .ours.median / .peer.median else null end)
	| .share = (if .ours.median and .limit then .ours.median / .limit else null end)
	| .reached = (
		[if .target.ratio_least then .ratio as $r | .target.ratio_least | if $r then $r >= . else null end
		 else empty end,
		 if .target.share_least then .share as $s | .target.share_least | if $s then $s >= . else null end
		 else empty end,
		 if .target.ratio_below then .ratio as $r | .target.ratio_below | if $r then $r < . else null end
		 else empty end,
		 if .target.least then .ours.median as $o | .target.least | if $o then $o >= . else null end
		 else empty end,
		 if .target.below then .ours.median as $o | .target.below | if $o then $o < . else null end
		 else empty end,
		 if .target.within then .ratio as $r | .target.within
			| if $r then ($r - 1 | fabs) <= . else null end
		 else empty end]
		| if length == 0 or any(. == null) then null else all end);

def nothing: {absent: "-"};
def n_of: if .n then "N = \(.n | thousands)" else "not measured" end;

rate("enroll"; "certpool") as $enroll
| rate("enroll"; "cfssl") as $cfssl
| rate("enroll"; "gencert") as $gencert
| rate("enroll"; "openssl") as $openssl
| rate("enroll"; "certtool") as $certtool
| rate("enroll"; "certtool_x2") as $certtool_x2
| rate("enroll"; "easy-rsa") as $easyrsa
| limit("ecdsa-p256"; .enroll_rate) as $enroll_limit
| limit("ecdsa-p256"; .message_rate) as $message_limit
| rate("certify"; "certpool") as $certify
| rate("certify"; "openssl") as $openssl_ca
| rate("messages"; "certpool") as $messages
| rate("messages"; "openssl") as $cms
| rate("messages"; "openssl_x2") as $cms_x2
| rate("ocsp-fresh"; "certpool") as $fresh
| rate("ocsp-fresh"; "openssl") as $openssl_fresh
| rate("ocsp-kept"; "certpool") as $kept
| rate("ocsp-kept"; "openssl") as $openssl_kept
| rate("status-rate"; "certpool") as $status
| rate("status-limit"; "nothing") as $status_limit
| figure("status-idle"; "certpool"; .p99_ms) as $idle
| figure("status-busy"; "certpool"; .p99_ms) as $busy
| ([$raw[] | select(.subject == "sizes" and .absent == null) | .n] | unique) as $sizes
| ($sizes[-1] // 0) as $most
| (if $most > 1000 then 1000 else $sizes[0] // 0 end) as $least
| def of_size($n; value):
	[$raw[] | select(.subject == "sizes" and .n == $n and .absent == null) | value]
	| if length > 0 then summary + {n: $n} else {absent: "not run"} end;
  def memory($process; value):
	row("memory of \($process)"; "MB"; of_size($most; value / 1024);
	    "N = \($least | thousands)"; of_size($least; value / 1024); {};
	    {text: "<1.2x <64MB", ratio_below: 1.2, below: 64};
	    ["certpool, N = \($most | thousands): the peak resident memory of the process, as the kernel reports it.", null]);
  def linear($n):
	row("time each, N = \($n | thousands)"; "us"; of_size($n; .seconds / .n * 1e6);
	    "N = \($most | thousands)"; of_size($most; .seconds / .n * 1e6); {};
	    {text: "+- 15 %", within: 0.15};
	    ["certpool: keys, requests and enrolment as in the first row, divided by N. The start of two processes " +
	     "and two flushes of the disk cost the same for any N, which shows with a small pool.",
	     null]);
  def keys($type):
	rate($type; "certpool") as $pool
	| row("enroll, \($type)"; "/s"; $pool; "P-256, row 1"; $enroll; limit($type; .enroll_rate); {};
	      ["certpool, \($pool | n_of): as in row 1, all keys of this type, the CA's too. The limit is the same " +
	       "arithmetic with this type" + (if $type == "rsa-2048" then
	       "; the time for an RSA key is random, and varies with so few." else "." end), null]);
  def in_postgresql($what; $subject; $ours; $name; $peer; $target; $does):
	if any($raw[]; .subject == $subject)
	then row($what; "/s"; rate($subject; $ours); $name; rate($subject; $peer); nothing; $target; $does)
	else empty end;
  def of_large($what; value; $target; $does):
	if any($raw[]; .subject == "pg-large")
	then row($what; "ms"; figure("pg-large"; "large"; value);
		 "N = \(figure("pg-large"; "small"; value).n // 0 | thousands)"; figure("pg-large"; "small"; value);
		 nothing; $target; [$does, null])
	else empty end;
  # A figure that should grow with the logarithm of N at most: log 10,000,000 is 1.4 times log 100,000.
  def growing($what; $unit; value; $target; $does):
	(figure("pg-large"; "small"; value).n // 10) as $small
	| (figure("pg-large"; "large"; value).n // 10) as $large
	| ((($large | log) / ($small | log) * 100 | ceil) / 100) as $growth
	| of_large($what; value; {text: "<\($growth)x\($target.text // "")", ratio_below: $growth} + ($target | del(.text)); $does)
	| .unit = $unit;
  def memory_in($what; $subject; $ours; $name; $peer; $does):
	if any($raw[]; .subject == $subject)
	then row($what; "MB"; figure($subject; $ours; .serve_kb / 1024); $name; figure($subject; $peer; .serve_kb / 1024);
		 nothing; {text: "< 64 MB", below: 64}; [$does, null])
	else empty end;
  def single($what; $subject; $asks):
	row($what; "/s"; rate($subject; "tls"); "-"; nothing; {}; {text: ">= 1500/s", least: 1500};
	    ["certpool: \($asks), over TLS 1.3, 8 connections that are kept: proof of possession checked, certified, " +
	     "recorded in SQLite and synced before the answer. The CA, its signer and the load generator share the " +
	     "cores; of CPU the CA and its signer take \(figure($subject; "tls"; .cpu_us).median // 0 | round) us a " +
	     "certificate.", null]);
  def memory_of_singles($what; $subject):
	row("memory of serve, \($what)"; "MB"; figure($subject; "tls"; .peak_kb / 1024); "-"; nothing; {};
	    {text: "< 64 MB", below: 64};
	    ["certpool: the peak resident memory of the CA and of its signer together, pages that both have counted " +
	     "twice.", null]);
  def by_reuse($method; $target; $does):
	"reuse-\($method)" as $subject
	| rate($subject; $method) as $ours
	| row("by \($method)"; "/s"; $ours; "random"; rate($subject; "random"); nothing; $target;
	      ["certpool, \($ours | n_of): as in row 9, with `reuse: \($method)`\($does). Of CPU the sender takes " +
	       "\(figure($subject; $method; .cpu_us).median // 0 | round) us a message.",
	       "the same by a pool with `reuse: random`, in turn: \(figure($subject; "random"; .cpu_us).median // 0 | round) " +
	       "us of CPU."]);
  def of_page($what; $unit; value; $target; $does):
	if any($raw[]; .subject == "page")
	then row($what; $unit; figure("page"; "large"; value);
		 "N = \(figure("page"; "small"; value).n // 0 | thousands)"; figure("page"; "small"; value);
		 nothing; $target; [$does, null])
	else empty end;
  def over_tls($what; $subject; $asks):
	row($what; "/s"; rate($subject; "tls"); "plain HTTP"; rate($subject; "plain"); nothing;
	    {text: ">= 0.6x", ratio_least: 0.6};
	    ["certpool: \($asks), over 4 connections that are kept, TLS 1.3 with AES-128-GCM.",
	     "the same without TLS, from the same load generator, which shares the cores."]);
  ("certpool, \($enroll | n_of): keys and requests made (`request`), then sent encrypted over HTTP, proof of " +
   "possession checked, certified, recorded in SQLite and synced before the answer, answered, checked by " +
   "the client and saved and synced (`enroll`). The start of both processes counts; the start of the CA does not.")
	as $enroll_does
| ("limit: cores / (key + 2 signatures + 2 checks) of Nettle alone, no files, no encoding, measured on all " +
   "cores, in turn with the other runs.") as $enroll_limit_does
| ("certpool, \($messages | n_of): `send --count`: a random member signs, encrypted, HTTP, decrypted, signature, " +
   "certificate, replay and trust checked, printed, answered under encryption. The receiver has cached the " +
   "20 certificates. One process reads keys and certificates once.") as $messages_does
| ("certpool: POST over persistent HTTP/1.1 connections, 4 at a time.") as $ocsp_does
| $meta[0] + {
limits: (["ecdsa-p256", "ed25519", "rsa-2048"] | map({key: ., value: (. as $type | {
	key_us: limit($type; .key_us), sign_us: limit($type; .sign_us), verify_us: limit($type; .verify_us),
	enroll_rate: limit($type; .enroll_rate), message_rate: limit($type; .message_rate)})}) | from_entries),
sizes: [$sizes[] | . as $n | {n: $n, seconds: of_size($n; .seconds), request_mb: of_size($n; .request_kb / 1024),
	enroll_mb: of_size($n; .enroll_kb / 1024), serve_mb: of_size($n; .serve_kb / 1024)}],
verb: [["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048"][] as $type
	| select(any($raw[]; .subject == "verb" and .side == $type))
	| {key: $type, requests: figure("verb"; $type; .requests_per_second),
	   certificates: figure("verb"; $type; .certificates_per_second),
	   messages: figure("verb"; $type; .messages_per_second),
	   status_questions: figure("verb"; $type; .status_questions_per_second)}],
rows: [
	row("enroll, P-256"; "/s"; $enroll; "cfssl, whole"; $gencert; $enroll_limit; {text: ">= 5x", ratio_least: 5};
	    [$enroll_does,
	     "cfssl, \($gencert | n_of): `cfssl serve` with its SQLite store, and `cfssl gencert -remote`, 4 at a time: a key and " +
	     "a request made, posted over plain HTTP, the proof of possession checked, certified, stored in one " +
	     "synced transaction each, written to a file that is not synced. The client does not check the " +
	     "certificate, and runs as a process a member, as the program has no other mode."]),
	row("enroll, P-256"; "/s"; $enroll; "cfssl, serving"; $cfssl; $enroll_limit; {text: ">= 5x", ratio_least: 5};
	    [$enroll_does,
	     "cfssl serve, \($cfssl | n_of): less than the same work: only the serving counts, to our disadvantage: " +
	     "a load generator in C posts ready requests in turn over 4 connections, plain HTTP, and discards the " +
	     "answers. cfssl checks the proof of possession and stores the certificates in SQLite, one synced " +
	     "transaction each. The figure leaves out keys, requests, encryption, and checking and saving " +
	     "certificates. In our favour: certpool sends up to 1,000 requests at once, for which cfssl has no call."]),
	row("enroll, P-256"; "/s"; $enroll; "openssl x2"; $openssl; $enroll_limit; {text: ">= 40x", ratio_least: 40};
	    [$enroll_does,
	     "openssl, \($openssl | n_of): `req -newkey` and `x509 -req`, two loops at once on one machine. Files, but no sync, " +
	     "no record, no network, no encryption, no check of the result; x509 checks the proof of possession. " +
	     "Most of the cost is two processes a member."]),
	row("enroll, P-256"; "/s"; $enroll; "certtool"; $certtool; $enroll_limit; {text: ">= 20x", ratio_least: 20};
	    [$enroll_does,
	     "certtool, \($certtool | n_of): --generate-privkey, --generate-request, --generate-certificate in a loop, on one core " +
	     "at a time. As for openssl; three processes a member."]),
	row("enroll, P-256"; "/s"; $enroll; "certtool x2"; $certtool_x2; $enroll_limit; {};
	    [$enroll_does, "certtool, \($certtool_x2 | n_of): the same, two loops at once."]),
	row("enroll, P-256"; "/s"; $enroll; "easy-rsa"; $easyrsa; $enroll_limit; {text: ">= 300x", ratio_least: 300};
	    [$enroll_does,
	     "easy-rsa, \($easyrsa | n_of) (a rate from few members): build-client-full, one at a time, as its " +
	     "index requires. It keeps an index and a copy of each certificate, not synced."]),
	row("enroll, P-256"; "/s"; $enroll; "-"; nothing; $enroll_limit; {text: ">= 60 %", share_least: 0.6};
	    [$enroll_does, $enroll_limit_does]),
	row("certify requests"; "/s"; $certify; "openssl ca"; $openssl_ca; $message_limit;
	    {text: ">= 2.5x", ratio_least: 2.5};
	    ["certpool, \($certify | n_of): `sign FOLDER`: reads every request, checks the proof of possession and the client's " +
	     "policy, certifies, records in SQLite and syncs, writes and syncs the certificates. All cores. " +
	     "Limit: cores / (signature + check).",
	     "openssl ca -batch -infiles, \($openssl_ca | n_of): one process, which can use only one core: the same " +
	     "files read and written, a text index instead of a database, nothing synced."]),
	row("messages of 1 KiB"; "/s"; $messages; "-"; nothing; $message_limit; {text: ">= 55 %", share_least: 0.55};
	    [$messages_does, "limit: cores / (signature + check) of Nettle alone."]),
	row("messages of 1 KiB"; "/s"; $messages; "openssl cms"; $cms; $message_limit; {text: ">= 80x", ratio_least: 80};
	    [$messages_does,
	     "openssl cms, \($cms | n_of): sign, encrypt (AES-256-GCM under a shared key), decrypt, verify; four processes a " +
	     "message in a loop, on one core at a time, files in between. No network, no answer, no protection " +
	     "against replays."]),
	row("messages of 1 KiB"; "/s"; $messages; "openssl cms x2"; $cms_x2; $message_limit; {};
	    [$messages_does, "openssl cms, \($cms_x2 | n_of): the same, two loops at once."]),
	row("OCSP, fresh signature"; "/s"; $fresh; "openssl ocsp"; $openssl_fresh; nothing; {text: ">= 1.4x", ratio_least: 1.4};
	    [$ocsp_does + " With a nonce, so every answer has a new signature; the status is read from SQLite. The " +
	     "answer contains the responder's certificate.",
	     "openssl ocsp -multi 2: the same requests from the same load generator, the same certificates, a " +
	     "text index held in memory. It speaks HTTP/1.0: one connection for each answer."]),
	row("OCSP, cached answer"; "/s"; $kept; "openssl ocsp"; $openssl_kept; $status_limit; {text: ">= 3x", ratio_least: 3};
	    [$ocsp_does + " Without a nonce: signed once, then cached. Limit: our HTTP server with an empty handler.",
	     "openssl ocsp -multi 2: as above; it signs every answer, nonce or not."]),
	row("status questions"; "/s"; $status; "-"; nothing; $status_limit; {};
	    ["certpool: POST /v1/status, 4 connections, encrypted questions, each sent once: decrypted, the " +
	     "certificate checked and looked up, answered under encryption. Limit: our HTTP server with an empty " +
	     "handler, under the same load generator on the same cores.", null]),
	row("status p99, busy"; "ms"; $busy; "itself, idle"; $idle; {}; {text: "< 50 ms", below: 50};
	    ["certpool: such questions from 1 connection without a pause, while `enroll` has a pool of " +
	     "\([$raw[] | select(.subject == "status-busy") | .pool][0] // 0 | thousands) certified; idle: when " +
	     "nothing else runs. Client, CA and load generator share the cores.", null]),
	memory("request"; .request_kb), memory("enroll"; .enroll_kb), memory("serve"; .serve_kb),
	($sizes[:-1][] | linear(.)),
	keys("ed25519"), keys("rsa-2048"),
	over_tls("status questions, TLS"; "tls-status"; "POST /v1/status, each question sent once"),
	over_tls("OCSP, cached, TLS"; "tls-ocsp"; "POST /ocsp without a nonce"),
	row("messages of 1 KiB, TLS"; "/s"; rate("tls-messages"; "tls"); "plain HTTP"; rate("tls-messages"; "plain"); nothing;
	    {text: ">= 0.6x", ratio_least: 0.6};
	    ["certpool: `send --count` to a receiver at an https endpoint.", "the same without TLS."]),
	row("TLS handshakes"; "/s"; rate("tls-handshakes"; "resumed"); "full"; rate("tls-handshakes"; "full"); nothing; {};
	    ["certpool: GET /root.crt, 4 at a time, a connection for each, resumed by the ticket of the one before.",
	     "the same with a full handshake, P-256: one signature and one key exchange at the CA; and at the load " +
	     "generator, on the same cores, the check of the certificate."]),
	single("EST, one by one"; "tls-est"; "POST simpleenroll, a request each time"),
	single("ACME, one by one"; "tls-acme"; "newOrder, finalize and certificate, three signed requests and ES256 each; the " +
	       "names are valid from policy, so that no authorization is asked for; an account for each connection, " +
	       "whose signatures the load generator makes from one secret number, as its own arithmetic is not the CA's"),
	memory_of_singles("EST"; "tls-est"), memory_of_singles("ACME"; "tls-acme"),
	in_postgresql("enroll, database"; "pg-enroll"; "postgresql"; "SQLite"; "sqlite"; {text: ">= 0.85x", ratio_least: 0.85};
	    ["certpool: as in row 1, with the record in PostgreSQL on the same cores and disk, synced.",
	     "the same with the record in a file."]),
	in_postgresql("enroll, standby"; "pg-enroll"; "standby"; "no standby"; "postgresql"; {};
	    ["certpool: as in row 1, in PostgreSQL with a synchronous standby, on the same cores and disk.",
	     "the same without a standby."]),
	in_postgresql("enroll, 2 front ends"; "pg-clients"; "two"; "one"; "one"; {};
	    ["certpool: `enroll` of four clients at once, two at each of two front ends of one record.",
	     "the same four at one front end."]),
	memory_in("memory, database"; "pg-enroll"; "postgresql"; "SQLite"; "sqlite";
	    "certpool serve: the peak resident memory of the process in the enrolment of row 1, with the record in PostgreSQL."),
	memory_in("memory, 2 front ends"; "pg-clients"; "two"; "one"; "one";
	    "the same with four clients at once, that of the front end that had more."),
	in_postgresql("one by one, database"; "pg-singles"; "postgresql"; "SQLite"; "sqlite"; {text: ">= 5,000/s", least: 5000};
	    ["the record alone, in PostgreSQL: eight threads, each of which records one certificate after the other, " +
	     "durably, with its line of the audit log; what waits at the same time is in one transaction.",
	     "the same with the record in a file."]),
	in_postgresql("OCSP fresh, database"; "pg-ocsp-fresh"; "postgresql"; "SQLite"; "sqlite"; {text: ">= 0.9x", ratio_least: 0.9};
	    [$ocsp_does + " With a nonce.", "the same with the record in a file."]),
	in_postgresql("OCSP cached, database"; "pg-ocsp-kept"; "postgresql"; "SQLite"; "sqlite"; {text: ">= 0.9x", ratio_least: 0.9};
	    [$ocsp_does + " Without a nonce.", "the same with the record in a file."]),
	(if any($raw[]; .subject == "failover")
	 then row("failover"; "s"; figure("failover"; "certpool"; .seconds); "-"; nothing; nothing; {text: "< 2 s", below: 2};
	     ["from the end of a standby's promotion, after kill -9 of the primary while eight clients enroll, to a CA " +
	      "that is well (`/health`): tests/world/t_failover.sh.", null])
	 else empty end),
	of_page("page, first"; "ms"; .first_ms; {text: "< 300 ms", below: 300};
	    "certpool, N = \(figure("page"; "large"; .n).median // 0 | thousands) in the record, a hundred of each client: GET " +
	    "of the operator's page (`ca.admin`), at once after the start of `serve`."),
	of_page("page, again"; "ms"; .again_ms; {text: "< 300 ms", below: 300}; "the same GET, once more."),
	of_page("page, as a file"; "ms"; .file_ms; {}; "certpool status --html: with a row for each client."),
	of_page("memory of serve, page"; "MB"; .serve_kb / 1024; {text: "< 64 MB", below: 64};
	    "certpool serve: the peak resident memory of the process, with these two pages."),
	growing("start, large"; "ms"; .start_ms; {text: " < 1 s", below: 1000};
	    "certpool serve: from its start until it listens; PostgreSQL, one of a hundred certificates is revoked."),
	growing("enroll 100, large"; "ms"; .enroll_ms; {}; "certpool enroll: a pool of 100, at that CA."),
	growing("list, large"; "ms"; .list_ms; {}; "certpool list --client: a client with 100 certificates."),
	growing("status, large"; "ms"; .status_ms; {}; "certpool verify --online: one question, the process's start included."),
	of_large("CRL, large"; .crl_ms; {}; "certpool crl --renew: one of a hundred certificates is on it, so it grows with N."),
	growing("CRL entry, large"; "us"; .crl_ms * 1000 / (.n / 100); {};
	    "the same, divided by the number of its entries."),
	(of_large("memory, large"; .serve_kb / 1024; {text: "< 64 MB", below: 64};
	     "certpool serve: the peak resident memory of the process.") | .unit = "MB"),
	(("limited_time", "rotating-batch", "per-relying-party")
	 | by_reuse(.; {text: ">= 0.97x", ratio_least: 0.97}; "")),
	by_reuse("once_only"; {};
		 ": each message by a member of its own, whose files are read once, and whose certificate goes along and is " +
		 "verified; members are marked as used, four at a time, synced")
],
figures: $raw}
