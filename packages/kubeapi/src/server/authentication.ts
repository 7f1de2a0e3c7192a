/** Who sends a request: a verified client certificate, or a bearer token. */
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { StatusError } from "@heddle/kube";
import { type TokenTable, userOfCertificate } from "../auth/authenticate.ts";
import { anonymousUser, type User } from "../auth/user.ts";

/** The certificate does not change while a connection lasts. */
const certificateUsers: WeakMap<TLSSocket, User> = new WeakMap();

/**
 * @throws StatusError Unauthorized for credentials that are wrong; none at all is the anonymous
 * user.
 */
export function userOf(request: IncomingMessage, tokens: TokenTable): User {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const user = tokens.userOf(authorization);
    if (user === undefined) throw new StatusError("Unauthorized", "Unauthorized");
    return user;
  }
  return request.socket instanceof TLSSocket ? userOfSocket(request.socket) : anonymousUser;
}

function userOfSocket(socket: TLSSocket): User {
  const known = certificateUsers.get(socket);
  if (known !== undefined) return known;
  const user = certificateUser(socket);
  certificateUsers.set(socket, user);
  return user;
}

function certificateUser(socket: TLSSocket): User {
  const { subject } = socket.getPeerCertificate();
  if (subject === undefined) return anonymousUser;
  const user = socket.authorized ? userOfCertificate(subject) : undefined;
  if (user === undefined) throw new StatusError("Unauthorized", "Unauthorized");
  return user;
}
