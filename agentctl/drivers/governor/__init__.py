"""The governor: a process beside the supervisor that holds agents' process trees to their limits.

`process` is its face to the supervisor; everything else runs in the process itself. `loop` is the table of contents:
orders come in, a `rein` a tree decides by its `bucket` when the tree may run, a level (`levels`) makes it so, a
`watchman` looks at memory, and once a second a round goes out. `guardian` outlives it all and lets everything run.

Only `process` imports asyncio: the governor stays small, and cleaning up in an emergency goes through `guardian`.
"""
