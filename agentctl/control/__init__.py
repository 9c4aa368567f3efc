"""How anyone speaks to the supervisor: where it lives, what can be asked, and how it goes over the wire.

Standard library only and quick to import: agents and hooks come through here all day.
"""
