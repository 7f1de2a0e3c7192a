/**
 * What a server says when it refuses (metav1.Status), as an error. The text is foreign: anything
 * may stand between us and the server, so nothing of it is taken for granted, and every text has an
 * error.
 */
import { type StatusCause, StatusError, type StatusReason, statusReasons } from "./status-error.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Longest part of an answer that is no Status which the error's message shows. */
const shownCharsMax = 200;

/** Most causes that are kept. */
const causesMax = 100;

/** The HTTP code decides where the text gives no reason that we know. */
export function parseRefusal(statusCode: number, text: string): StatusError {
  const document = documentOf(text);
  if (document === undefined) {
    const message = `HTTP ${statusCode}: ${text.slice(0, shownCharsMax)}`;
    return new StatusError(reasonOf(undefined, statusCode), message);
  }
  const { message, reason, details } = document;
  return new StatusError(
    reasonOf(reason, statusCode),
    typeof message === "string" && message !== "" ? message : `HTTP ${statusCode}`,
    { causes: isFields(details) ? causesOf(details["causes"]) : [] },
  );
}

function documentOf(text: string): Fields | undefined {
  try {
    const document: unknown = JSON.parse(text);
    return isFields(document) ? document : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function causesOf(causes: unknown): StatusCause[] {
  if (!Array.isArray(causes)) return [];
  return causes
    .slice(0, causesMax)
    .filter(isFields)
    .map(({ reason, message, field }) => ({
      reason: textOf(reason),
      message: textOf(message),
      field: textOf(field),
    }));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function reasonOf(reason: unknown, statusCode: number): StatusReason {
  if (reason === "Gone") return "Expired";
  if (typeof reason === "string" && Object.hasOwn(statusReasons, reason)) {
    return reason as StatusReason;
  }
  const known = Object.entries(statusReasons).find(([, code]) => code === statusCode);
  return known === undefined ? "InternalError" : (known[0] as StatusReason);
}
