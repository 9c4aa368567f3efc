"""What can be asked of the supervisor: one file a family of verbs, one function a verb.

A handler records what is wanted and waits for the loop to bring it about; it never touches the machine itself, but for
reading screens.
"""
