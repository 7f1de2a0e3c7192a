/** From the credentials of a request to a user. Pure: certificates are verified by TLS before. */
import { timingSafeEqual } from "node:crypto";
import { authenticatedGroup, type User } from "./user.ts";

const tokensMax = 10_000;

/** A file of tokens that cannot be used. Message: `Cannot parse tokens: line <n>: <why>`. */
export class TokenFileError extends SyntaxError {
  override readonly name = "TokenFileError";
  readonly line: number;

  constructor(line: number, why: string) {
    super(`Cannot parse tokens: line ${line}: ${why}`);
    this.line = line;
  }
}

/** The subject of a client certificate, as `tls.TLSSocket.getPeerCertificate()` gives it. */
export interface CertificateSubject {
  readonly CN?: string | readonly string[];
  readonly O?: string | readonly string[];
}

/** The user of a verified client certificate; undefined when it names none. */
export function userOfCertificate(subject: CertificateSubject): User | undefined {
  const [name, second] = listOf(subject.CN);
  if (name === undefined || name === "" || second !== undefined) return undefined;
  return authenticated(name, listOf(subject.O));
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

interface KnownToken {
  readonly bytes: Uint8Array;
  readonly user: User;
}

/** The tokens of a file: one `token,user,uid[,"group,group"]` per line, `#` starts a comment. */
export class TokenTable {
  readonly #tokens: readonly KnownToken[];

  private constructor(tokens: readonly KnownToken[]) {
    this.#tokens = tokens;
  }

  /** @throws TokenFileError; the message never repeats a token. */
  static parse(text: string): TokenTable {
    const tokens: KnownToken[] = [];
    const seen = new Set<string>();
    for (const [i, raw] of text.split("\n").entries()) {
      const line = raw.trim();
      if (line === "" || line.startsWith("#")) continue;
      const { token, user } = parseLine(line, i + 1);
      if (seen.has(token)) throw new TokenFileError(i + 1, "the token stands on another line too");
      if (tokens.length === tokensMax) throw new TokenFileError(i + 1, `more than ${tokensMax}`);
      seen.add(token);
      tokens.push({ bytes: new TextEncoder().encode(token), user });
    }
    return new TokenTable(tokens);
  }

  /** The user of an Authorization header; undefined when it is no known bearer token. */
  userOf(authorization: string): User | undefined {
    const token = /^Bearer +([^\s]+)$/i.exec(authorization)?.[1];
    if (token === undefined) return undefined;
    const bytes = new TextEncoder().encode(token);
    let user: User | undefined;
    // Every token is compared, so that the time taken says nothing about which one matched.
    for (const known of this.#tokens) {
      if (known.bytes.length === bytes.length && timingSafeEqual(known.bytes, bytes)) {
        user = known.user;
      }
    }
    return user;
  }
}

function parseLine(line: string, number: number): { token: string; user: User } {
  const fields = splitCsv(line, number);
  const [token, name, , groups] = fields;
  if (token === undefined || name === undefined || fields.length < 3 || fields.length > 4) {
    throw new TokenFileError(number, 'want token,user,uid or token,user,uid,"group,group"');
  }
  if (!/^[!-~]{16,}$/.test(token)) {
    throw new TokenFileError(number, "want a token of at least 16 printable characters");
  }
  if (name === "") throw new TokenFileError(number, "the user is empty");
  const names = groups === undefined || groups === "" ? [] : groups.split(",");
  return {
    token,
    user: authenticated(
      name,
      names.map((each) => each.trim()),
    ),
  };
}

/** Fields of one CSV line (RFC 4180) without line breaks inside quotes. */
function splitCsv(line: string, number: number): string[] {
  const fields: string[] = [];
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/y;
  for (;;) {
    const match = pattern.exec(line);
    if (match === null) throw new TokenFileError(number, "quotes do not match");
    const [, inQuotes, plain, end] = match;
    fields.push(inQuotes === undefined ? (plain as string).trim() : inQuotes.replaceAll('""', '"'));
    if (end === "") return fields;
  }
}

function authenticated(name: string, groups: readonly string[]): User {
  return { name, groups: [...new Set([...groups, authenticatedGroup])] };
}
