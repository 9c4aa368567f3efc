"""tell.py STARTS FILE [WORD...]: note the start, write down exactly what arrived, say `up`, stay."""

import json
import os
import sys
import time
from pathlib import Path

with Path(sys.argv[1]).open("a") as file:
    file.write(f"{os.environ['AGENTCTL_AGENT']} {os.environ['AGENTCTL_GENERATION']} {os.getpid()}\n")
told = {"argv": sys.argv[3:], "cwd": str(Path.cwd()), "env": dict(os.environ)}
with Path(sys.argv[2] + ".new").open("w") as file:
    json.dump(told, file)
Path(sys.argv[2] + ".new").replace(sys.argv[2])
sys.stdout.write("up\n")
sys.stdout.flush()
while True:
    time.sleep(1000)
