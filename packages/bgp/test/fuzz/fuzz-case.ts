/**
 * One case: messages of several peers to one speaker, checked message by message against the oracle
 * and in the end as a whole against a speaker that was told only what the oracle accepted.
 */
import { Draw } from "./draw.ts";
import { generateMessage } from "./generate.ts";
import { type Judgement, withdrawBody } from "./oracle.ts";
import { OracleStream } from "./oracle-stream.ts";
import { type FuzzPeer, oracleSessionOf, senders } from "./peers.ts";
import type { FuzzSession } from "./session.ts";
import { FuzzSpeaker } from "./speaker.ts";
import { fromHex, message, toHex } from "./wire.ts";

export interface FuzzStep {
  /** Index among the senders. */
  readonly sender: number;
  /** What it sends. */
  readonly hex: string;
}

export interface FuzzCase {
  /** For chunks and slow peers. */
  readonly seed: number;
  readonly steps: readonly FuzzStep[];
}

export interface FuzzCounts {
  messages: number;
  resets: number;
  withdrawals: number;
  comparisons: number;
  /** Lines of the longest snapshot that was compared. */
  linesMax: number;
}

export function newCounts(): FuzzCounts {
  return { messages: 0, resets: 0, withdrawals: 0, comparisons: 0, linesMax: 0 };
}

/** What the speaker did and should not have done. */
export class FuzzFailure extends Error {
  /** Index of the step at which it showed. */
  readonly step: number;

  constructor(step: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.step = step;
  }
}

export function generateCase(seed: number, stepCount: number): FuzzCase {
  const draw = new Draw(seed);
  const steps: FuzzStep[] = [];
  for (let i = 0; i < stepCount; i += 1) {
    const sender = draw.below(senders.length);
    const bytes = generateFor(senders[sender] as FuzzPeer, draw, seed % 4 === 0);
    steps.push({ sender, hex: toHex(bytes) });
  }
  return { seed, steps };
}

/**
 * Unless the case is a harsh one, most messages that would end the session are dropped: a table
 * grows only in a session that lasts.
 */
function generateFor(peer: FuzzPeer, draw: Draw, harsh: boolean): Uint8Array {
  for (;;) {
    const bytes = generateMessage(oracleSessionOf(peer), draw, harsh);
    const ends = newStream(peer)
      .push(bytes)
      .some(({ reset }) => reset === "must");
    if (!ends || draw.oneIn(harsh ? 2 : 8)) return bytes;
  }
}

/** What a sender's routes are, as the oracle has it; in the order in which they came. */
interface SenderModel {
  stream: OracleStream;
  /** Each as the builder of the UPDATE that announces it. */
  readonly routes: Map<string, () => Uint8Array>;
}

const updateType = 2;

class CaseRun {
  readonly #speaker = new FuzzSpeaker();
  readonly #draw: Draw;
  readonly #counts: FuzzCounts;
  readonly #models: SenderModel[];

  constructor(seed: number, counts: FuzzCounts) {
    this.#draw = new Draw(seed);
    this.#counts = counts;
    this.#models = senders.map((peer) => ({ stream: newStream(peer), routes: new Map() }));
  }

  step({ sender, hex }: FuzzStep): void {
    const model = this.#models[sender] as SenderModel;
    if (!this.#speaker.isUp(sender)) {
      model.stream = newStream(senders[sender] as FuzzPeer);
      model.routes.clear();
    }
    const session = this.#speaker.sessionOf(sender);
    const before = session.messageCount;
    const bytes = fromHex(hex);
    this.#pushInChunks(session, bytes);
    const judgements = model.stream.push(bytes);
    this.#check(session, session.messageCount - before, judgements);
    this.#counts.messages += 1;
    if (!session.isEstablished) {
      this.#counts.resets += 1;
      model.routes.clear();
      return;
    }
    for (const judgement of judgements) this.#apply(session, model, judgement);
    const isSlow = (): boolean => this.#draw.oneIn(6);
    if (this.#draw.oneIn(4)) this.#speaker.flush(1 + this.#draw.below(8), isSlow);
  }

  #pushInChunks(session: FuzzSession, bytes: Uint8Array): void {
    const cut = this.#draw.oneIn(4) ? this.#draw.below(bytes.length + 1) : bytes.length;
    session.push(bytes.slice(0, cut));
    if (cut < bytes.length) session.push(bytes.slice(cut));
  }

