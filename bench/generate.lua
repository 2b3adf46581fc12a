-- Writes the scenario pages that nginx serves to the bench: lua5.4 bench/generate.lua DIRECTORY
--
-- The same 20,000 scenarios every time: about 7.5 KiB each, mostly code-like text with an escape about every
-- 60 bytes and 2 % non-ASCII characters, cut into pages of 500 and of 5,000; the first 2,000 also into pages of 100.
-- As many small ones, of some 300 bytes, lie in pages of 500 in small/.
-- Beside the pages: pages.map and again.map, which tell nginx the page for "limit:starting_after", scenario.json, the
-- constant answer to a call, and stamp, written last, with the figures of the data.

local directory = assert(arg[1], "usage: generate.lua DIRECTORY")

local SCENARIOS = 20000
local PAGES = { -- page size and number of scenarios cut to that size
  { size = 100, scenarios = 2000 },
  { size = 500, scenarios = SCENARIOS },
  { size = 5000, scenarios = SCENARIOS },
}
local SMALL_PAGES = { size = 500, scenarios = SCENARIOS, directory = "small/" }

-- A generator of our own: math.random gives other numbers in other versions of Lua.
local state = 20250921
local function random(n)
  state = (state * 1103515245 + 12345) % 2147483648
  return math.floor(state / 65536) % n + 1
end

