/**
 * Ages as kubectl writes them (apimachinery's duration.HumanDuration): two units at most, rounded
 * down.
 */

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/** `90s`, `5m30s`, `3h`, `2d4h`, `400d`, `3y12d`; `<invalid>` for times that lie ahead. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * minute) return `${seconds}s`;
  if (seconds < 10 * minute) return twoUnits(seconds, minute, "m", 1, "s");
  if (seconds < 3 * hour) return `${Math.trunc(seconds / minute)}m`;
  if (seconds < 8 * hour) return twoUnits(seconds, hour, "h", minute, "m");
  if (seconds < 2 * day) return `${Math.trunc(seconds / hour)}h`;
  if (seconds < 8 * day) return twoUnits(seconds, day, "d", hour, "h");
  if (seconds < 2 * year) return `${Math.trunc(seconds / day)}d`;
  if (seconds < 8 * year) return twoUnits(seconds, year, "y", day, "d");
  return `${Math.trunc(seconds / year)}y`;
}

function twoUnits(
  seconds: number,
  large: number,
  largeUnit: string,
  small: number,
  smallUnit: string,
): string {
  const whole = `${Math.trunc(seconds / large)}${largeUnit}`;
  const rest = Math.trunc((seconds % large) / small);
  return rest === 0 ? whole : `${whole}${rest}${smallUnit}`;
}

/** Time since an RFC 3339 timestamp; `<unknown>` without one. */
export function formatAge(timestamp: string | undefined, nowMs: number): string {
  const at = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(at) ? "<unknown>" : formatDuration(nowMs - at);
}
