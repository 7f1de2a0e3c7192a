/** Where a server listens. */
import type { Server } from "node:net";

/**
 * An address, or a descriptor of a socket that listens already (made in another namespace, say).
 */
export type ListenTarget =
  | { readonly host: string; readonly port: number }
  | { readonly fd: number };

/** Resolves with `host:port` as it is bound; port 0 gets a free one. */
export function listen(server: Server, target: ListenTarget): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  server.once("error", reject);
  server.listen("fd" in target ? { fd: target.fd } : { ...target, backlog: 511 }, () => {
    server.off("error", reject);
    resolve(addressOf(server));
  });
  return promise;
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") return String(address);
  return formatHostPort(address.address, address.port);
}

export function formatHostPort(host: string | undefined, port: number | undefined): string {
  const name = host === undefined ? "" : host;
  return name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`;
}
