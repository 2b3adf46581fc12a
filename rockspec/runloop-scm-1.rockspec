rockspec_format = "3.0"
package = "runloop"
version = "scm-1"
-- `luarocks make` builds the tree it is called in; a release says here where it is fetched from.
source = {
  url = "git+file:.",
}
description = {
  summary = "Runloop API client: scenarios, runs and scorers, with lazy lists and tasks that never block the host",
  detailed = [[
    Scenarios of the Runloop API as plain tables, lists as iterators that fetch pages as the loop needs them, and
    methods such as archive. A C core does HTTP by libcurl and decodes JSON; many calls run at once, and a
    host's main loop never waits.]],
  license = "MIT",
  labels = { "http", "json", "curl", "api", "async" },
}
dependencies = {
  "lua >= 5.4",
  "lua-cjson >= 2.1.0",
}
-- Only the library is looked for: Debian has curl.h in a directory of its architecture, where LuaRocks does not look.
external_dependencies = {
  CURL = { library = "curl" },
}
build = {
  type = "builtin",
  modules = {
    ["runloop.core"] = {
      sources = {
        "src/alloc.c",
        "src/buffer.c",
        "src/curlcode.c",
        "src/encode.c",
        "src/events.c",
        "src/framer.c",
        "src/headers.c",
        "src/http.c",
        "src/json.c",
        "src/lane.c",
        "src/lua_core.c",
        "src/lua_encode.c",
        "src/lua_file.c",
        "src/lua_http.c",
        "src/lua_json.c",
        "src/lua_quick.c",
        "src/lua_scrub.c",
        "src/platform.c",
        "src/poller.c",
        "src/scrub.c",
        "src/sink.c",
        "src/source.c",
        "src/transfer.c",
        "src/url.c",
      },
      libraries = { "curl" },
      incdirs = { "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
    ["runloop"] = "lua/runloop/init.lua",
    ["runloop.api"] = "lua/runloop/api.lua",
    ["runloop.api.accounts"] = "lua/runloop/api/accounts.lua",
    ["runloop.api.agents"] = "lua/runloop/api/agents.lua",
    ["runloop.api.apikeys"] = "lua/runloop/api/apikeys.lua",
    ["runloop.api.axons"] = "lua/runloop/api/axons.lua",
    ["runloop.api.axons.events"] = "lua/runloop/api/axons/events.lua",
    ["runloop.api.axons.sql"] = "lua/runloop/api/axons/sql.lua",
    ["runloop.api.benchmark_jobs"] = "lua/runloop/api/benchmark_jobs.lua",
    ["runloop.api.benchmark_runs"] = "lua/runloop/api/benchmark_runs.lua",
    ["runloop.api.benchmarks"] = "lua/runloop/api/benchmarks.lua",
    ["runloop.api.blueprints"] = "lua/runloop/api/blueprints.lua",
    ["runloop.api.devboxes"] = "lua/runloop/api/devboxes.lua",
    ["runloop.api.devboxes.disk_snapshots"] = "lua/runloop/api/devboxes/disk_snapshots.lua",
    ["runloop.api.devboxes.executions"] = "lua/runloop/api/devboxes/executions.lua",
    ["runloop.api.devboxes.logs"] = "lua/runloop/api/devboxes/logs.lua",
    ["runloop.api.gateway_configs"] = "lua/runloop/api/gateway_configs.lua",
    ["runloop.api.mcp_configs"] = "lua/runloop/api/mcp_configs.lua",
    ["runloop.api.network_policies"] = "lua/runloop/api/network_policies.lua",
    ["runloop.api.objects"] = "lua/runloop/api/objects.lua",
    ["runloop.api.pty"] = "lua/runloop/api/pty.lua",
    ["runloop.api.restricted_keys"] = "lua/runloop/api/restricted_keys.lua",
    ["runloop.api.scenarios"] = "lua/runloop/api/scenarios.lua",
    ["runloop.api.scenarios.runs"] = "lua/runloop/api/scenarios/runs.lua",
    ["runloop.api.scenarios.scorers"] = "lua/runloop/api/scenarios/scorers.lua",
    ["runloop.api.secrets"] = "lua/runloop/api/secrets.lua",
    ["runloop.api.shapes"] = "lua/runloop/api/shapes.lua",
    ["runloop.await"] = "lua/runloop/await.lua",
    ["runloop.builder"] = "lua/runloop/builder.lua",
    ["runloop.client"] = "lua/runloop/client.lua",
    ["runloop.coroutines"] = "lua/runloop/coroutines.lua",
    ["runloop.deadlines"] = "lua/runloop/deadlines.lua",
    ["runloop.download"] = "lua/runloop/download.lua",
    ["runloop.error"] = "lua/runloop/error.lua",
    ["runloop.exec"] = "lua/runloop/exec.lua",
    ["runloop.fifo"] = "lua/runloop/fifo.lua",
    ["runloop.headers"] = "lua/runloop/headers.lua",
    ["runloop.json"] = "lua/runloop/json.lua",
    ["runloop.lazy"] = "lua/runloop/lazy.lua",
    ["runloop.map"] = "lua/runloop/map.lua",
    ["runloop.multipart"] = "lua/runloop/multipart.lua",
    ["runloop.pager"] = "lua/runloop/pager.lua",
    ["runloop.proxy"] = "lua/runloop/proxy.lua",
    ["runloop.request"] = "lua/runloop/request.lua",
    ["runloop.resource"] = "lua/runloop/resource.lua",
    ["runloop.retry"] = "lua/runloop/retry.lua",
    ["runloop.scheduler"] = "lua/runloop/scheduler.lua",
    ["runloop.schema"] = "lua/runloop/schema.lua",
    ["runloop.secrets"] = "lua/runloop/secrets.lua",
    ["runloop.task"] = "lua/runloop/task.lua",
    ["runloop.together"] = "lua/runloop/together.lua",
    ["runloop.turns"] = "lua/runloop/turns.lua",
    ["runloop.types.api"] = "lua/runloop/types/api.lua",
    ["runloop.types.builder"] = "lua/runloop/types/builder.lua",
    ["runloop.types.client"] = "lua/runloop/types/client.lua",
    ["runloop.types.errors"] = "lua/runloop/types/errors.lua",
    ["runloop.types.lists"] = "lua/runloop/types/lists.lua",
    ["runloop.types.options"] = "lua/runloop/types/options.lua",
    ["runloop.types.tasks"] = "lua/runloop/types/tasks.lua",
    ["runloop.version"] = "lua/runloop/version.lua",
    ["runloop.waits"] = "lua/runloop/waits.lua",
  },
  platforms = {
    -- Before glibc 2.34 threads and dlopen had libraries of their own.
    linux = { modules = { ["runloop.core"] = { libraries = { "curl", "pthread", "dl" } } } },
  },
}
test = {
  type = "command",
  command = "make test",
}