  /** The session ends where it has to, and nowhere else. */
  #check(session: FuzzSession, taken: number, judgements: readonly Judgement[]): void {
    const must = judgements.find(({ reset }) => reset === "must");
    if (session.isEstablished) {
      if (must !== undefined) throw new Error(`no reset for: ${must.why}`);
      if (taken !== judgements.length) {
        throw new Error(`${taken} messages taken, want ${judgements.length}`);
      }
    } else if (judgements.every(({ reset }) => reset === "no")) {
      throw new Error(`a reset that is not asked for: ${session.ending}`);
    }
  }

  #apply(session: FuzzSession, model: SenderModel, judgement: Judgement): void {
    for (const { route, outcome } of judgement.changes) {
      // Taken out first, so that the order is that of the last change.
      model.routes.delete(route.key);
      if (typeof outcome !== "string") model.routes.set(route.key, outcome);
      else if (outcome === "withdrawn") this.#counts.withdrawals += 1;
    }
    const unsettled = judgement.changes.filter(({ outcome }) => outcome === "unsettled");
    for (const { route } of unsettled) {
      const again = judgement.changes.findLast((change) => change.route.key === route.key);
      if (again?.outcome !== "unsettled") continue;
      const withdrawal = message(updateType, withdrawBody(route.family, route.withdrawal));
      session.push(withdrawal);
      model.stream.push(withdrawal);
    }
  }

  /** The speaker, and one that heard only what was right, hold and send the same. */
  compare(): void {
    this.#speaker.settle();
    const fresh = new FuzzSpeaker();
    for (const [sender, { routes }] of this.#models.entries()) {
      if (!this.#speaker.isUp(sender)) continue;
      const session = fresh.sessionOf(sender);
      for (const body of routes.values()) session.push(message(updateType, body()));
      if (!session.isEstablished) throw new Error(`clean messages are refused: ${session.ending}`);
    }
    fresh.settle();
    const found = this.#speaker.snapshot();
    const wanted = fresh.snapshot();
    this.#counts.comparisons += 1;
    this.#counts.linesMax = Math.max(this.#counts.linesMax, found.length);
    const difference = firstDifference(found, wanted);
    if (difference !== undefined) throw new Error(difference);
  }

  finish(): void {
    const left = this.#speaker.closeAll();
    if (left.length > 0) throw new Error(`left when all are gone: ${left[0]}`);
  }
}

function newStream(peer: FuzzPeer): OracleStream {
  return new OracleStream(oracleSessionOf(peer), !peer.isOld);
}

function firstDifference(found: readonly string[], wanted: readonly string[]): string | undefined {
  if (found.length === wanted.length && found.every((line, i) => line === wanted[i])) {
    return undefined;
  }
  const extra = found.filter((line) => !wanted.includes(line));
  const missing = wanted.filter((line) => !found.includes(line));
  return `tables differ:\n  found  ${extra[0]}\n  wanted ${missing[0]}`;
}

/** @throws FuzzFailure */
export function runCase({ seed, steps }: FuzzCase, counts: FuzzCounts = newCounts()): void {
  const run = new CaseRun(seed, counts);
  for (const [index, one] of steps.entries()) at(index, () => run.step(one));
  at(steps.length - 1, () => run.compare());
  at(steps.length - 1, () => run.finish());
}

function at(step: number, act: () => void): void {
  try {
    act();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new FuzzFailure(step, text, { cause: error });
  }
}

/** The shortest case found by leaving steps out, that still fails in some way. */
export function shrinkCase(failing: FuzzCase, step: number): FuzzCase {
  let best: FuzzCase = { ...failing, steps: failing.steps.slice(0, step + 1) };
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < best.steps.length; ) {
      const steps = [...best.steps.slice(0, from), ...best.steps.slice(from + size)];
      if (steps.length < best.steps.length && fails({ ...best, steps })) best = { ...best, steps };
      else from += size;
    }
  }
  return best;
}

function fails(one: FuzzCase): boolean {
  try {
    runCase(one);
    return false;
  } catch (error) {
    if (error instanceof FuzzFailure) return true;
    throw error;
  }
}
