/** Container and what it is made of (core/v1), as parts of a pod. */
import type { JsonSchema } from "../kind.ts";
import {
  boolean,
  integer,
  intOrString,
  list,
  mapOf,
  mergedList,
  object,
  oneOf,
  opaque,
  quantity,
  text,
} from "../schema/build.ts";

const int32 = (description: string): JsonSchema => integer(description, [0, 0x7fffffff]);
const portNumber = (description: string): JsonSchema => integer(description, [1, 65535]);

const envVar = object(
  "An environment variable.",
  {
    name: text("Name of the variable.", { minLength: 1 }),
    value: text("Value of the variable; $(NAME) is expanded."),
    valueFrom: opaque("Where the value comes from, when not from value."),
  },
  ["name"],
);

const port = object(
  "A port of the container, for people and for named references.",
  {
    name: text("Name of the port.", { maxLength: 15 }),
    containerPort: portNumber("Port number in the pod."),
    protocol: oneOf("Protocol of the port.", ["TCP", "UDP", "SCTP"], { default: "TCP" }),
    hostPort: portNumber("Port number on the node."),
    hostIP: text("Address of the node that hostPort binds to."),
  },
  ["containerPort"],
);

const volumeMount = object(
  "Where a volume appears in the container.",
  {
    name: text("Name of the volume.", { minLength: 1 }),
    mountPath: text("Path in the container.", { minLength: 1 }),
    readOnly: boolean("Mount without write access."),
    recursiveReadOnly: text("Whether mounts below are read-only too."),
    subPath: text("Path inside the volume."),
    subPathExpr: text("The same with variables."),
    mountPropagation: text("How mounts propagate."),
  },
  ["name", "mountPath"],
);

const resources = object("Resources of the container.", {
  requests: mapOf("What it is sure to get.", quantity("An amount.")),
  limits: mapOf("What it can get at most.", quantity("An amount.")),
  claims: list("Claims of dynamic resources.", opaque("A claim."), 64),
});

const probe = (description: string): JsonSchema =>
  object(description, {
    exec: object("A command that must exit with 0.", {
      command: list("The command and its arguments.", text("An argument."), 1024),
    }),
    httpGet: object(
      "An HTTP request that must be answered with 200 to 399.",
      {
        path: text("Path of the request."),
        port: intOrString("Number or name of the port."),
        host: text("Host name; the pod's address when absent."),
        scheme: text("HTTP or HTTPS.", { default: "HTTP" }),
        httpHeaders: list("Headers of the request.", opaque("A header."), 64),
      },
      ["port"],
    ),
    tcpSocket: object(
      "A TCP connection that must be accepted.",
      { port: intOrString("Number or name of the port."), host: text("Host name or address.") },
      ["port"],
    ),
    grpc: opaque("A gRPC health check."),
    initialDelaySeconds: int32("Time before the first probe."),
    timeoutSeconds: integer("Time for one probe.", [1, 0x7fffffff], { default: 1 }),
    periodSeconds: integer("Time between probes.", [1, 0x7fffffff], { default: 10 }),
    successThreshold: integer("Successes that mean healthy.", [1, 0x7fffffff], { default: 1 }),
    failureThreshold: integer("Failures that mean unhealthy.", [1, 0x7fffffff], { default: 3 }),
    terminationGracePeriodSeconds: int32("Time to end gracefully after a failed probe."),
  });

export const container: JsonSchema = object(
  "One process tree of the pod.",
  {
    name: text("Name of the container, unique in the pod.", { minLength: 1, maxLength: 63 }),
    image: text("Image that the container runs."),
    command: list("Entry point, in place of the image's.", text("An argument."), 1024),
    args: list("Arguments of the entry point.", text("An argument."), 1024),
    workingDir: text("Working directory."),
    ports: mergedList("Ports of the container.", "containerPort", port, 256),
    envFrom: list("Sources of environment variables.", opaque("A source."), 64),
    env: mergedList("Environment variables.", "name", envVar, 1024),
    resources,
    resizePolicy: list("How resources are resized.", opaque("A policy."), 64),
    restartPolicy: text("Always makes an init container a sidecar."),
    restartPolicyRules: list("When to restart.", opaque("A rule."), 64),
    volumeMounts: mergedList("Volumes of the container.", "mountPath", volumeMount, 256),
    volumeDevices: mergedList(
      "Block devices of the container.",
      "devicePath",
      opaque("A device."),
      256,
    ),
    livenessProbe: probe("Restarts the container when it fails."),
    readinessProbe: probe("Keeps traffic away from the pod while it fails."),
    startupProbe: probe("Holds the other probes back until it succeeds."),
    lifecycle: opaque("Hooks after start and before stop."),
    terminationMessagePath: text("File with the last words of the container.", {
      default: "/dev/termination-log",
    }),
    terminationMessagePolicy: oneOf(
      "Where the last words come from.",
      ["File", "FallbackToLogsOnError"],
      { default: "File" },
    ),
    imagePullPolicy: oneOf("When the image is fetched.", ["Always", "Never", "IfNotPresent"], {
      default: "IfNotPresent",
    }),
    securityContext: opaque("Privileges of the container."),
    stdin: boolean("Keep standard input open."),
    stdinOnce: boolean("Close standard input after the first client."),
    tty: boolean("Give the container a terminal."),
  },
  ["name"],
);

const state = (description: string): JsonSchema =>
  object(description, {
    waiting: object("It waits to start.", {
      reason: text("Why, as one word."),
      message: text("Why, for people."),
    }),
    running: object("It runs.", { startedAt: text("Since when.", { format: "date-time" }) }),
    terminated: object("It has ended.", {
      exitCode: integer("Exit code.", [-0x80000000, 0x7fffffff]),
      signal: integer("Signal that ended it.", [0, 255]),
      reason: text("Why, as one word."),
      message: text("Why, for people."),
      startedAt: text("When it started.", { format: "date-time" }),
      finishedAt: text("When it ended.", { format: "date-time" }),
      containerID: text("Id of the container."),
    }),
  });

export const containerStatus: JsonSchema = object(
  "What was observed of a container.",
  {
    name: text("Name of the container."),
    state: state("What it does."),
    lastState: state("What it did before its last restart."),
    ready: boolean("Whether its readiness probe succeeds."),
    restartCount: int32("How often it was restarted."),
    image: text("Image that it runs."),
    imageID: text("Id of the image."),
    containerID: text("Id of the container, as type://id."),
    started: boolean("Whether its startup probe has succeeded."),
    allocatedResources: mapOf("Resources that it has.", quantity("An amount.")),
    resources: opaque("Resources as the runtime applies them."),
    volumeMounts: list("Mounts as they are.", opaque("A mount."), 256),
    user: opaque("User that it runs as."),
    allocatedResourcesStatus: list("Health of devices.", opaque("A device."), 64),
  },
  ["name"],
);

/** Named parts of the schemas, for the generated types. */
export const containerTypes: Readonly<Record<string, JsonSchema>> = {
  Container: container,
  ContainerStatus: containerStatus,
  ContainerState: state(""),
  ContainerPort: port,
  EnvVar: envVar,
  VolumeMount: volumeMount,
  ResourceRequirements: resources,
  Probe: probe(""),
};
