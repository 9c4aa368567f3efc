"""Answer each line that is typed, as a program does that a person talks to."""

import sys

print("ready", flush=True)
for line in sys.stdin:
    print(f"answer {line.strip()}.", flush=True)
