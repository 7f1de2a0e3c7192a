/**
 * AS_PATH as text: `65001 65002`, sets in braces `{1,2}`, confederation sequences in parentheses
 * `(65010 65011)`, confederation sets in brackets `[65012,65013]`; empty for an empty path.
 */
import { type Asn, ParseError, parseAsn } from "@heddle/inet";
import type { AsPathSegment } from "./path-attributes.ts";

const brackets: Readonly<Record<AsPathSegment["type"], readonly [string, string, string]>> = {
  sequence: ["", " ", ""],
  set: ["{", ",", "}"],
  "confed-sequence": ["(", " ", ")"],
  "confed-set": ["[", ",", "]"],
};

export function formatAsPath(path: readonly AsPathSegment[]): string {
  return path
    .map(({ type, asns }) => {
      const [open, between, close] = brackets[type];
      return `${open}${asns.join(between)}${close}`;
    })
    .join(" ");
}

/** The inverse of {@link formatAsPath}, with adjacent sequences joined. @throws ParseError */
export function parseAsPath(text: string): readonly AsPathSegment[] {
  const segments: AsPathSegment[] = [];
  const pattern = /\s*(?:([0-9.]+(?:\s+[0-9.]+)*)|\{([^{}]*)\}|\(([^()]*)\)|\[([^[\]]*)\])\s*/y;
  while (pattern.lastIndex < text.trimEnd().length) {
    const match = pattern.exec(text);
    if (match === null) throw new ParseError("AS path", text, "want AS numbers and segments");
    const [, sequence, set, confedSequence, confedSet] = match;
    if (sequence !== undefined) segments.push(segmentOf("sequence", sequence));
    else if (set !== undefined) segments.push(segmentOf("set", set));
    else if (confedSequence !== undefined)
      segments.push(segmentOf("confed-sequence", confedSequence));
    else if (confedSet !== undefined) segments.push(segmentOf("confed-set", confedSet));
  }
  return segments;
}

/** @throws ParseError when `text` has no AS number */
function segmentOf(type: AsPathSegment["type"], text: string): AsPathSegment {
  const separator = brackets[type][1] === "," ? /\s*,\s*/ : /\s+/;
  const asns: Asn[] = text.trim().split(separator).map(parseAsn);
  return { type, asns };
}
