"""What happened: the append-only log behind the port `EventLog`, and the only SQL of the program."""
