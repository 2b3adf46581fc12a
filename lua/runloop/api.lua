-- The resources by their names on a client, in the order of the reference. A resource is a file below api/, which is
-- loaded when the resource, or a thing of its, is first used.

return {
  "scenarios",
  "scenarios.runs",
  "scenarios.scorers",
  "devboxes",
}
