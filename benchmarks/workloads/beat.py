"""beat FILE: wake every 5 ms as a program does that answers a person, and write down when a wake came late.

A line is the moment by the monotonic clock and the seconds since the wake before it.
"""

import os
import sys
import time

file = os.open(sys.argv[-1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
before = time.monotonic()
while True:
    time.sleep(0.005)
    at = time.monotonic()
    if at - before > 0.010:
        os.write(file, f"{at:.6f} {at - before:.6f}\n".encode())
    before = at
