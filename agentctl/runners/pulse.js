// Keeps the agent's pulse between the tool calls of the program that loads this: each goes on at least that long after
// the one before. What `hook.sh --pulse` does for programs that start a hook a call.
//
// The pulse stands in a name in $AGENTCTL_RUN/pulse and may change at any time; without it no call waits.

import { readdirSync } from "node:fs"
import { performance } from "node:perf_hooks"

const MOST_MS = 25_000 // that a call is held at most, as in hook.sh
const LOOK_MS = 100 // how soon a call is let go of whose turn was broken off
const GAP = /^gap\.(0|[1-9]\d{0,5})$/

let last // when the call before went on
let turn = Promise.resolve() // of the calls that wait: one after the other

const gap = () => {
  try {
    const found = readdirSync(`${process.env.AGENTCTL_RUN}/pulse`).map((name) => GAP.exec(name)).find(Boolean)
    return found && Number(found[1])
  } catch {
    return undefined
  }
}

const wait = async (begun, isOver) => {
  const pulse = gap()
  if (pulse === undefined) return {}
  const until = last === undefined ? begun : Math.min(last + pulse, begun + MOST_MS)
  for (let left = until - performance.now(); left > 0; left = until - performance.now()) {
    if (isOver()) return {}
    await new Promise((wake) => setTimeout(wake, Math.min(Math.ceil(left), LOOK_MS)))
  }
  const now = performance.now()
  const since_ms = last === undefined ? null : Math.floor(now - last)
  last = now
  return { waited_ms: Math.floor(now - begun), since_ms }
}

// Holds a call until it may go on, and resolves to what a signal is to say of that beside its kind and payload. Stops
// waiting when `isOver` says that the call is not wanted any more. Never rejects.
export const hold = (isOver = () => false) => {
  const begun = performance.now()
  const mine = turn.then(() => wait(begun, isOver)).catch(() => ({}))
  turn = mine
  return mine
}
