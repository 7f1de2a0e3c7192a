/**
 * A recorded session: JSON lines with everything that its state machine took, with its times and
 * the octets of its messages. As the machine is pure, the recording gives every state and effect
 * again.
 *
 * The first line names format and version. A `session` line tells where a machine stood when the
 * recording began to hear of it; `event` lines follow in order. `full` ends a recording that reached
 * its limit. Octet strings are written as `{"hex": "..."}`.
 */
import { BgpError } from "../errors.ts";
import type { SessionEffect } from "./effects.ts";
import { type SessionEvent, type SessionEventKind, sessionEventKinds } from "./events.ts";
import { type SessionState, type SessionStateKind, sessionStateKinds } from "./state.ts";
import { step } from "./step.ts";
import type { SessionOptions } from "./table.ts";

const format = "heddle-bgp-recording";
const version = 1;
/** A message of 65535 octets in hexadecimal, and what is around it. */
const lineLengthMax = 256 * 1024;

export type SessionRecord =
  | { readonly kind: "start"; readonly peer: string; readonly startedAtWallMs: number }
  | {
      readonly kind: "session";
      readonly session: number;
      readonly side: string;
      readonly state: SessionState;
      readonly options: SessionOptions;
    }
  | {
      readonly kind: "event";
      readonly session: number;
      /** Since the recording began. */
      readonly atMs: number;
      readonly event: SessionEvent;
      /** Body of the message that made the event; borrowed. */
      readonly message?: Uint8Array;
    }
  | { readonly kind: "full" };

/** One step of a replayed machine. */
export interface ReplayedStep {
  readonly session: number;
  readonly atMs: number;
  readonly event: SessionEvent;
  readonly before: SessionStateKind;
  readonly after: SessionStateKind;
  readonly effects: readonly SessionEffect[];
}

/** One line, with its line feed. */
export function formatRecord(record: SessionRecord): string {
  const fields = record.kind === "start" ? { format, version, ...record } : record;
  const text = JSON.stringify(fields, (_key, value: unknown) =>
    value instanceof Uint8Array ? { hex: value.toHex() } : value,
  );
  return `${text}\n`;
}

/** @throws BgpError `decode` for a line that no version 1 recording has */
export function parseRecord(line: string): SessionRecord {
  if (line.length > lineLengthMax) throw malformed(`a line of ${line.length} characters`);
  const value = parseJson(line);
  if (!isObject(value)) throw malformed("a line that is no object");
  if (value["kind"] === "start") {
    const named = `${String(value["format"])} version ${String(value["version"])}`;
    if (named !== `${format} version ${version}`) throw malformed(named);
  }
  if (!isRecord(value)) throw malformed(`a line of kind ${String(value["kind"])}`);
  return value;
}

/**
 * Runs the recorded machines again: what each did, and had its runner do, in the recorded order.
 * @throws BgpError `decode` when the lines are no recording
 */
export function* replay(lines: Iterable<string>): Generator<ReplayedStep> {
  const machines = new Map<number, { state: SessionState; options: SessionOptions }>();
  let started = false;
  for (const line of lines) {
    if (line.trim() === "") continue;
    const record = parseRecord(line);
    if (!started && record.kind !== "start") throw malformed("no first line");
    started = true;
    if (record.kind === "session") {
      machines.set(record.session, { state: record.state, options: record.options });
    } else if (record.kind === "event") {
      const machine = machines.get(record.session);
      if (machine === undefined) throw malformed(`session ${record.session} unannounced`);
      const { session, atMs, event } = record;
      const before = machine.state.kind;
      const { state, effects } = step(machine.state, event, machine.options);
      machine.state = state;
      yield { session, atMs, event, before, after: state.kind, effects };
    }
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line, (_key, value: unknown) => {
      const isBytes = isObject(value) && typeof value["hex"] === "string";
      return isBytes ? Uint8Array.fromHex(String(value["hex"])) : value;
    });
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new BgpError("decode", "Cannot read recording: a line that is not JSON", { cause });
  }
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isRecord(value: unknown): value is SessionRecord {
  if (!isObject(value)) return false;
  const isOfSession = Number.isInteger(value["session"]);
  switch (value["kind"]) {
    case "start":
      return typeof value["peer"] === "string" && typeof value["startedAtWallMs"] === "number";
    case "session":
      return isOfSession && isState(value["state"]) && isOptions(value["options"]);
    case "event":
      return isOfSession && typeof value["atMs"] === "number" && isEvent(value["event"]);
    default:
      return value["kind"] === "full";
  }
}

function isState(value: unknown): value is SessionState {
  if (!isObject(value)) return false;
  const kind = sessionStateKinds.find((known) => known === value["kind"]);
  if (kind === "Established") return isNegotiated(value["negotiated"]);
  if (kind !== "OpenConfirm") return kind !== undefined;
  return isNegotiated(value["negotiated"]) && typeof value["bfd"] === "string";
}

function isOptions(value: unknown): value is SessionOptions {
  if (!isObject(value)) return false;
  return typeof value["passive"] === "boolean" && typeof value["delayOpen"] === "boolean";
}

/** What events carry beside their kind. */
const fieldChecks: Partial<Record<SessionEventKind, (fields: Fields) => boolean>> = {
  ManualStop: (f) => isCause(f["cause"]) && typeof f["silent"] === "boolean",
  AutomaticStop: (f) => isCause(f["cause"]),
  TcpConnectionFails: (f) =>
    typeof f["message"] === "string" &&
    (f["delaysOpen"] === undefined || typeof f["delaysOpen"] === "boolean"),
  BGPOpen: isOpened,
  BGPOpen_with_DelayOpenTimer_running: isOpened,
  BGPHeaderErr: isFault,
  BGPOpenMsgErr: isFault,
  UpdateMsgErr: isFault,
  RouteRefreshMsgErr: isFault,
  NotifMsg: (f) => isCause(f["cause"]),
  NotifMsgVerErr: (f) => isCause(f["cause"]),
};

function isEvent(value: unknown): value is SessionEvent {
  if (!isObject(value)) return false;
  const kind = sessionEventKinds.find((known) => known === value["kind"]);
  if (kind === undefined) return false;
  const fieldsAreRight = fieldChecks[kind];
  return fieldsAreRight === undefined || fieldsAreRight(value);
}

function isOpened(fields: Fields): boolean {
  return isNegotiated(fields["negotiated"]) && typeof fields["awaitsBfd"] === "boolean";
}

function isFault(fields: Fields): boolean {
  return isCause(fields["cause"]) && typeof fields["message"] === "string";
}

function isCause(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { code, subcode, data } = value;
  return Number.isInteger(code) && Number.isInteger(subcode) && data instanceof Uint8Array;
}

/** The parts that the machine looks at. */
function isNegotiated(value: unknown): boolean {
  if (!isObject(value)) return false;
  const graceful = value["peerGracefulRestart"];
  const isGraceful =
    graceful === undefined || (isObject(graceful) && Array.isArray(graceful["families"]));
  return typeof value["holdTimeMs"] === "number" && Array.isArray(value["families"]) && isGraceful;
}

function malformed(what: string): BgpError {
  return new BgpError(
    "decode",
    `Cannot read recording: ${what}, want ${format} version ${version}`,
  );
}
