/**
 * How to reach an API server: the current context of a kubeconfig file (client-go
 * clientcmd/api/v1).
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "yaml";

export interface ClusterAccess {
  readonly server: URL;
  /** PEM; the system's certificate authorities when absent. */
  readonly ca?: string;
  /** PEM client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Bearer token. */
  readonly token?: string;
  /** Name to expect in the server's certificate, when it is not the host of `server`. */
  readonly serverName?: string;
}

/** The file does not say how to reach a server. The message names the file and the field. */
export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
}

/** Ways to authenticate that are not served; without a word the server would see no user at all. */
const unservedFields = ["exec", "auth-provider", "username", "password"] as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Relative paths in the file are relative to its directory, as kubectl has it. @throws
 * KubeconfigError
 */
export async function readKubeconfig(file: string): Promise<ClusterAccess> {
  const fail = (why: string): never => {
    throw new KubeconfigError(`Cannot use kubeconfig ${file}: ${why}`);
  };
  const document = parseDocument(await readText(file, fail), fail);
  const contextName = text(document, "current-context") ?? fail("no current-context");
  const context = named(document, "contexts", contextName, "context", fail);
  const clusterName = text(context, "cluster") ?? fail(`context ${contextName} names no cluster`);
  const cluster = named(document, "clusters", clusterName, "cluster", fail);
  const userName = text(context, "user");
  const user = userName === undefined ? {} : named(document, "users", userName, "user", fail);
  const read = (fields: Fields, field: string): Promise<string | undefined> =>
    dataOrFile(fields, field, path.dirname(file), fail);
  const server = text(cluster, "server") ?? fail(`cluster ${clusterName} has no server`);
  if (!/^https?:$/.test(URL.parse(server)?.protocol ?? "")) {
    fail(`server ${JSON.stringify(server)} of ${clusterName}, want an https or http URL`);
  }
  for (const field of unservedFields) {
    if (field in user) fail(`user ${userName} has ${field}, want a client certificate or a token`);
  }
  const ca = await read(cluster, "certificate-authority");
  const cert = await read(user, "client-certificate");
  const key = await read(user, "client-key");
  if ((cert === undefined) !== (key === undefined)) {
    fail(`user ${userName} has a client certificate or a key, want both`);
  }
  const token = text(user, "token") ?? (await tokenFile(user, path.dirname(file), fail));
  const serverName = text(cluster, "tls-server-name");
  return {
    server: new URL(server),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

function parseDocument(yaml: string, fail: (why: string) => never): Fields {
  try {
    const document: unknown = parse(yaml);
    return isFields(document) ? document : fail("it is not a mapping");
  } catch (error) {
    if (error instanceof KubeconfigError) throw error;
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(fields: Fields, field: string): string | undefined {
  const value = fields[field];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The entry called `name` of a list of `{name, [field]: {...}}`. */
function named(
  document: Fields,
  list: string,
  name: string,
  field: string,
  fail: (why: string) => never,
): Fields {
  const entries: unknown = document[list];
  const found = (Array.isArray(entries) ? entries : []).find(
    (entry: unknown) => isFields(entry) && entry["name"] === name,
  ) as Fields | undefined;
  const value = found?.[field];
  return isFields(value) ? value : fail(`no ${JSON.stringify(name)} in ${list}`);
}

/** `x-data` holds base64, `x` a path; the data wins. */
async function dataOrFile(
  fields: Fields,
  field: string,
  folder: string,
  fail: (why: string) => never,
): Promise<string | undefined> {
  const data = text(fields, `${field}-data`);
  if (data !== undefined) return Buffer.from(data, "base64").toString();
  const file = text(fields, field);
  return file === undefined ? undefined : await readText(path.resolve(folder, file), fail);
}

async function tokenFile(
  user: Fields,
  folder: string,
  fail: (why: string) => never,
): Promise<string | undefined> {
  const file = text(user, "tokenFile");
  if (file === undefined) return undefined;
  return (await readText(path.resolve(folder, file), fail)).trim();
}

async function readText(file: string, fail: (why: string) => never): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}
