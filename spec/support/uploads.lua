--- Bodies that are too large to be held: written to a file as they arrive; and forms, taken apart on the way.
local loop = require "loop"

local uploads = {}

--- A body above this does not stay in memory; the log has its length only.
uploads.LARGE = 1 << 20

local PASS_EVERY = 16

-- Pieces of a body of known length, as they arrive; nil at its end. `state.err` tells of a body that broke off.
local function pieces_of(conn, length, state)
  local left, n = length, 0
  return function()
    if left == 0 then return nil end
    if conn.buffer == "" then
      local ok, err = conn:fill()
      if not ok then
        state.err = err
        return nil
      end
      n = n + 1
      if n % PASS_EVERY == 0 then loop.pass() end
    end
    local piece = conn.buffer
    if #piece > left then
      conn.buffer, piece = piece:sub(left + 1), piece:sub(1, left)
    else
      conn.buffer = ""
    end
    left = left - #piece
    return piece
  end
end

local function boundary_of(request)
  local kind = request.header["content-type"] or ""
  if not kind:lower():find("^multipart/form%-data") then return nil end
  return kind:match('boundary="([^"]+)"') or kind:match("boundary=([^;%s]+)")
end

local function part_of(head)
  local part = { headers = {} }
  for name, value in head:gmatch("([^:\r\n]+):[ \t]*([^\r\n]*)") do part.headers[name:lower()] = value end
  local disposition = part.headers["content-disposition"] or ""
  part.name = disposition:match('[; ]name="([^"]*)"')
  part.filename = disposition:match('filename="([^"]*)"')
  return part
end

--- Takes a form apart: { fields = { name = value }, parts = { {name, filename, headers, size} }, file = path }, or nil
--- and what is wrong. `next_piece()` gives the body; the part with a filename goes to the file `new_path()`.
function uploads.parse(boundary, next_piece, new_path)
  local form = { fields = {}, parts = {} }
  local delimiter = "\r\n--" .. boundary
  local buffer = "\r\n"

  local function more()
    local piece = next_piece()
    if piece then buffer = buffer .. piece end
    return piece ~= nil
  end

  local function wait_for(text)
    while true do
      local first, last = buffer:find(text, 1, true)
      if first then return first, last end
      if not more() then return nil end
    end
  end

  local _, last = wait_for(delimiter)
  if last ~= #delimiter then return nil, "the form does not begin with its boundary" end
  buffer = buffer:sub(last + 1)
  while true do
    while #buffer < 2 and more() do end
    if buffer:sub(1, 2) == "--" then break end
    local first
    first, last = wait_for("\r\n\r\n")
    if not first then return nil, "the form ends in the head of a part" end
    local part = part_of(buffer:sub(1, first - 1))
    if not part.name then return nil, "a part without a name" end
    form.parts[#form.parts + 1] = part
    buffer = buffer:sub(last + 1)
    local file, texts = nil, {}
    if part.filename or part.name == "file" then
      form.file = new_path()
      file = assert(io.open(form.file, "wb"))
    end
    part.size = 0
    local function take(text)
      part.size = part.size + #text
      if file then file:write(text) else texts[#texts + 1] = text end
    end
    while true do
      first, last = buffer:find(delimiter, 1, true)
      if first then break end
      local keep = #delimiter - 1
      if #buffer > keep then
        take(buffer:sub(1, -keep - 1))
        buffer = buffer:sub(-keep)
      end
      if not more() then
        if file then file:close() end
        return nil, "the form ends in a part"
      end
    end
    take(buffer:sub(1, first - 1))
    buffer = buffer:sub(last + 1)
    if file then file:close() else form.fields[part.name] = table.concat(texts) end
  end
  while next_piece() do end -- what stands behind the last boundary
  return form
end

--- Reads a large body to files of `new_path()`: true, or nil and the reason. The request gets `body_bytes`, and
--- `form` or `body_file`.
function uploads.receive(conn, request, length, new_path)
  if (request.header["expect"] or ""):lower() == "100-continue" then conn:send("HTTP/1.1 100 Continue\r\n\r\n") end
  local state = {}
  local next_piece = pieces_of(conn, length, state)
  request.body_bytes, request.spooled = length, {}
  local make_path = new_path
  new_path = new_path and function()
    local path = make_path()
    table.insert(request.spooled, path)
    return path
  end
  local boundary = boundary_of(request)
  if not new_path then
    while next_piece() do end
  elseif boundary then
    request.form, request.form_error = uploads.parse(boundary, next_piece, new_path)
    while next_piece() do end
  else
    request.body_file = new_path()
    local file = assert(io.open(request.body_file, "wb"))
    for piece in next_piece do file:write(piece) end
    file:close()
  end
  if state.err then return nil, state.err end
  return true
end

--- Removes the files of a request that nobody has taken.
function uploads.discard(request)
  for _, path in ipairs(request.spooled or {}) do
    if path ~= request.taken then os.remove(path) end
  end
end

--- The form of a request, however large it was; raises a refusal.
function uploads.form(request, new_path)
  local base = require "api.base"
  if not request.form and not request.form_error then
    local boundary = base.expect(boundary_of(request), "A form is expected")
    local body = request.body
    request.form, request.form_error = uploads.parse(boundary, function()
      local piece = body
      body = nil
      return piece
    end, new_path)
  end
  return base.expect(request.form, request.form_error)
end

return uploads
