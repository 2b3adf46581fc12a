-- What luacheck holds every Lua file to.
std = "lua54"
max_line_length = 130
max_comment_line_length = false -- annotations and tables of options keep to their line
include_files = { "**/*.lua", ".ci/*.lua", ".luacheckrc", "rockspec/*.rockspec" }
exclude_files = { "build" }

-- The library keeps to what Lua 5.1 has as well; what newer versions add it may only use where it is there.
files["lua"] = {
  std = "min",
  read_globals = {
    coroutine = { fields = { "close", "isyieldable" } },
    math = { fields = { "tointeger", "type" } },
    utf8 = { fields = { "len" } },
  },
}
files["lua/runloop/types"] = { ignore = { "211", "212", "241" } } -- declares, and has functions without a body
files["spec"] = { std = "lua54+busted" }
files["spec/support/portable.lua"] = { std = "max" }
files["examples/hosts"] = { globals = { "love", "vim", "mp", "core" } }
files["spec/hosts"] = { globals = { "Pandoc", "pandoc", "weechat", "runloop_tick", "lighty" } }
files["rockspec"] = { std = "+rockspec" }
files[".luacheckrc"] = { std = "+luacheckrc" }
