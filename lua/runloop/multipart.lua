-- Forms with files (multipart/form-data, RFC 7578), in pieces that the core reads as it sends them.

local core = require "runloop.core"

local gsub = string.gsub

local multipart = {}

-- As browsers do it (WHATWG HTML, "multipart/form-data encoding algorithm").
local ESCAPES = { ['"'] = "%22", ["\r"] = "%0D", ["\n"] = "%0A" }

local function quoted(text)
  return '"' .. gsub(text, '["\r\n]', ESCAPES) .. '"'
end

local function head_of(part)
  local head = "Content-Disposition: form-data; name=" .. quoted(part.name)
  if part.filename then head = head .. "; filename=" .. quoted(part.filename) end
  if part.content_type then head = head .. "\r\nContent-Type: " .. part.content_type end
  return head .. "\r\n\r\n"
end

--- A form as the body of a request.
---@param parts { name: string, text: string?, file: string?, filename: string?, content_type: string? }[] in their
--- order; `file` is the path of a local file, in the place of `text`
---@return table body the pieces, for `transport:request`
---@return string content_type with the boundary
function multipart.form(parts)
  local boundary = core.uuid("runloop-")
  local pieces = {}
  for i = 1, #parts do
    local part = parts[i]
    pieces[#pieces + 1] = (i > 1 and "\r\n--" or "--") .. boundary .. "\r\n" .. head_of(part)
    pieces[#pieces + 1] = part.file and { file = part.file } or part.text
  end
  pieces[#pieces + 1] = "\r\n--" .. boundary .. "--\r\n"
  return pieces, "multipart/form-data; boundary=" .. boundary
end

return multipart
