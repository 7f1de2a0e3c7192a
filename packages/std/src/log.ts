/** Data of one log line. Secrets never go here; big values are summarised by the caller. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Logging as an argument. A line is written once, at the boundary that decides what a failure
 * means.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry `fields`. */
  with(fields: LogFields): Log;
}

/** Drops every line: for tests, and for library calls that must be quiet. */
export const silentLog: Log = {
  debug(): void {},
  info(): void {},
  warn(): void {},
  error(): void {},
  with(): Log {
    return silentLog;
  },
};
