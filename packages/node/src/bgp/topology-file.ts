/**
 * What the agent last knew of the data centre, on local disk, so that a restarted agent speaks BGP
 * and keeps its uplinks while the API server does not answer. The API's word replaces it as soon as
 * it is heard.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { replaceFile } from "../durable-file.ts";
import type { NodeTopology } from "./plan-node-bgp.ts";

const fileName = "topology.json";

/** Undefined when there is none, or none that can be read: then the API must be waited for. */
export async function readTopology(directory: string): Promise<NodeTopology | undefined> {
  try {
    const file = path.join(directory, fileName);
    const document: unknown = JSON.parse(await readFile(file, "utf8"));
    return isTopology(document) ? document : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The objects in it were checked by the API; a file of another version has another shape. */
function isTopology(document: unknown): document is NodeTopology {
  if (typeof document !== "object" || document === null || !("node" in document)) return false;
  const lists = ["links", "fabrics", "configurations", "peers", "vpcs"];
  const fields = new Map<string, unknown>(Object.entries(document));
  return lists.every((list) => Array.isArray(fields.get(list)));
}

/** Replaces the file as a whole and durably; a reader sees the old or the new one. */
export async function writeTopology(directory: string, topology: NodeTopology): Promise<void> {
  await using _ = await replaceFile(path.join(directory, fileName), JSON.stringify(topology));
}
