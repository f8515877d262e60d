#!/usr/bin/env bash
# The progress bar on a terminal: it fits, also after the terminal's width has changed, and has a last word
# when the job is stopped.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

if ! command -v python3 >/dev/null; then
	skip 'progress on a terminal' 'no python3'
	exit 0
fi

# terminal.py COLUMNS DEED COMMAND…: runs the command on a terminal of that width, copies what it prints to
# standard output, and does the deed when there is a bar: nothing; "narrow": makes the terminal 40 columns
# wide; "interrupt": types Ctrl-C. The exit status is the command's, 128 and the number of its signal.
cat >terminal.py <<'END'
import fcntl, os, pty, select, signal, struct, sys, termios

columns, deed, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]

def set_width(descriptor, width):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

ready_read, ready_write = os.pipe()
pid, master = pty.fork()
if pid == 0:
    os.read(ready_read, 1)
    os.environ["TERM"] = "xterm"
    os.execvp(command[0], command)
set_width(master, columns)
os.write(ready_write, b"x")
seen = b""
while True:
    try:
        part = os.read(master, 65536)
    except OSError:
        break
    if not part:
        break
    seen += part
    os.write(1, part)
    if b" of " in seen and deed == "narrow":
        # It stands still meanwhile: what it has painted so far is wide, and all but the next is narrow.
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
        while select.select([master], [], [], 0)[0]:
            os.write(1, os.read(master, 65536))
        set_width(master, 40)
        os.kill(pid, signal.SIGCONT)
        os.write(1, b"\n--narrow--\n")
        deed = "nothing"
    if b" of " in seen and deed == "interrupt":
        os.write(master, b"\x03")
        deed = "nothing"
status = os.waitpid(pid, 0)[1]
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
END
on_terminal() { python3 terminal.py "$@"; }
# The states of the bar, one a line, as wide as they are on the screen.
painted() { tr '\r' '\n' <out | sed 's/\x1b\[K//g; s/\^C$//' | grep ' of '; }

# RSA keys take their time. One core makes them sixteen after sixteen, and says how far it is after each sixteen: on more
# cores all may be ready at the same moment.
manifest 40 3000 >manifest.yaml
sed -i 's/size: 40/size: 40, key: rsa-2048/' manifest.yaml
one_core=(taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')")
"$certpool" init -q >out

expect 0 'a wide terminal' on_terminal 100 nothing "$certpool" request client2
check 'shows a bar' grep -qE '^client2: requests \[#+\] 3,000 of 3,000$' <(painted)
check 'no wider than the terminal' test "$(painted | wc -L)" -lt 100

expect 130 'Ctrl-C' on_terminal 60 interrupt "${one_core[@]}" "$certpool" request client1
prints 'has a last word, with how far it came, below the bar' '^certpool request: client1: requests: stopped: [0-9]+ of 40 made: run it again to go on'
check 'the bar fits 60 columns' test "$(painted | grep -v certpool | wc -L)" -lt 60
made=$(count_files client1/CSR_file 'csr_key*.csr')
check 'some are made' test "$made" -gt 0 -a "$made" -lt 40
expect 0 'again, while the terminal becomes narrow' on_terminal 80 narrow "${one_core[@]}" "$certpool" request client1
prints 'goes on' "client1: made [0-9]+ keys and $((40 - made)) requests; $made members were complete"
check 'the bar fits 80 columns' test "$(painted | grep -v certpool | wc -L)" -lt 80
sed -i '1,/^--narrow--/d' out
check 'and 40 after that' test "$(painted | sed 1d | grep -v certpool | wc -L)" -lt 40
check 'when it is painted again' grep -q '40 of 40$' <(painted)

# Without a terminal there is no bar, but the same last word; --quiet has neither.
rm -r client1 client2
"$certpool" init -q >out
stopped_request() {
	"${one_core[@]}" "$certpool" request client1 "$@" >out 2>err &
	local job=$!
	# It has said how far it is before it begins with the second sixteen.
	until [ "$(count_files client1/CSR_file 'csr_key*.csr')" -gt 16 ] || ! kill -0 "$job" 2>/dev/null; do sleep 0.05; done
	kill "$job"
	wait "$job"
}
expect 143 'stopped by SIGTERM' stopped_request
says 'says how far it came' '^certpool request: client1: requests: stopped: [0-9]+ of 40 made: run it again to go on$'
equal 'and nothing else' 1 "$(wc -l <err)"
rm -r client1
"$certpool" init -q >out
expect 143 'stopped by SIGTERM with --quiet' stopped_request --quiet
equal 'says nothing' '' "$(cat err)"
