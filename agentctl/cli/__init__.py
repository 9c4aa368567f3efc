"""The command line: parse, ask, print. One file a command, all of them in the table of `app.py`.

Nothing here decides anything about agents: that is the supervisor's, reached through `control`.
"""
