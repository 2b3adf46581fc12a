--- The stand-in's seed: scenarios, runs and scorers such as an account has them, the same for the same seed.
local json = require "json"

local data = {}

-- Knuth's MMIX generator, so that the data does not hang on the Lua version's own.
local function generator(seed)
  local state = seed * 2862933555777941757 + 3037000493
  local function next_number(n)
    state = state * 6364136223846793005 + 1442695040888963407
    return (state >> 33) % n + 1
  end
  for _ = 1, 4 do next_number(2) end
  return next_number
end

local ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz"

--- The id of the i-th thing of a kind: { scenario = "scn_", public = "scn_pub", run = "scr_", … }.
function data.id(prefix, seed, i)
  local random = generator(seed * 1000003 + i)
  local letters = {}
  for k = 1, 12 do
    local at = random(#ALPHABET)
    letters[k] = ALPHABET:sub(at, at)
  end
  return ("%s%s%06d"):format(prefix, table.concat(letters), i)
end

local PROJECTS = {
  "flask", "requests", "django", "sympy", "numpy", "pytest", "tokio", "serde", "redis", "lua", "curl", "nginx",
}
local SUBJECTS = {
  "fix-unicode-paths", "race-in-session-cache", "wrong-exit-code", "leap-second-overflow", "quote-handling",
  "slow-regex", "empty-list-crash", "timezone-drift", "resume-download", "flaky-retry-test", "i18n-sorting",
}

local PARAGRAPHS = {
  [[The function `parse_header` in src/%s/headers.py returns the wrong value when a header is folded over several lines.
Make it follow RFC 9110, section 5.5, and keep the order of repeated names. Do not change its signature; callers in
"legacy/" depend on it. The tests in tests/test_headers.py describe what is expected, see also issue #%d.
]],
  [=[```python
def parse_header(lines: list[str], *, strict: bool = False) -> dict[str, list[str]]:
    """Fold 'obs-fold' lines: "a\r\n b" becomes "a b"."""
    result: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=%d):
        if line[:1] in (" ", "\t") and strict:
            raise ValueError(f"line {number}: unexpected fold in {line!r}")
        name, _, value = line.partition(":")
        result.setdefault(name.strip().lower(), []).append(value.strip("\t \"'"))
    return result
```
]=],
  [[Traceback (most recent call last):
  File "/home/user/work/%s/app.py", line %d, in handle
    response = await self.dispatch(request, context={"retry": True, "path": "C:\\temp\\new"})
  File "/home/user/work/app.py", line 88, in dispatch
    raise KeyError("'session' not in \"context\"")
KeyError: "'session' not in \"context\""
]],
  [[Reproduce it with:

	$ printf 'GET /%%E2%%82%%AC HTTP/1.1\r\nHost: example\r\n\r\n' | nc localhost 8080
	$ ./run --case=%s --count=%d 2>&1 | tee "out put.log"
	$ awk -F'\t' '{ print $1 "\\n" $2 }' out\ put.log
]],
  "Кто-то сообщил: «при вводе имени “Ñandú” программа %s падает» — см. обсуждение № %d. "
    .. "日本語の入力でも同じ問題が起きます。Größe, naïve façade, Ελληνικά, עברית. 🚀🧪👩‍💻 \u{1F1E9}\u{1F1EA}\n",
  [[| step | command | expected |
|------|---------|----------|
| 1 | `make -C %s all` | exit code 0 |
| 2 | `./test --seed %d --json '{"a": [1, 2.50, -3e-7], "b": {}}'` | `{"ok": true}` |
| 3 | `diff -u <(sort a.txt) <(sort b.txt)` | no output |
]],
  [[```c
/* %s: the length may not be negative */
static int copy(char *dst, size_t cap, const char *src, int n)
{
	if (n < 0 || (size_t)n >= cap) {
		fprintf(stderr, "copy: %%d is \"out of range\"\n", %d);
		return -1;
	}
	memcpy(dst, src, (size_t)n);
	dst[n] = '\0';
	return n;
}
```
]],
  [[Constraints:
- only files below `%s/` may change; at most %d lines in all;
- no new dependency, no network, no `sleep`;
- the public API stays as it is, <b>including</b> &amp; its error messages;
- leave "TODO(ops)" comments alone, they're read by a tool.

]],
  [[diff --git a/%s/core.lua b/%s/core.lua
@@ -%d,6 +12,9 @@ local function walk(node, visit)
-  for k, v in pairs(node) do visit(k, v) end
+  local keys = {}
+  for k in pairs(node) do keys[#keys + 1] = k end
+  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
+  for _, k in ipairs(keys) do visit(k, node[k]) end
   return node
]],
}

local function paragraph(random)
  local text = PARAGRAPHS[random(#PARAGRAPHS)]
  local project, number = PROJECTS[random(#PROJECTS)], random(9999)
  return (text:gsub("%%([sd%%])", { s = project, d = tostring(number), ["%"] = "%" }))
end

local function prose(random, bytes)
  local parts, length = {}, 0
  repeat
    local p = paragraph(random)
    parts[#parts + 1] = p
    length = length + #p
  until length >= bytes
  return table.concat(parts)
end

local array, null = json.array, json.null

local function scoring_functions(random, i)
  local all = {
    { type = "bash_script_scorer",
      bash_script = "#!/bin/bash\nset -e\npytest -q && echo 'score=1.0' || echo \"score=0.0\"\n" },
    { type = "test_based_scorer", test_command = "python -m pytest tests -q",
      test_files = array {
        { file_path = "tests/test_it.py", file_contents = "def test_it():\n\tassert 1 + 1 == 2\n" },
      } },
    { type = "command_scorer", command = "make check" },
    { type = "ast_grep_scorer", pattern = "console.log(\\$\\$\\$)", search_directory = ".", lang = "ts" },
    { type = "python_script_scorer", python_script = "print('score=0.5')\n", python_version_constraint = "==3.12.10",
      requirements_contents = null },
    { type = "custom_scorer", custom_scorer_type = "my_scorer",
      scorer_params = { threshold = 0.1, tags = array {}, deep = {} } },
  }
  -- A type that no client knows: it must pass through.
  if i % 50 == 7 then all[#all + 1] = { type = "quantum_scorer", qubits = 9007199254740993 } end
  if random(3) == 1 then
    return array {
      { name = "tests", weight = 0.7, scorer = all[random(6)] },
      { name = "style", weight = 0.3, scorer = all[#all] },
    }
  end
  return array { { name = "main", weight = 1.0, scorer = all[random(#all)] } }
end

local function environment(random, i)
  if i % 4 == 0 then return null end
  local directory = "/home/user/" .. PROJECTS[random(#PROJECTS)]
  local env = { blueprint_id = null, snapshot_id = null, working_directory = directory }
  if i % 2 == 0 then env.snapshot_id = "snp_" .. 31000 + i else env.blueprint_id = "bpt_" .. 42000 + i end
  env.launch_parameters = random(2) == 1 and null or {
    resource_size_request = "CUSTOM_SIZE", custom_cpu_cores = 0.5, custom_gb_memory = 2,
    keep_alive_time_seconds = 172800, launch_commands = array { "export X=\"a b\"", "cd ~ && ls" },
    available_ports = array {}, user_parameters = { uid = 1000, username = "user" },
    after_idle = { idle_time_seconds = 600, on_idle = "suspend" },
  }
  return env
end

local function additional_context(random, i)
  local kind = i % 6
  if kind == 0 then return nil end
  if kind == 1 then return null end
  if kind == 2 then return {} end
  if kind == 3 then return array {} end
  if kind == 4 then return "plain text, " .. random(100) end
  return {
    big = 9223372036854775807, beyond_double = 9007199254740993, negative = -1, float = 0.1, whole_float = 1.0,
    tiny = 5e-324, empty = {}, list = array { 1, 2.5, null, array {}, {} }, ["ключ"] = "значение 🔑", [""] = "empty name",
    nested = { nested = { nested = array { array { array { random(1000) } } } } },
  }
end

local VALIDATION_TYPES = { "FORWARD", "REVERSE", "EVALUATION", "UNSPECIFIED" }
local BENCHMARKS = { [0] = "bmd_gamma", "bmd_alpha", "bmd_beta" }

--- The fields of the i-th scenario but id and status, each as JSON text.
function data.scenario_fields(seed, i, is_public)
  local random = generator(seed * 7919 + i * 2 + (is_public and 1 or 0))
  local text = prose(random, 1500 + random(9000))
  -- One text has a NUL and the other control characters that JSON writes as \u00XX.
  if i % 50 == 3 then text = text .. "\0\1\27[31mred\27[0m\127" end
  local input = { problem_statement = text, additional_context = additional_context(random, i) }
  local metadata = { suite = i % 2 == 0 and "core" or "extended", ["näme"] = "wert " .. i, empty = "" }
  if i % 7 == 0 then metadata = {} end
  local fields = {
    name = data.scenario_name(i),
    input_context = input,
    scoring_contract = { scoring_function_parameters = scoring_functions(random, i) },
    metadata = metadata,
    environment = environment(random, i),
    is_public = is_public or nil,
    required_environment_variables = i % 3 == 0 and array { "API_KEY", "HOME" } or array {},
    required_secret_names = i % 5 == 0 and array { "GITHUB_TOKEN" } or array {},
    scorer_timeout_sec = i % 2 == 0 and 1800 or null,
    reference_output = i % 3 == 1 and prose(random, 300) or null,
    validation_type = VALIDATION_TYPES[i % 5] or nil,
  }
  if i % 50 == 7 then fields.x_future_field = { since = "2027", limits = array { 1e300, -0.0 } } end
  for name, value in pairs(fields) do fields[name] = json.encode(value) end
  return fields
end

--- The name of the i-th scenario.
function data.scenario_name(i)
  if i % 10 == 1 then return "nightly" end
  local random = generator(i)
  return ("%s-%04d-%s"):format(PROJECTS[random(#PROJECTS)], i, SUBJECTS[random(#SUBJECTS)])
end

--- What a list filters the i-th scenario by.
function data.benchmark_id(i)
  return BENCHMARKS[i % 3]
end

function data.validation_type(i)
  return VALIDATION_TYPES[i % 5]
end

data.RUN_STATES = { "completed", "scored", "failed", "running", "timeout", "canceled", "scoring" }

--- The result of scoring: `names` are those of the scoring functions.
function data.scoring_result(names, score)
  local results = array {}
  for i, name in ipairs(names) do
    results[i] = {
      scoring_function_name = name, score = score, state = "complete",
      output = ("== %s ==\n\"ok\"\t✓ score=%s\n"):format(name, score),
    }
  end
  return { score = score, scoring_function_results = results }
end

return data
