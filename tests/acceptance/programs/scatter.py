"""scatter.py STARTS: leave processes in every way that is hard to find again, each noted as a start, and stay."""

import os
import sys
import time
from pathlib import Path

STARTS = sys.argv[1]
MARKS = os.environ["AGENTCTL_AGENT"], os.environ["AGENTCTL_GENERATION"]
SLEEP = ["/bin/sleep", "1000000"]


def note(name):
    with Path(STARTS).open("a") as file:
        file.write(f"{MARKS[0]}:{name} {MARKS[1]} {os.getpid()}\n")


def child(name, *steps, environ=os.environ):
    """Start a child that goes through *steps* and becomes a sleep."""
    if os.fork():
        return
    for step in steps:
        step()
    note(name)
    os.execve(SLEEP[0], SLEEP, dict(environ))


def fork_again():
    if os.fork():
        os._exit(0)


note("itself")
child("child")
child("session", os.setsid)
child("daemon", os.setsid, fork_again)
child("bare", environ={})
child("bare-daemon", os.setsid, fork_again, environ={})
sys.stdout.write("up\n")
sys.stdout.flush()
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(1000)
