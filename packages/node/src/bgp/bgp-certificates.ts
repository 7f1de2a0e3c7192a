/**
 * The node's certificate for BGP inside TLS, from files that somebody else renews: they are read
 * again now and then, whatever replaced them, and a pair that does not fit together (one file is
 * new already, the other is not) leaves the one before in force. Never logged.
 */
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { TlsConfig } from "@heddle/speaker";
import type { Clock, Timer } from "@heddle/std";

/** Paths of PEM files. */
export interface BgpTlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** Who signs the certificates of peers. */
  readonly authorities: string;
}

/** What is in force, and what is wrong with the files now. */
export interface KnownCertificates {
  readonly tls?: TlsConfig;
  readonly tlsProblem?: string;
}

export interface BgpCertificatesOptions {
  /** Undefined: the node has no certificate for BGP. */
  readonly files: BgpTlsFiles | undefined;
  readonly clock: Clock;
  /** Called when a later reading gave something else than the one before. */
  readonly changed: () => void;
  readonly readEveryMs?: number;
}

const defaultReadEveryMs = 10_000;

export class BgpCertificates implements Disposable {
  readonly #options: BgpCertificatesOptions;
  #known: KnownCertificates = {};
  #isRead = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: BgpCertificatesOptions) {
    this.#options = options;
  }

  /** Does not reject for files that cannot be read or are no certificates. */
  async load(): Promise<KnownCertificates> {
    const { files } = this.#options;
    if (files === undefined) {
      return { tlsProblem: "the agent was given no certificate for BGP, want --bgp-tls-dir" };
    }
    if (!this.#isRead) {
      await this.#read(files);
      this.#isRead = true;
      this.#readLater(files);
    }
    return this.#known;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** True when something is not as it was. */
  async #read(files: BgpTlsFiles): Promise<boolean> {
    const before = this.#known;
    this.#known = await knownFrom(files, before.tls);
    return !isSame(before, this.#known);
  }

  #readLater(files: BgpTlsFiles): void {
    if (this.#closed) return;
    const { clock, readEveryMs = defaultReadEveryMs } = this.#options;
    this.#timer = clock.after(readEveryMs, () => void this.#readAgain(files));
  }

  async #readAgain(files: BgpTlsFiles): Promise<void> {
    const isChanged = await this.#read(files);
    this.#readLater(files);
    if (isChanged && !this.#closed) this.#options.changed();
  }
}

async function knownFrom(
  { certificate, key, authorities }: BgpTlsFiles,
  before: TlsConfig | undefined,
): Promise<KnownCertificates> {
  try {
    const tls: TlsConfig = {
      certificate: await readFile(certificate, "utf8"),
      key: await readFile(key, "utf8"),
      authorities: await readFile(authorities, "utf8"),
    };
    // Throws for texts that are no PEM, and for a key of another certificate.
    createSecureContext({ cert: tls.certificate, key: tls.key, ca: tls.authorities });
    return { tls };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const tlsProblem = `Cannot use ${certificate} for BGP: ${why}`;
    return { tlsProblem, ...(before === undefined ? {} : { tls: before }) };
  }
}

function isSame(a: KnownCertificates, b: KnownCertificates): boolean {
  return (
    a.tlsProblem === b.tlsProblem &&
    a.tls?.certificate === b.tls?.certificate &&
    a.tls?.key === b.tls?.key &&
    a.tls?.authorities === b.tls?.authorities
  );
}
