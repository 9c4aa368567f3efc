"""The machine's processes: who they are, whose they are, what they use, and how they are told.

A pid is never trusted alone: it is reused. An identity is (boot, pid, start), and every signal goes to an identity.
Only this package knows `/proc` and psutil; neither asyncio nor psutil is imported before it is needed, because cleaning
up in an emergency rests on it.
"""

from agentctl.drivers.processes.system import SystemProcesses

__all__ = ["SystemProcesses"]
