/** What exists in every cluster: made at start when it is missing. */
import { type Namespace, namespaceKind } from "@heddle/api";
import { isStatus, type Store } from "@heddle/kube";
import { builtInNamespaces } from "../rest/admission.ts";

export async function ensureBuiltInObjects(store: Store): Promise<void> {
  for (const name of builtInNamespaces) {
    const namespace: Namespace = {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name },
      spec: {},
    };
    try {
      await store.create(namespaceKind, namespace);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
  }
}
