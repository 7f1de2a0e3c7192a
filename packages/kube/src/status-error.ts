/** metav1.Status as an error: what a Kubernetes-style API answers when it refuses. */

import type { ResourceKind } from "@heddle/api";

/** Reason (metav1.StatusReason) to HTTP status code. */
export const statusReasons = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;

export type StatusReason = keyof typeof statusReasons;

/** One entry of `details.causes`. */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** The object that a refusal is about. */
export interface StatusSubject {
  readonly kind: Pick<ResourceKind, "group" | "kind" | "plural">;
  readonly name: string;
}

export interface StatusErrorOptions {
  readonly causes?: readonly StatusCause[];
  readonly subject?: StatusSubject;
  readonly cause?: unknown;
}

export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly reason: StatusReason;
  readonly causes: readonly StatusCause[];
  readonly subject: StatusSubject | undefined;

  constructor(reason: StatusReason, message: string, options: StatusErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.reason = reason;
    this.subject = options.subject;
    this.causes = options.causes === undefined ? [] : options.causes;
  }

  /** HTTP status code. */
  get status(): number {
    return statusReasons[this.reason];
  }
}

/** True for a StatusError of that reason. */
export function isStatus(error: unknown, reason: StatusReason): error is StatusError {
  return error instanceof StatusError && error.reason === reason;
}
