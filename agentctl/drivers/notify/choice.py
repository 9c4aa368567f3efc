"""Which ways there are to reach a person, as the settings say."""

from __future__ import annotations

import os
from collections.abc import Mapping

from agentctl.domain.ports import Clock, Notifier, Terminal
from agentctl.drivers.notify.bell import Bell
from agentctl.drivers.notify.desktop import Desktop
from agentctl.drivers.notify.webhook import Webhook

_OFF = ("false", "0", "no", "off")


def ways(terminal: Terminal, clock: Clock, environ: Mapping[str, str] = os.environ) -> dict[str, Notifier]:
    """Return the ways that are switched on, by name; a webhook is one that has an address.

    An address may be the name of a variable in `${…}`: it is looked up here, in the supervisor's own environment.
    """
    found: dict[str, Notifier] = {}
    if environ.get("AGENTCTL_NOTIFY_BELL", "").lower() not in _OFF:
        found["bell"] = Bell(terminal)
    if environ.get("AGENTCTL_NOTIFY_DESKTOP", "").lower() not in _OFF:
        found["desktop"] = Desktop(
            terminal, {n: value for n, value in environ.items() if not n.startswith("AGENTCTL_")}
        )
    webhook, slack = (environ.get(f"AGENTCTL_NOTIFY_{name}", "") for name in ("WEBHOOK", "SLACK"))
    if webhook:
        found["webhook"] = Webhook(_address(webhook, environ), "json", sleep=clock.sleep)
    if slack:
        found["slack"] = Webhook(_address(slack, environ), "slack", sleep=clock.sleep)
    return found


def _address(text: str, environ: Mapping[str, str]) -> str:
    named = text.startswith("${") and text.endswith("}")
    return environ.get(text[2:-1], "") if named else text
