/** A request as the handlers see it, and what they answer: free of sockets. */
import type { User } from "../auth/user.ts";
import type { Query } from "./query.ts";

export interface ApiRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: Query;
  readonly accept: string | undefined;
  readonly contentType: string | undefined;
  readonly user: User;
  /** Aborts when the client is gone or the server stops. */
  readonly signal: AbortSignal;
  /** The address that the client reached, `host:port`. */
  readonly localAddress: string;
  /** The whole body. @throws StatusError RequestEntityTooLarge */
  readBody(): Promise<Uint8Array>;
}

export interface ApiReply {
  readonly status: number;
  readonly contentType: string;
  /** One piece, or a stream that ends when the request does. */
  readonly body: string | Uint8Array | AsyncIterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Texts for the client's user. */
  readonly warnings?: readonly string[];
}

export function jsonReply(
  value: unknown,
  status = 200,
  warnings: readonly string[] = [],
): ApiReply {
  return { status, contentType: "application/json", body: `${JSON.stringify(value)}\n`, warnings };
}

/** A reply whose JSON text exists already. */
export function jsonTextReply(body: string, status = 200): ApiReply {
  return { status, contentType: "application/json", body };
}
