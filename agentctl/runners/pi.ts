// Tells agentctl what pi does: one JSON object a line, appended to $AGENTCTL_RUN/signals/$AGENTCTL_GENERATION.jsonl as
// {"kind": …, "payload": …}. Given to pi with -e for one launch; changes nothing, asks nothing, and fails without a word.
// Between tool calls it keeps the agent's pulse: pi awaits that.

import { closeSync, constants, openSync, writeSync } from "node:fs";
import { hold } from "./pulse.js";

const MOST_BYTES = 64 * 1024;
const LONGEST_TEXT = 48 * 1024;
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const run = process.env.AGENTCTL_RUN;
const generation = process.env.AGENTCTL_GENERATION;
const file = run && /^[1-9][0-9]*$/.test(generation ?? "") ? `${run}/signals/${generation}.jsonl` : "";

// Both ends of a text that is too long: a message is known by what stands there.
function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most / 2)}…${text.slice(-most / 2)}`;
}

function line(kind: string, payload: Record<string, string>, held: object, most: number): Buffer {
  const short = Object.fromEntries(Object.entries(payload).map(([key, text]) => [key, shortened(text, most)]));
  return Buffer.from(`${JSON.stringify({ kind, ...held, payload: short })}\n`);
}

function tell(kind: string, payload: Record<string, string>, held: object = {}): void {
  if (!file) return;
  try {
    let data = line(kind, payload, held, LONGEST_TEXT);
    for (let most = LONGEST_TEXT / 2; data.length > MOST_BYTES; most /= 2) data = line(kind, payload, held, most);
    const opened = openSync(file, FLAGS, 0o600);
    try {
      writeSync(opened, data);
    } finally {
      closeSync(opened);
    }
  } catch {
    // agentctl is not there, or gone: pi goes on
  }
}

function said(message: any): string {
  const content = message?.content;
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.filter((part) => part?.type === "text").map((part) => String(part.text ?? "")).join("");
}

function sessionOf(context: any): string {
  return String(context?.sessionManager?.getSessionId?.() ?? "");
}

export default function (pi: any): void {
  let answer: any;

  function on(event: string, kind: string, payload: (given: any) => Record<string, string> | undefined): void {
    pi.on(event, (given: any, context: any) => {
      try {
        const more = payload(given);
        if (more) tell(kind, { session: sessionOf(context), ...more });
      } catch {
        // an event of another version of pi
      }
    });
  }

  on("session_start", "start", (given) => ({ why: String(given?.reason ?? "") }));
  // Not `input`: what is typed while it works comes back into the composer when the turn is interrupted.
  on("message_start", "prompt", (given) => (given?.message?.role === "user" ? { text: said(given.message) } : undefined));
  on("agent_start", "busy", () => ({}));
  // A call is told of when it goes on. pi begins all calls of one answer together, when the last of them may.
  pi.on("tool_call", async (given: any, context: any) => {
    try {
      const isOver = () => context?.signal?.aborted === true;
      const held = await hold(isOver);
      if (!isOver()) tell("tool", { session: sessionOf(context), name: String(given?.toolName ?? "") }, held);
    } catch {
      // pi would take it for a no
    }
  });
  on("tool_execution_end", "tool-end", (given) => ({ name: String(given?.toolName ?? "") }));
  on("message_end", "answer", (given) => {
    if (given?.message?.role === "assistant") answer = given.message;
    return undefined;
  });
  pi.on("agent_settled", (_given: any, context: any) => {
    const session = sessionOf(context);
    const why = answer?.stopReason;
    if (why === "error") tell("error", { session, why: String(answer?.errorMessage ?? "") });
    else if (why === "aborted") tell("idle", { session });
    else tell("turn-end", { session, text: said(answer) });
  });
  on("session_shutdown", "end", (given) => ({ why: String(given?.reason ?? "") }));
}
