"""tmux: the only room that knows it.

`terminal` is the driver; `control` and `batch` are its two ways to speak to a server; `attach`, `marks` and `version`
are synchronous and light, for commands that must start fast or work when nothing else does.
"""
