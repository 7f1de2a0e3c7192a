/** The text of a configuration file as a tree of fields. */
import { LineCounter, parseDocument } from "yaml";
import { ConfigError } from "./config-error.ts";
import { ConfigField } from "./config-field.ts";

/** Most references to one anchor, so that a small file cannot make a huge tree. */
const aliasCountMax = 1000;

/**
 * The root of a YAML document; `title` names it in messages, such as `the lab file`.
 * @throws ConfigError
 */
export function readDocument(text: string, title: string): ConfigField {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: "error" });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    // The lines after the first draw the place in the file, which the first names in words.
    const why = problem.message.split("\n", 1)[0]?.replace(/:$/, "");
    throw new ConfigError(`Cannot read ${title}: ${why}`, { cause: problem });
  }
  return new ConfigField({ title, lines, document }, "", treeOf(title, document), {
    node: document.contents,
    line: undefined,
  });
}

/** @throws ConfigError for aliases to nothing, or too many of them */
function treeOf(title: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: aliasCountMax });
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new ConfigError(`Cannot read ${title}: ${cause.message}`, { cause });
  }
}
