"""The shell worker: runs each message as a command in its pane and reports its exact exit code.

A program of its own, below the shim; the standard library and little of that, so that it starts fast and stays small.
"""
