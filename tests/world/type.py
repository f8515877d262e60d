"""type.py KEYS EXPECTED COMMAND...: runs a shell in a terminal, types KEYS when it shows "READY> ", and waits until
EXPECTED appears. Prints what the terminal showed, and fails, when it does not within a minute."""

import os
import pty
import select
import sys
import time


def wait_for(terminal, text, shown, end):
    while text not in shown:
        if time.monotonic() > end or not select.select([terminal], [], [], end - time.monotonic())[0]:
            return None
        try:
            octets = os.read(terminal, 65536)
        except OSError:  # the shell has ended
            return None
        shown += octets
        sys.stdout.buffer.write(octets)
    return shown[shown.index(text) + len(text):]


keys, expected, command = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
shell, terminal = pty.fork()
if shell == 0:
    os.execvp(command[0], command)
end = time.monotonic() + 60
shown = wait_for(terminal, b"READY> ", b"", end)
if shown is not None:
    os.write(terminal, keys)
    shown = wait_for(terminal, expected, shown, end)
os.close(terminal)
os.kill(shell, 9)
os.waitpid(shell, 0)
sys.exit(0 if shown is not None else 1)
