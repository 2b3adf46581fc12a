-- The resources by their names on a client, in the order of the reference. A resource is a file below api/, which is
-- loaded when the resource, or a thing of its, is first used.

return {
  "scenarios",
  "scenarios.runs",
  "scenarios.scorers",
  "benchmarks",
  "benchmark_runs",
  "benchmark_jobs",
  "devboxes",
  "devboxes.executions",
  "devboxes.disk_snapshots",
  "devboxes.logs",
  "blueprints",
  "objects",
  "agents",
  "axons",
  "axons.events",
  "axons.sql",
  "secrets",
  "network_policies",
  "gateway_configs",
  "mcp_configs",
  "pty",
  "accounts",
  "apikeys",
  "restricted_keys",
}
