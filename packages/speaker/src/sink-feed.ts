/** Hands changes to a sink in pieces: the next when it has taken the last. */
import type { Log } from "@heddle/std";

export interface SinkFeedOptions<Change> {
  /** For the log: what the sink takes. */
  readonly name: string;
  /** The next changes; none: nothing has changed. */
  take(): readonly Change[];
  apply(changes: readonly Change[]): Promise<void>;
  /** The sink has taken a piece. */
  taken(): void;
}

export class SinkFeed<Change> {
  readonly #options: SinkFeedOptions<Change>;
  readonly #log: Log;
  #turn: Promise<void> | undefined;

  constructor(options: SinkFeedOptions<Change>, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /** Hands over what there is; true when there is nothing, and nothing under way. */
  feed(): boolean {
    if (this.#turn !== undefined) return false;
    const { name, take, apply, taken } = this.#options;
    const changes = take();
    if (changes.length === 0) return true;
    this.#turn = apply(changes)
      .catch((error: unknown) => {
        this.#log.error(`cannot hand over ${name}`, { count: changes.length, error });
      })
      .finally(() => {
        this.#turn = undefined;
        taken();
      });
    return false;
  }

  /** Resolves when the sink is at rest. */
  async rest(): Promise<void> {
    await this.#turn;
  }
}
