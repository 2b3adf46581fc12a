-- Brings the lists of the rockspec up to date and writes the one of the version: lua .ci/rockspec.lua VERSION FILE...
-- FILE: the C sources of the core and the Lua files.

local SCM = "rockspec/runloop-scm-1.rockspec"

local version = arg[1]
local sources, modules, names = {}, {}, {}
for i = 2, #arg do
  if arg[i]:find "%.c$" then
    sources[#sources + 1] = ('        "%s",\n'):format(arg[i])
  else
    local name = arg[i]:match "^lua/(.*)%.lua$":gsub("/", "."):gsub("%.init$", "")
    modules[name] = ('    ["%s"] = "%s",\n'):format(name, arg[i])
    names[#names + 1] = name
  end
end
table.sort(sources)
table.sort(names)
for i, name in ipairs(names) do names[i] = modules[name] end

local function replace(text, first, last, new)
  local _, from = assert(text:find(first, 1, true))
  local to = assert(text:find(last, from, true))
  return text:sub(1, from) .. new .. text:sub(to)
end

local file = assert(io.open(SCM))
local text = file:read "*a"
file:close()
text = replace(text, "sources = {\n", "      },\n", table.concat(sources))
text = replace(text, "    [\"runloop\"] = ", "  },\n  platforms", "")
text = text:gsub('    %["runloop"%] = ', (table.concat(names):gsub("%%", "%%%%")))

local function write(path, content)
  local out = assert(io.open(path, "w"))
  assert(out:write(content))
  assert(out:close())
end

write(SCM, text)
write(("rockspec/runloop-%s-1.rockspec"):format(version), (text:gsub('version = "scm%-1"', ('version = "%s-1"'):format(version))
  :gsub('\n  url = "[^\n]*', ('%%0\n  tag = "v%s",'):format(version))))
