"""What of the caller's environment goes along with a deploy: a base set, and what the team's file names."""

from __future__ import annotations

from collections.abc import Mapping

from agentctl.domain.errors import SpecError
from agentctl.domain.team import TeamSpec

_BASE = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "SSH_AUTH_SOCK", "COLORTERM", "TMPDIR"}
)  # fmt: skip
_BASE_PREFIXES = ("LC_", "XDG_")


def environment_for(team: TeamSpec, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of *environ* that *team* may see; raises `SpecError` where a secret is not set."""
    named = {name for agent in team.agents for name in agent.env_pass}
    secrets = {s.reference or s.variable: s.name for a in team.agents for s in a.secrets if s.source == "env"}
    missing = sorted(f"{secret} (${variable})" for variable, secret in secrets.items() if variable not in environ)
    if missing:
        raise SpecError(
            f"{team.name}: secrets that are not set: {', '.join(missing)}", hint="set the variables and deploy again"
        )
    wanted = _BASE | named | secrets.keys()
    return {name: value for name, value in environ.items() if name in wanted or name.startswith(_BASE_PREFIXES)}
