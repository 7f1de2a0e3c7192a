import type { KubeObject, ResourceKind } from "@heddle/api";
import type { ListOptions, Store } from "@heddle/kube";

const pageSize = 500;

/** All objects, page by page. @throws StatusError */
export async function listAll<T extends KubeObject>(
  store: Store,
  kind: ResourceKind<T>,
  options: Omit<ListOptions, "limit" | "continueToken"> = {},
): Promise<T[]> {
  const items: T[] = [];
  let continueToken: string | undefined;
  do {
    const page = await store.list(kind, {
      ...options,
      limit: pageSize,
      ...(continueToken === undefined ? {} : { continueToken }),
    });
    items.push(...page.items);
    continueToken = page.continueToken === "" ? undefined : page.continueToken;
  } while (continueToken !== undefined);
  return items;
}
