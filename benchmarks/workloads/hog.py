"""hog RATE [MOST]: take RATE MiB of memory a second and touch it, in steps of 10 ms, up to MOST MiB."""

import sys
import time

rate = float(sys.argv[1])
most = float(sys.argv[2]) if len(sys.argv) > 2 else float("inf")
held, begun = [], time.monotonic()
while True:
    wanted = min(most, rate * (time.monotonic() - begun))
    while len(held) + 1 <= wanted:
        held.append(b"x" * 2**20)
    time.sleep(0.010)
