"""A process that grows the tree it is told to, says who is who on stdout, and then does nothing.

Told by argv[1]: a node {"name", "shape", "ignores", "children"} as JSON. Shapes: plain, nohup, setsid, daemon (double
fork and a session of its own), cleared (a daemon that has started another program with an empty environment); a root
may be a `subreaper`.
"""

import ctypes
import json
import os
import signal
import sys

PR_SET_CHILD_SUBREAPER = 36


def grow(node: dict) -> None:
    for child in node.get("children", []):
        if os.fork() == 0:
            become(child)
    while True:
        signal.pause()


def become(node: dict) -> None:
    shape = node.get("shape", "plain")
    if shape == "nohup":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if shape in ("setsid", "daemon", "cleared"):
        os.setsid()
    if shape in ("daemon", "cleared") and os.fork() != 0:
        os._exit(0)
    if shape == "subreaper":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in node.get("ignores", []):
        signal.signal(number, signal.SIG_IGN)
    if shape == "cleared":
        command = "import os, signal, sys; os.write(1, sys.argv[1].encode()); signal.pause()"
        line = f"{node['name']} {os.getpid()}\n"
        os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", command, line], {})
    os.write(1, f"{node['name']} {os.getpid()}\n".encode())
    grow(node)


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, lambda *_: reap())

    def reap() -> None:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass

    become(json.loads(sys.argv[1]))
