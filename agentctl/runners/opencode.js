// Tells agentctl what opencode does: one JSON line an event, appended to this launch's signal file.
//
// opencode loads it for one launch (OPENCODE_CONFIG_CONTENT of the runner's manifest); the user's own plugins stay. It
// is quiet outside agentctl, and nothing that goes wrong here reaches opencode.
//
// A conversation is a root session. What the sub-agents of a session do is work of that session: of theirs only the
// questions are told, under the root's id.

import { constants, closeSync, openSync, writeSync } from "node:fs"
import { hold } from "./pulse.js"

const ASKING_TOOL = "question" // it only asks, and that is told as such
const LINE_BYTES = 64 * 1024 // the most that a line of the signal file may have
const TEXT_CHARS = 10 * 1024 // six bytes a character at worst, so that a line always fits

const signalFile = () => {
  const { AGENTCTL_RUN: run, AGENTCTL_GENERATION: generation } = process.env
  return run && generation ? `${run}/signals/${generation}.jsonl` : undefined
}

// What a conversation's answers took: opencode keeps it in a database that is nobody else's to read.
const usageFile = (session) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(session) ? `${process.env.AGENTCTL_RUN}/usage-${session}.jsonl` : undefined

const append = (file, kind, payload, held) => {
  let line = JSON.stringify({ kind, ...held, payload }) + "\n"
  if (Buffer.byteLength(line) > LINE_BYTES) line = JSON.stringify({ kind, ...held, payload: null }) + "\n"
  write(file, line)
}

