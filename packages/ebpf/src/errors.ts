import { release } from "node:os";

export type EbpfErrorCode =
  | "bad-elf"
  | "bad-btf"
  | "layout-mismatch"
  | "load-failed"
  | "verifier-refused"
  | "unsupported-kernel"
  | "no-pin";

/** What this package refuses, and what the kernel refused of an object. */
export class EbpfError extends Error {
  override readonly name: string = "EbpfError";
  readonly code: EbpfErrorCode;

  constructor(code: EbpfErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An object, a pinned map and the generated accessors must agree on every layout. */
export class LayoutError extends EbpfError {
  override readonly name = "LayoutError";

  constructor(what: string, current: string, want: string) {
    super("layout-mismatch", `Cannot use ${what}: ${current}, want ${want}`);
  }
}

/**
 * The verifier refused a program. The message shows the line that says why; `log` is what came
 * before it too.
 */
export class VerifierError extends EbpfError {
  override readonly name = "VerifierError";
  readonly log: string;

  constructor(object: string, log: string, options?: ErrorOptions) {
    const { program, reason } = explainVerifierLog(log);
    super("verifier-refused", `Cannot load program ${program} of ${object}: ${reason}`, options);
    this.log = log;
  }
}

/** Lines of the verifier and of libbpf that follow the reason and explain nothing. */
const noise =
  /^(processed \d+ insns|verification time|stack depth|peak_states|--|libbpf:|mark_precise|\s*$)/;

/** The refused program and the last line that is no statistics. */
export function explainVerifierLog(log: string): { program: string; reason: string } {
  const lines = log.split("\n");
  const begin = lines.findLastIndex((line) => line.includes("BEGIN PROG LOAD LOG"));
  const end = lines.findLastIndex((line) => line.includes("END PROG LOAD LOG"));
  const body = lines.slice(begin + 1, end < 0 ? undefined : end);
  const reason = body.findLast((line) => !noise.test(line))?.trim();
  const program = /prog '([^']+)'/.exec(lines[begin] === undefined ? "" : lines[begin])?.[1];
  return {
    program: program === undefined ? "(unknown)" : program,
    reason: reason === undefined ? "the verifier gave no reason" : reason,
  };
}

/** The running kernel lacks a feature. */
export class UnsupportedKernelError extends EbpfError {
  override readonly name = "UnsupportedKernelError";
  readonly feature: string;
  /** `major.minor` */
  readonly minimum: string;

  constructor(feature: string, minimum: string, current: string) {
    super(
      "unsupported-kernel",
      `Cannot use ${feature}: kernel ${current}, want ${minimum} or later`,
    );
    this.feature = feature;
    this.minimum = minimum;
  }
}

/** True when a kernel release such as `6.1.0-32-amd64` is at least `major.minor`. */
export function isKernelAtLeast(minimum: string, current: string = release()): boolean {
  const [major, minor] = versionOf(current);
  const [wantMajor, wantMinor] = versionOf(minimum);
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}

function versionOf(text: string): [major: number, minor: number] {
  const match = /^(\d+)\.(\d+)/.exec(text);
  return match === null ? [0, 0] : [Number(match[1]), Number(match[2])];
}

/** @throws UnsupportedKernelError when the running kernel is older than `minimum` */
export function requireKernel(feature: string, minimum: string): void {
  if (!isKernelAtLeast(minimum)) throw new UnsupportedKernelError(feature, minimum, release());
}
