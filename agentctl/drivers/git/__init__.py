"""git: the only room that knows it. Makes checkpoints of work trees and leaves everything of the user's as it is.

Agents may write `.git/config`, hooks and attributes, and git obeys those: it runs programs that they name. So git never
works in the user's git directory here. It works in a `shadow`: a git directory of ours with a configuration of ours,
over the user's work tree, whose `refs` are a link to the user's. `place` finds a repository without git, `shadow` makes
that directory, `desk` holds what one agent's checkpoints are made from, `stage` fills an index, `sieve` says what stays
out, `patch` reads what changed, `reference` moves `refs/agentctl/<team>/<agent>`, `revision` reads checkpoints,
`extract` and `restore` give their files back, and `checkpoints` is the driver.
"""