local function pick(list)
  return list[random(#list)]
end

local names = {
  "count", "index", "buffer", "result", "parser", "session", "payload", "cursor", "handler", "timeout", "retries",
  "config", "token", "visitor", "matrix", "offset", "batch", "record", "schema", "worker", "channel", "cache",
}

-- @ stands for a name, # for a number.
local templates = {
  "def @_@(self, @, @=None, timeout=#):",
  "    if @ is None or len(@) < # or @.closed and not @.pending:",
  "        raise ValueError(\"@ must be at least # bytes long, got %d\" % len(@))",
  "    return [@.get(\"@\", #) for @ in self._@ if @.enabled and not @.closed]",
  "    @ = self.@(@, @, timeout=#)  -- see the notes on @ in ticket # about @ and @",
  "        assert response.status_code == #, f'unexpected {@!r} for {@.path}'",
  "\tfor (size_t @ = 0; @ < @->length && @->items[@].@ != NULL; @++) {",
  "\t\tif (@->items[@].@ == NULL || @->items[@].@ > # || @->items[@].@ == @->last) {",
  "\t\t\tfprintf(stderr, \"%s: no @ at %zu\\n\", @->name, @);",
  "    } else if (@ + @ >= # || @ == #) { @ = @_@(@, #); }",
  "static int @_@(struct @ *@, const char *@, unsigned int flags)",
  "const @ = await fetch(`/api/@/${@.id}?limit=#`, { headers, signal: @.signal });",
  "    expect(@.map((@) => @.@).sort()).toEqual([\"@\", \"@\", '@']);",
  "diff --git a/src/@/@.py b/src/@/@.py",
  "@@@ -#,# +#,# @@@ class @Test(unittest.TestCase):",
  "-        self.assertEqual(@.@(#), #)",
  "+        self.assertEqual(@.@(#, strict=True), #)",
  "SELECT @, @, COUNT(*) AS @ FROM @ WHERE @ > # AND @ IS NOT NULL GROUP BY @ ORDER BY @ DESC;",
  "E       AssertionError: the @ of the @ did not change although @ was called # times with a new @",
  "tests/test_@.py::test_@_keeps_@_after_@ FAILED                      [ #%]",
  "The @ has to keep its order when the @ is closed early, also when # of them wait for the same @.",
  "Run `pytest -q tests/@ -k @` and make sure that nothing but the @ of the @ is different afterwards.",
  "C:\\builds\\@.cs(#): error CS#: the name '@' does not exist in the current context of @",
  "    -- Größe prüfen: für übergroße Einträge läuft die Prüfung später, häufig während des Schließens",
  "    // 文字列の長さを数える: the @ of the @ is checked before the @ is written",
  "    // Границы массива: @ is checked before @ is written, or else the last # bytes are lost",
  "    * naïve café → résumé: the @ comes before the “@”, never after it — §# of the notes",
  "✅ # passed, 🚧 # skipped, ❌ # failed: the @ did not keep the @ of the @…",
  "",
}

local escapes = { ["\n"] = "\\n", ["\t"] = "\\t", ["\""] = "\\\"", ["\\"] = "\\\\" }
local function escape(text)
  return (text:gsub('[%c"\\]', escapes))
end

local figures = { bytes = 0, text = 0, escapes = 0, characters = 0, non_ascii = 0 }

-- A thousand lines, each already escaped, from which all texts are put together.
local lines = {}
for i = 1, 1000 do
  local template = templates[(i - 1) % #templates + 1]
  local text = template:gsub("@@@", "\1"):gsub("@", function() return pick(names) end)
    :gsub("#", function() return tostring(random(900)) end):gsub("\1", "@@") .. "\n"
  lines[i] = {
    text = escape(text),
    escapes = select(2, text:gsub('[%c"\\]', "")),
    characters = utf8.len(text),
    non_ascii = select(2, text:gsub("[\xC2-\xF4][\x80-\xBF]+", "")),
  }
end

local function text_of(bytes)
  local parts, n = {}, 0
  while bytes > 0 do
    local line = lines[random(#lines)]
    n = n + 1
    parts[n] = line.text
    bytes = bytes - #line.text
    figures.text = figures.text + #line.text
    figures.escapes = figures.escapes + line.escapes
    figures.characters = figures.characters + line.characters
    figures.non_ascii = figures.non_ascii + line.non_ascii
  end
  return table.concat(parts)
end

local function id_of(n)
  return ("scn_%012d"):format(n)
end

local function scenario(n)
  return table.concat {
    '{"id":"', id_of(n), '","name":"', pick(names), '-', pick(names), '-', n, '","status":"active","is_public":false,',
    '"input_context":{"problem_statement":"', text_of(2550 + random(2400)),
    '","additional_context":{"repository":"', pick(names), '/', pick(names), '","commit":', random(32000) * 65537,
    ',"hints":[],"difficulty":0.', random(99), '}},"scoring_contract":{"scoring_function_parameters":[',
    '{"name":"tests","weight":0.75,"scorer":{"type":"test_based_scorer","test_command":"pytest -q tests/', pick(names),
    '","test_files":[{"file_path":"tests/test_', pick(names), '.py","file_contents":"', text_of(1000 + random(900)),
    '"}]}},{"name":"style","weight":0.25,"scorer":{"type":"bash_script_scorer","bash_script":"', text_of(200), '"}}]},',
    '"metadata":{"suite":"', pick(names), '","language":"', pick(names), '","revision":"', random(500), '"},',
    '"environment":{"blueprint_id":"bpt_', random(30000), '","snapshot_id":null,"working_directory":"/home/user/',
    pick(names), '","launch_parameters":{"resource_size_request":"MEDIUM","keep_alive_time_seconds":3600,',
    '"launch_commands":["make ', pick(names), '"],"architecture":"x86_64"}},',
    '"reference_output":"', text_of(700 + random(900)), '","required_environment_variables":["', pick(names):upper(),
    '"],"required_secret_names":[],"scorer_timeout_sec":1800,"validation_type":"FORWARD"}',
  }
end

local function small_scenario(n)
  return ('{"id":"%s","name":"%s-%s-%d","status":"active","is_public":false,"input_context":{"problem_statement":"%s"},'
    .. '"scoring_contract":{"scoring_function_parameters":[]},"metadata":{"suite":"%s","language":"%s"},'
    .. '"validation_type":"FORWARD","scorer_timeout_sec":1800}'):format(
      id_of(n), pick(names), pick(names), n, pick(lines).text, pick(names), pick(names))
end

local function create(name)
  return assert(io.open(directory .. "/" .. name, "wb"))
end

local function close(file)
  assert(file:close()) -- a full disk shows here
end

local pages_map, again_map = create("pages.map"), create("again.map")

local function map_line(file, size, cursor, page)
  file:write(('"%d:%s" /%d-%d.json;\n'):format(size, cursor, size, page))
end

-- Called with every scenario in turn: opens, fills and closes the pages of one size.
local function add_to_page(pages, n, text)
  if n > pages.scenarios then return end
  local page = (n - 1) // pages.size + 1
  if (n - 1) % pages.size == 0 then
    pages.file = create(("%s%d-%d.json"):format(pages.directory or "", pages.size, page))
    pages.file:write('{"scenarios":[')
    if not pages.directory then map_line(pages_map, pages.size, page == 1 and "" or id_of(n - 1), page) end
  else
    pages.file:write(",")
  end
  pages.file:write(text)
  if n % pages.size == 0 then
    local has_more = n < pages.scenarios
    pages.file:write(('],"has_more":%s,"total_count":%d}'):format(has_more, pages.scenarios))
    close(pages.file)
    -- Endless listing: after the last page but one comes the second again, so that 100,000 scenarios and more can be
    -- listed without as much data. (The first would be taken for a server that does not heed the cursor.)
    if n == pages.scenarios - pages.size and not pages.directory then
      map_line(again_map, pages.size, id_of(n), 2)
    end
  end
end

for n = 1, SCENARIOS do
  local text = scenario(n)
  figures.bytes = figures.bytes + #text
  for _, pages in ipairs(PAGES) do add_to_page(pages, n, text) end
end
for n = 1, SCENARIOS do add_to_page(SMALL_PAGES, n, small_scenario(n)) end
close(pages_map)
close(again_map)

-- A whole scenario of exactly 300 bytes: what the server answers to archive and retrieve.
local head = '{"id":"' .. id_of(1) .. '","name":"constant","status":"archived","is_public":false,'
  .. '"input_context":{"problem_statement":"'
local tail = '"},"scoring_contract":{"scoring_function_parameters":[]},"metadata":{"suite":"bench"}}'
local answer = create("scenario.json")
answer:write(head, ("x"):rep(300 - #head - #tail), tail)
close(answer)

local stamp = create("stamp")
stamp:write(("%d scenarios, %d bytes each, an escape every %.0f bytes of text, %.1f %% non-ASCII\n"):format(
  SCENARIOS, figures.bytes // SCENARIOS, figures.text / figures.escapes,
  100 * figures.non_ascii / figures.characters))
close(stamp)
