/** The client and the server of this house, against the rules of a store. */
import { after } from "node:test";
import { HttpStore } from "@heddle/kube";
import { storeConformance } from "@heddle/kube/testing";
import { removeCertificates, startTestServer } from "./test-server.ts";

after(removeCertificates);

storeConformance("HttpStore over the API server", async (storeLimits) => {
  const server = await startTestServer({ storeLimits });
  const store = await HttpStore.fromKubeconfig(server.kubeconfig("admin"));
  return {
    store,
    async [Symbol.asyncDispose](): Promise<void> {
      store[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});
