"""hostile.py STARTS MARKER [CODE]: say what a terminal must never be told, then stay, or end with CODE."""

import os
import sys
import time
from pathlib import Path

ESC, BEL, ST = b"\x1b", b"\x07", b"\x1b\\"
TOUCH = b"touch " + os.fsencode(sys.argv[2])
SAID = [
    ESC + b"]52;c;ZXZpbA==" + BEL + b"osc52",
    ESC + b"]8;;http://evil.example/" + ST + b"link" + ESC + b"]8;;" + ST,
    ESC + b"]0;title #(" + TOUCH + b")" + BEL + ESC + b"k#(" + TOUCH + b")" + ST + b"titled",
    ESC + b"Ptmux;" + ESC + ESC + b"]52;c;ZXZpbA==" + BEL + ST + b"passthrough",
    b"\xc2\x9b31mc1 \xc2\x9d52;c;ZXZpbA==\xc2\x9c \x9b2J",
    "bidi \u202egnp.exe \u2066a\u2069 \u200bzero \ufeff".encode(),
    b"[/x] [bold red]markup[/] [link=http://evil.example]l[/link] #(" + TOUCH + b") $(" + TOUCH + b") `" + TOUCH + b"`",
    b"\xff\xfe\x80 not utf-8 \x00 nul",
    ESC + b"[2J" + ESC + b"[H" + ESC + b"c" + ESC + b"[?1049h" + b"cleared" + ESC + b"[?1049l",
    ESC + b"[5n" + ESC + b"[c" + ESC + b"]10;?" + BEL + b"asks",
    b"x" * 1_000_000,
    ESC + b"[31mred" + ESC + b"[0m last words #[fg=red]#{pane_id}",
]

with Path(sys.argv[1]).open("a") as file:
    file.write(f"{os.environ['AGENTCTL_AGENT']} {os.environ['AGENTCTL_GENERATION']} {os.getpid()}\n")
for line in SAID:
    sys.stdout.buffer.write(line + b"\r\n")
sys.stdout.buffer.write(b"\r\nup\r\n" + SAID[-1] + b"\r\n" + SAID[5] + b"\r\n" + SAID[6] + b"\r\n")
sys.stdout.buffer.flush()
if len(sys.argv) > 3:
    sys.exit(int(sys.argv[3]))
while True:
    time.sleep(1000)
