/** Message: `Cannot read <field> (line <n>): <what is there>, want <limit>`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
