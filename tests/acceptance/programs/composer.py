"""composer.py: stand in for a coding agent's composer; each submitted text goes as a JSON line to $COMPOSER_FILE.

Reads raw keys, knows bracketed paste, and takes a bare Enter for the end of a message.
"""

import json
import os
import sys
import tty
from pathlib import Path

START, END = b"\x1b[200~", b"\x1b[201~"

tty.setraw(0)
with Path(os.environ["COMPOSER_STARTS"]).open("a") as file:
    file.write(f"{os.environ['AGENTCTL_AGENT']} {os.environ['AGENTCTL_GENERATION']} {os.getpid()}\n")
sys.stdout.write("\x1b[?2004hcomposer is up\r\n")
sys.stdout.flush()
waiting, draft = b"", b""
while True:
    waiting += os.read(0, 65536)
    while waiting:
        if waiting.startswith(START):
            if END not in waiting:
                break
            pasted, _, waiting = waiting[len(START) :].partition(END)
            draft += pasted
        elif START.startswith(waiting[: len(START)]):
            break
        else:
            key, waiting = waiting[:1], waiting[1:]
            if key != b"\r":
                draft += key
                continue
            with Path(os.environ["COMPOSER_FILE"]).open("a") as file:
                file.write(json.dumps(draft.decode(errors="surrogateescape")) + "\n")
            draft = b""
