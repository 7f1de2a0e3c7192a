/**
 * TCP-MD5 passwords of the node's sessions (RFC 2385), from the Secrets that the peers name. Never
 * logged.
 */
import { secretKind } from "@heddle/api";
import type { Store } from "@heddle/kube";
import { type NodeBgp, secretsOf } from "@heddle/node";

/** A Secret that a peer names does not hold what it should. */
export class PasswordError extends Error {
  override readonly name = "PasswordError";
}

/** By origin of the peer. @throws StatusError, PasswordError when a Secret lacks the key */
export async function readPasswords(
  store: Store,
  bgp: NodeBgp,
): Promise<ReadonlyMap<string, string>> {
  const passwords = new Map<string, string>();
  for (const { origin, ref } of secretsOf(bgp)) {
    const { namespace, name, key } = ref;
    const secret = await store.get(secretKind, { namespace, name });
    const value = secret.data?.[key];
    if (value === undefined) {
      const message = `Cannot use Secret ${namespace}/${name}: no key ${key}, want the password`;
      throw new PasswordError(message);
    }
    passwords.set(origin, Buffer.from(value, "base64").toString());
  }
  return passwords;
}
