/** The house's `Log` over pino: one JSON object a line on stderr. */
import type { Log, LogFields } from "@heddle/std";
import pino from "pino";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Values of these fields never reach the log; `data` is that of a Secret. */
const secretFields = ["password", "passwords", "token", "md5"];

/** In the fields of a line and in what they hold, this many levels down. */
const prefixes = ["", "*.", "*.*.", "*.*.*.", "*.*.*.*."];
const redacted = [
  ...prefixes.flatMap((prefix) => secretFields.map((field) => `${prefix}${field}`)),
  ...prefixes.slice(1).map((prefix) => `${prefix}data`),
];

export function createLog(level: LogLevel, fields: LogFields): Log {
  const base = pino(
    {
      level,
      base: fields,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: redacted, censor: "***" },
      serializers: { error: pino.stdSerializers.err },
    },
    pino.destination({ fd: 2, sync: true }),
  );
  return adapt(base);
}

function adapt(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields, message),
    info: (message, fields) => logger.info(fields, message),
    warn: (message, fields) => logger.warn(fields, message),
    error: (message, fields) => logger.error(fields, message),
    with: (fields) => adapt(logger.child(fields)),
  };
}
