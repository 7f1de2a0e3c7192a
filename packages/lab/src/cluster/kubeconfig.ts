/** kubeconfig files (client-go clientcmd/api/v1) with a client certificate. */
import { readFile, writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import type { KeyPair, Pki } from "./pki.ts";

export interface KubeconfigOptions {
  /** `https://127.0.0.1:16443` */
  readonly server: string;
  readonly user: string;
  readonly keyPair: KeyPair;
}

/** Everything is embedded, so that the file can be copied. Readable by its owner only. */
export async function writeKubeconfig(
  file: string,
  pki: Pki,
  { server, user, keyPair }: KubeconfigOptions,
): Promise<void> {
  const name = "heddle-lab";
  const document = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name, cluster: { server, "certificate-authority-data": await base64Of(pki.caFile) } },
    ],
    users: [
      {
        name: user,
        user: {
          "client-certificate-data": await base64Of(keyPair.certFile),
          "client-key-data": await base64Of(keyPair.keyFile),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user } }],
    "current-context": name,
  };
  await writeFile(file, stringify(document), { mode: 0o600 });
}

async function base64Of(file: string): Promise<string> {
  return (await readFile(file)).toString("base64");
}
