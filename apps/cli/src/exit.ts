/** Exit codes that mean something; `heddle --help` lists them. */
export const exitCodes = {
  ok: 0,
  /** The command worked and what it checked is not as it should be. */
  verdictFailed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** What the command talks to cannot be reached, or refused. */
  unavailable: 3,
} as const;

/** A failure that ends the command with one line on stderr and that exit code. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.unavailable, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.exitCode = exitCode;
  }
}
