/**
 * `GET /version` (apimachinery version.Info). Clients of Kubernetes decide by it what they may ask.
 */
export const versionInfo = {
  major: "1",
  minor: "32",
  gitVersion: "v1.32.0+heddle.0.1.0",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "none",
  platform: "linux/amd64",
} as const;
