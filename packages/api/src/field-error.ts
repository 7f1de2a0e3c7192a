/**
 * Making and showing {@link FieldError}: the words are those of Kubernetes' field.Error, which
 * kubectl users know.
 */
import type { FieldError } from "./kind.ts";

export function required(path: string, message: string): FieldError {
  return { path, reason: "Required", message };
}

export function invalid(path: string, found: unknown, message: string): FieldError {
  return { path, reason: "Invalid", found, message };
}

export function notSupported(path: string, found: unknown, values: readonly unknown[]): FieldError {
  const shown = values.map((value) => JSON.stringify(value)).join(", ");
  return { path, reason: "NotSupported", found, message: `supported values: ${shown}` };
}

export function duplicate(path: string, found: unknown): FieldError {
  return { path, reason: "Duplicate", found, message: "" };
}

export function forbidden(path: string, message: string): FieldError {
  return { path, reason: "Forbidden", message };
}

export function tooMany(path: string, count: number, max: number): FieldError {
  return { path, reason: "TooMany", found: count, message: `must have at most ${max} items` };
}

const titles: Readonly<Record<FieldError["reason"], string>> = {
  Required: "Required value",
  Invalid: "Invalid value",
  NotSupported: "Unsupported value",
  Duplicate: "Duplicate value",
  Forbidden: "Forbidden",
  TooMany: "Too many",
};

const shownMax = 200;

/** The part after the path: `Invalid value: "10.0.0.1/24": host bits are set, want 10.0.0.0/24`. */
export function formatFieldDetail(error: FieldError): string {
  const parts = [titles[error.reason]];
  if (error.found !== undefined) parts.push(showValue(error.found));
  if (error.message !== "") parts.push(error.message);
  return parts.join(": ");
}

/** `spec.cidrs[0]: Invalid value: "10.0.0.1/24": host bits are set, want 10.0.0.0/24`. */
export function formatFieldError(error: FieldError): string {
  return `${error.path}: ${formatFieldDetail(error)}`;
}

function showValue(value: unknown): string {
  const shown = JSON.stringify(value);
  return shown.length > shownMax ? `${shown.slice(0, shownMax)}…` : shown;
}
