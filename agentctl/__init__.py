"""agentctl: teams of coding agents in tmux, held, watched and never lost."""

__version__ = "0.1.0"
