"""The words: teams, agents and events, their states and legal moves, errors and ports.

Pure and standard library only, so that every other room may rest on it.
"""