// One write a line: several writers append to the same file.
const write = (file, line) => {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  let fd
  try {
    fd = openSync(file, flags, 0o600)
    writeSync(fd, Buffer.from(line))
  } catch {
    // nobody reads any more: the agent works on
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

// Long texts lose their middle: a message's id stands at both of its ends.
const shorten = (text) =>
  text.length <= 2 * TEXT_CHARS ? text : `${text.slice(0, TEXT_CHARS)}\n[…]\n${text.slice(-TEXT_CHARS)}`

const texts = (parts) => parts.filter((p) => p.type === "text" && !p.synthetic && !p.ignored).map((p) => p.text)

const reason = (error) => {
  const said = error?.data?.message ?? error?.message ?? error?.name
  return shorten(typeof said === "string" ? said : "unknown")
}

export const AgentctlSignals = async () => {
  const file = signalFile()
  if (file === undefined) return {}

  const parents = new Map() // session of a sub-agent → the session that started it
  const status = new Map() // root session → what was told of it last
  const tools = new Set() // calls that were told and have not ended
  const answers = new Map() // root session → the last words of the model
  const counted = new Map() // answer → what was written down of it
  const broken = new Map() // root session → how its turn was broken off: its idle is no end of a turn
  const ends = new Map() // session → how many of its turns have ended
  let conversation

  const root = (session) => {
    const seen = new Set()
    while (parents.has(session) && !seen.has(session)) {
      seen.add(session)
      session = parents.get(session)
    }
    return session
  }
  const own = (session) => session !== undefined && !parents.has(session)
  const tell = (kind, session, more = {}, held = {}) => append(file, kind, { session_id: session, ...more }, held)

  const converse = (session) => {
    if (session === conversation) return
    conversation = session
    tell("conversation", session)
  }

  const turnEnds = (session) => {
    const { kind, ...more } = broken.get(session) ?? { kind: "session.idle", answer: shorten(answers.get(session) ?? "") }
    tell(kind, session, more)
    broken.delete(session)
    answers.delete(session)
  }

  const told = {
    "session.created": ({ info }) => {
      if (info.parentID) parents.set(info.id, info.parentID)
    },
    "session.deleted": ({ info }) => {
      parents.delete(info.id)
      ends.delete(info.id)
    },
    "session.status": ({ sessionID, status: now }) => {
      if (now.type === "idle") ends.set(sessionID, (ends.get(sessionID) ?? 0) + 1)
      if (!own(sessionID)) return
      if (now.type === "retry") {
        tell("session.retry", sessionID, { message: reason(now), attempt: now.attempt, next: now.next })
      } else if (status.get(sessionID) !== now.type) {
        if (now.type === "busy") tell("session.busy", sessionID)
        if (now.type === "idle") turnEnds(sessionID)
      }
      status.set(sessionID, now.type)
    },
    "session.error": ({ sessionID, error }) => {
      if (!own(sessionID)) return
      const kind = error?.name === "MessageAbortedError" ? "session.interrupted" : "session.error"
      broken.set(sessionID, { kind, name: error?.name ?? "", message: reason(error) })
    },
    "message.updated": ({ info }) => {
      if (info.role !== "assistant" || !info.time?.completed || !info.tokens) return
      const { id, modelID: model, cost, tokens } = info
      const file = usageFile(root(info.sessionID))
      const line = JSON.stringify({ id, model, cost, tokens }) + "\n"
      if (file === undefined || counted.get(id) === line) return // it is told of again when nothing has changed
      counted.set(id, line)
      write(file, line)
    },
    "message.part.updated": ({ part }) => {
      if (!own(part.sessionID)) return
      if (part.type === "text" && part.time?.end) answers.set(part.sessionID, part.text)
      if (part.type === "tool") toolEnds(part)
    },
    "permission.asked": ({ id, sessionID, permission, patterns }) =>
      tell("permission.asked", root(sessionID), { id, text: shorten([permission, ...(patterns ?? [])].join(" ")) }),
    "permission.replied": ({ requestID, sessionID, reply }) =>
      tell("permission.replied", root(sessionID), { id: requestID, reply }),
    "question.asked": ({ id, sessionID, questions }) =>
      tell("question.asked", root(sessionID), { id, text: shorten(questions?.[0]?.question ?? "") }),
    "question.replied": ({ requestID, sessionID }) => tell("question.replied", root(sessionID), { id: requestID }),
    "question.rejected": ({ requestID, sessionID }) => tell("question.rejected", root(sessionID), { id: requestID }),
  }

  const toolBegins = ({ sessionID, callID, tool }, held) => {
    if (!own(sessionID) || tool === ASKING_TOOL) {
      if (held.waited_ms !== undefined) tell("pulse", root(sessionID), {}, held) // a call, and nothing that it does
      return
    }
    tools.add(callID)
    tell("tool.begin", sessionID, { id: callID, tool }, held)
  }
  // A part tells of tools that failed or were refused too; the hook for the end of a tool does not.
  const toolEnds = ({ sessionID, callID, tool, state }) => {
    if (state.status !== "completed" && state.status !== "error") return
    if (tools.delete(callID)) tell("tool.end", sessionID, { id: callID, tool, status: state.status })
  }

  // opencode would run a tool whose turn was broken off while we held it.
  const toolWaits = async (call) => {
    const turns = ends.get(call?.sessionID)
    const isOver = () => ends.get(call?.sessionID) !== turns
    const held = await hold(isOver)
    if (isOver()) throw new Error("its turn was broken off before it began")
    safely(toolBegins)(call, held)
  }

  // Another release's event may have another shape: then the screen alone says what the agent does.
  const safely = (act) => async (...given) => {
    try {
      act(...given)
    } catch {
      // opencode works on
    }
  }

  return {
    event: safely(({ event }) => told[event.type]?.(event.properties)),
    "tool.execute.before": toolWaits, // comes before the question whether the tool may run
    "chat.message": safely(({ sessionID }, { message, parts }) => {
      if (!own(sessionID)) return
      converse(sessionID)
      broken.delete(sessionID)
      answers.delete(sessionID)
      tell("chat.message", sessionID, { id: message.id, text: shorten(texts(parts).join("\n")) })
    }),
  }
}
