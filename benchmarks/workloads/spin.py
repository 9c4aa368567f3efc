"""Use all of a core, until ended."""

while True:
    pass
