"""burst FILE BUSY IDLE: work for BUSY seconds of CPU, rest for IDLE seconds, again and again.

A line is when the work began by the monotonic clock, and how many seconds went by until it was done.
"""

import os
import sys
import time

file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
busy, idle = float(sys.argv[2]), float(sys.argv[3])
while True:
    begun, done = time.monotonic(), time.process_time() + busy
    while time.process_time() < done:
        pass
    os.write(file, f"{begun:.6f} {time.monotonic() - begun:.6f}\n".encode())
    time.sleep(idle)
