/**
 * The parts of the controller, wired together. Every replica keeps a copy of the model; the one
 * that holds the Lease writes.
 */
import { Controllers } from "@heddle/controllers";
import { defaultHttpLimits, HttpStore, LeaderElector } from "@heddle/kube";
import type { Log } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import type { ControllerConfig } from "./config.ts";
import { ControllerMetrics } from "./metrics.ts";
import { ProbeServer } from "./probe-server.ts";

/**
 * Half of the time within which a leader must renew: a request that hangs leaves time for one more.
 */
const renewRequestTimeoutMs = 5_000;

const clock = systemClock;
const rng = systemRng;

/**
 * Resolves when probes are served; everything else comes when the API server answers. Ending it
 * gives the Lease up.
 * @throws KubeconfigError, the error of listen(2)
 */
export async function startController(
  config: ControllerConfig,
  log: Log,
): Promise<AsyncDisposable> {
  await using owned = new AsyncDisposableStack();
  const { kubeconfig, lease, identity } = config;
  const store = owned.use(await HttpStore.fromKubeconfig(kubeconfig));
  // Connections of their own: writes of the leader must not keep it from renewing.
  const limits = { ...defaultHttpLimits, requestTimeoutMs: renewRequestTimeoutMs };
  const leaseStore = owned.use(await HttpStore.fromKubeconfig(kubeconfig, limits));
  const controllers = owned.use(new Controllers({ store, clock, rng, log }));
  const elector = owned.use(
    new LeaderElector({
      ...{ store: leaseStore, clock, rng, log, lease, identity },
      lead: (signal) => controllers.lead(signal),
      onHolder: (holder) => log.info("another replica leads", { holder }),
    }),
  );
  const metrics = new ControllerMetrics({ controllers, elector });
  const server = owned.use(
    await ProbeServer.start({
      listen: config.listen,
      notReady: () => notReady(controllers),
      metrics: () => metrics.text(),
      log,
    }),
  );
  log.info("the controller runs", { server: store.server, probes: server.address });
  return owned.move();
}

/** Undefined when all is well. */
function notReady({ isSynced, lastError }: Controllers): string | undefined {
  if (lastError !== undefined) return `a watch is broken: ${lastError.message}`;
  return isSynced ? undefined : "not every kind has been listed";
}
