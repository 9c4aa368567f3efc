"""Agents' signals: one JSON line each, appended by a hook to `<generation>.jsonl` in the agent's own signal folder.

    <run>/agents/<team>/<agent>/signals/3.jsonl      {"kind": "turn-ended", "prompt": "7f3a"}

Everything in those folders is the agent's to write, so it is hostile: no link is followed, no line is taken for more
than it is, and what is malformed is itself a signal.
"""

from agentctl.drivers.signals.folder import SignalReader, prepare_folder, signal_folder
from agentctl.drivers.signals.lines import MALFORMED, Signal
from agentctl.drivers.signals.watch import watch

__all__ = ["MALFORMED", "Signal", "SignalReader", "prepare_folder", "signal_folder", "watch"]
