"""How the machine is touched: tmux, processes and time, and the in-memory fakes that behave the same."""
