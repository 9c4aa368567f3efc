"""How the person wants to be told, as the settings hand it over: variables of the supervisor's environment."""

from __future__ import annotations

from collections.abc import Mapping

from agentctl.domain.errors import UsageError
from agentctl.domain.notice import WAYS, Notice, named
from agentctl.domain.quiet import parse_quiet
from agentctl.domain.units import parse_duration
from agentctl.engine.attention import COOLDOWN, DWELL, Habits

ON = "waiting,error,budget"


def habits_of(environ: Mapping[str, str]) -> Habits:
    """Return the habits that *environ* asks for; raises `UsageError` for what cannot be read.

    Whoever starts the supervisor has checked them; a person may have set them by hand.
    """
    on, quiet = environ.get("AGENTCTL_NOTIFY_ON") or ON, environ.get("AGENTCTL_NOTIFY_QUIET", "none") or "none"
    dwell, cooldown = environ.get("AGENTCTL_NOTIFY_DWELL", ""), environ.get("AGENTCTL_NOTIFY_COOLDOWN", "")
    try:
        return Habits(
            (Notice(named(on.split(",")), WAYS),),
            parse_duration(dwell) if dwell else DWELL,
            parse_duration(cooldown) if cooldown else COOLDOWN,
            None if quiet == "none" else parse_quiet(quiet),
        )
    except ValueError as error:
        raise UsageError(f"a setting of notify cannot be read: {error}", hint="agentctl config show") from None
