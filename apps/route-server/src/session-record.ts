/**
 * Which peers have sessions, on disk beside the socket, so that a process that comes after this one
 * knows whom to wait for before it tells anybody that its table is complete (RFC 4724 4.1): peers
 * by range are nobody before they connect, and an agent that is told too early forgets the routes
 * of those that are not back yet. The file is gone after a reboot, as what peers keep of us is.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { formatIp, type Ip, ParseError, parseIp } from "@heddle/inet";
import type { Speaker } from "@heddle/speaker";
import type { Clock, Log, Timer } from "@heddle/std";

/** What came or went within this time is one write. */
const writeAfterMs = 1000;
/** More than any process has sessions. */
const addressCountMax = 100_000;

/** The addresses that the process before this one recorded; undefined when there was none. */
export function readSessionRecord(file: string, log: Log): Ip[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  try {
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.slice(0, addressCountMax).map((line) => parseIp(line));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    log.warn("the record of sessions before the restart is not to be read", { file, error });
    return [];
  }
}

export interface SessionRecordOptions {
  readonly file: string;
  readonly speaker: Pick<Speaker, "observe" | "sessions">;
  /** Those that are waited for: they stay in the record for `formerMs`, back or not. */
  readonly former: readonly Ip[];
  readonly formerMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class SessionRecord implements Disposable {
  readonly #options: SessionRecordOptions;
  readonly #observed: Disposable;
  #former: readonly Ip[];
  #written = "";
  #write: Timer | undefined;
  readonly #forget: Timer;

  /** @throws the error of open(2) or write(2) */
  constructor(options: SessionRecordOptions) {
    const { speaker, clock, former, formerMs } = options;
    this.#options = options;
    this.#former = former;
    this.#save();
    const later = (): void => this.#later();
    this.#observed = speaker.observe({ established: later, ended: later });
    this.#forget = clock.after(formerMs, () => {
      this.#former = [];
      this.#later();
    });
  }

  /** To be called before the speaker stops: sessions that end with the process stay in the file. */
  [Symbol.dispose](): void {
    this.#observed[Symbol.dispose]();
    this.#forget.cancel();
    if (this.#write === undefined) return;
    this.#write.cancel();
    this.#trySave();
  }

  #later(): void {
    this.#write ??= this.#options.clock.after(writeAfterMs, () => {
      this.#write = undefined;
      this.#trySave();
    });
  }

  #trySave(): void {
    try {
      this.#save();
    } catch (error) {
      this.#options.log.error("cannot record which peers have sessions", { error });
    }
  }

  #save(): void {
    const { file, speaker } = this.#options;
    const addresses = new Set(this.#former);
    for (const { peer } of speaker.sessions) addresses.add(peer.address);
    const text = [...addresses].map((address) => `${formatIp(address)}\n`).join("");
    if (text === this.#written && text !== "") return;
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    this.#written = text;
  }
}
