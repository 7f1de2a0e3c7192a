import { loadAddon, type Result } from "./binding.ts";

interface ErrnoBinding {
  errnoName(errno: number): ErrnoName;
  errnoText(errno: number): string;
}

const native = loadAddon<ErrnoBinding>();

/**
 * The name of an error number as in errno(3): `ENOENT`. Numbers without a name are `E` and the
 * number.
 */
export type ErrnoName = `E${string}`;

/** The name of a positive error number. */
export function errnoName(errno: number): ErrnoName {
  return native.errnoName(errno);
}

/** The C library's sentence for a positive error number, in English. */
export function errnoText(errno: number): string {
  return native.errnoText(errno);
}

/** What the kernel refused. Message: `Cannot <verb> <what>: <text> (<code> from <syscall>)`. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly code: ErrnoName;
  readonly errno: number;
  readonly syscall: string;

  /**
   * `errno` is positive; `doing` continues "Cannot", for example `open network namespace
   * /run/netns/a`.
   */
  constructor(doing: string, syscall: string, errno: number) {
    const code = errnoName(errno);
    super(`Cannot ${doing}: ${errnoText(errno)} (${code} from ${syscall})`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** Returns a non-negative result of the addon. @throws SystemError for -errno. */
export function check(result: Result, syscall: string, doing: string): number {
  if (result < 0) throw new SystemError(doing, syscall, -result);
  return result;
}
