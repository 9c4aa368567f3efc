"""stubborn.py STARTS: note the start, ignore every signal that can be ignored, say `up`, stay."""

import os
import signal
import sys
import time
from pathlib import Path

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
    signal.signal(number, signal.SIG_IGN)
with Path(sys.argv[1]).open("a") as file:
    file.write(f"{os.environ['AGENTCTL_AGENT']} {os.environ['AGENTCTL_GENERATION']} {os.getpid()}\n")
sys.stdout.write("up\n")
sys.stdout.flush()
while True:
    time.sleep(1000)
