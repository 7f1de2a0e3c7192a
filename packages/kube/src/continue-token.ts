/** Continue tokens: where a paged list goes on, and the revision it stays at. Opaque to clients. */
import { StatusError } from "./status-error.ts";

export interface ContinuePosition {
  readonly revision: number;
  /** The next page begins after this key. */
  readonly afterKey: string;
}

export function formatContinueToken({ revision, afterKey }: ContinuePosition): string {
  return Buffer.from(JSON.stringify([1, revision, afterKey])).toString("base64url");
}

/** @throws StatusError BadRequest for text that this store did not make. */
export function parseContinueToken(token: string): ContinuePosition {
  const decoded = decodeToken(token);
  if (Array.isArray(decoded) && decoded.length === 3 && decoded[0] === 1) {
    const [, revision, afterKey] = decoded;
    if (Number.isSafeInteger(revision) && revision >= 0 && typeof afterKey === "string") {
      return { revision, afterKey };
    }
  }
  throw new StatusError("BadRequest", "continue key is not valid: it was not made by this server");
}

function decodeToken(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
