/** Runs a program to its end: argument arrays only, bounded output, a time limit. */
import { execFile } from "node:child_process";
import { LabError } from "../errors.ts";

export interface CommandOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  /** This process's when absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** Answers failures of the program itself instead of throwing them. */
  readonly allowFailure?: boolean;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const outputBytesMax = 8 * 1024 * 1024;

/** @throws LabError `command` when it fails, is killed, or prints more than 8 MiB */
export function runCommand(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [program, ...rest] = argv as [string, ...string[]];
  const { timeoutMs = 30_000, allowFailure = false, env = process.env } = options;
  return new Promise((resolve, reject) => {
    const settings = {
      env,
      timeout: timeoutMs,
      maxBuffer: outputBytesMax,
      killSignal: "SIGKILL",
    } as const;
    const child = execFile(program, rest, settings, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : error.code;
      if (typeof exitCode === "number" && (exitCode === 0 || allowFailure)) {
        resolve({ exitCode, stdout, stderr });
      } else {
        reject(commandError(argv, stderr, error));
      }
    });
    child.stdin?.on("error", () => undefined); // The exit status tells why nobody read it.
    child.stdin?.end(options.input);
  });
}

function commandError(
  argv: readonly string[],
  stderr: string,
  cause: (Error & { code?: unknown; killed?: boolean }) | null,
): LabError {
  const lines = stderr.trim().split("\n");
  const why = cause?.killed === true ? "no end within its time limit" : lines.slice(-3).join("; ");
  const shown = why === "" ? `exit ${cause?.code}` : why;
  const options = cause === null ? {} : { cause };
  return new LabError("command", `Cannot run ${argv.join(" ").slice(0, 200)}: ${shown}`, options);
}
