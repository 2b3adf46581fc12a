--- Faults on order: which request gets one, what becomes of its answer, and how the answer is sent.
local http = require "http"
local json = require "json"
local loop = require "loop"
local sse = require "sse"
local zip = require "zip"

local faults = {}

-- A connection that is reset loses what its client's socket had no room for: give the client time to read.
local ROOM, TIME_TO_READ = 32768, 0.05

local function query_matches(wanted, query)
  for name, value in pairs(wanted) do
    if value == false then
      if query[name] ~= nil then return false end
    elseif query[name] ~= tostring(value) then
      return false
    end
  end
  return true
end

--- Whether a fault, a chaos or a log filter means this request (or log entry).
function faults.matches(filter, request)
  return (not filter.method or filter.method == request.method)
    and (not filter.path or request.path:find(filter.path) ~= nil)
    and (not filter.query or query_matches(filter.query, request.query))
end

--- Takes the fault for a request out of a queue, or nil.
function faults.take(queue, request)
  for i, fault in ipairs(queue) do
    if faults.matches(fault, request) then
      if (fault.skip or 0) > 0 then
        fault.skip = fault.skip - 1
      else
        fault.times = (fault.times or 1) - 1
        if fault.times <= 0 then table.remove(queue, i) end
        return fault
      end
    end
  end
end

local function drop_headers(answer, name)
  for i = #answer.headers, 1, -1 do
    local h = answer.headers[i]
    local its_name = type(h) == "table" and h[1] or h:match("^[^:]*")
    if its_name:lower() == name:lower() then table.remove(answer.headers, i) end
  end
end

local function add_headers(answer, headers)
  for _, h in ipairs(headers or {}) do answer.headers[#answer.headers + 1] = h end
  for name, value in pairs(headers or {}) do
    if type(name) == "string" then
      drop_headers(answer, name)
      if type(value) == "table" then
        for _, v in ipairs(value) do answer.headers[#answer.headers + 1] = { name, v } end
      elseif value ~= false then
        answer.headers[#answer.headers + 1] = { name, tostring(value) }
      end
    end
  end
end

local JSON, HTML = { "Content-Type", "application/json" }, { "Content-Type", "text/html; charset=utf-8" }
local HTML_PAGE = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
  .. "<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

--- The answer that the fault itself gives, or nil when it only changes the stand-in's.
local function own_answer(fault, request)
  local answer
  if fault.redirect then
    answer = { status = fault.status or 302, headers = { { "Location", fault.redirect } }, body = "" }
  elseif fault.echo_token then
    local token = request.header["authorization"] or "none"
    answer = {
      status = fault.status or 400, headers = { JSON, { "x-echo", token } },
      body = json.encode { message = "refused: " .. token, request = { authorization = token } },
    }
  elseif fault.html then
    answer = { status = fault.status or 502, headers = { HTML }, body = HTML_PAGE }
  elseif fault.status or fault.body or fault.json ~= nil then
    local status = fault.status or 200
    local body = fault.body or fault.json ~= nil and json.encode(fault.json)
    if not body then body = status < 300 and "{}" or json.encode { message = "fault " .. status } end
    answer = { status = status, headers = (status ~= 204 and status ~= 304) and { JSON } or {}, body = body }
  end
  if answer then add_headers(answer, fault.headers) end
  return answer
end

local TRANSPORT = { "close", "reset", "silent", "raw", "garbage", "http09", "endless_headers", "endless_body" }

local function is_transport(fault)
  for _, name in ipairs(TRANSPORT) do
    if fault[name] then return true end
  end
  return false
end

--- The parts of a list's page as the stand-in makes it: name of the list, its elements, and the rest.
local function page_parts(body)
  local key, list, has_more, rest = body:match('^{"([%w_]+)":(%[.*%]),"has_more":(%a+)(.*)}$')
  if not key then error("a page fault on something that is no page", 0) end
  return key, json.elements(list), has_more, rest
end

local PAGES = {
  no_has_more = function(key, list, _, rest) return ('{"%s":%s%s}'):format(key, list, rest) end,
  has_more = function(key, list, _, rest) return ('{"%s":%s,"has_more":true%s}'):format(key, list, rest) end,
  no_list = function(_, _, has_more, rest) return ('{"has_more":%s%s}'):format(has_more, rest) end,
  null_list = function(key, _, has_more, rest) return ('{"%s":null,"has_more":%s%s}'):format(key, has_more, rest) end,
  object_list = function(key, _, has_more, rest) return ('{"%s":{},"has_more":%s%s}'):format(key, has_more, rest) end,
  list_twice = function(key, list, has_more, rest)
    return ('{"%s":%s,"has_more":%s%s,"%s":%s}'):format(key, list, has_more, rest, key, list)
  end,
  empty_page = function(key, _, _, rest) return ('{"%s":[],"has_more":true%s}'):format(key, rest) end,
  total_null = function(key, list, has_more)
    return ('{"%s":%s,"has_more":%s,"total_count":null}'):format(key, list, has_more)
  end,
  array = function(_, list) return list end,
}

local function without_id(text, replacement)
  return (text:gsub('^{"id":"[^"]*",?', function() return "{" .. replacement end))
end

local function edit_page(kind, body)
  local key, elements, has_more, rest = page_parts(body)
  local edit = PAGES[kind]
  if kind == "no_id" or kind == "empty_id" then
    local last = #elements
    if last > 0 then elements[last] = without_id(elements[last], kind == "empty_id" and '"id":"",' or "") end
    edit = PAGES.has_more
  elseif kind == "same_page" then
    edit = PAGES.has_more
  end
  if not edit then error("no such page fault: " .. tostring(kind), 0) end
  return edit(key, "[" .. table.concat(elements, ",") .. "]", has_more, rest)
end

--- How many bytes of a page end with its n-th element.
local function bytes_of_items(body, n)
  local key, elements = page_parts(body)
  local bytes = #key + 5
  for i = 1, math.min(n, #elements) do bytes = bytes + #elements[i] + (i > 1 and 1 or 0) end
  return bytes
end

local function gzip_body(fault, body)
  local kind = fault.gzip
  if kind == "bomb" then return zip.bomb(fault.size or 256 << 20) end
  if kind == "garbage" then return "this is not gzip: " .. body:sub(1, 100) end
  local packed = zip.gzip(body)
  if kind == "cut" then return packed:sub(1, #packed // 2) end
  if kind == "bad_crc" then return packed:sub(1, -9) .. "\1\2\3\4" .. packed:sub(-4) end
  return packed
end

local function edit_body(fault, answer, random)
  if fault.page then answer.body = edit_page(fault.page, answer.body) end
  if fault.cut_items then answer.cut = bytes_of_items(answer.body, fault.cut_items) + (fault.cut_extra or 0) end
  if fault.flip then
    local at = fault.flip.at == "random" and random(#answer.body) or fault.flip.at
    answer.body = answer.body:sub(1, at - 1) .. fault.flip.to .. answer.body:sub(at + 1)
  end
  if fault.truncate then
    local n = fault.truncate == "random" and random(#answer.body + 1) - 1 or fault.truncate
    answer.body = answer.body:sub(1, n)
  end
  if fault.gzip then
    answer.body = gzip_body(fault, answer.body)
    answer.headers[#answer.headers + 1] = { "Content-Encoding", "gzip" }
  end
  if fault.cut then
    local n = fault.cut == "random" and random(#answer.body + 1) - 1 or fault.cut
    answer.cut = n < 0 and math.max(0, #answer.body + n) or n
  end
end

--- Iterates over the pieces of an answer that has pieces instead of a body.
function faults.pieces(answer)
  local pieces, i = answer.pieces, 0
  if type(pieces) == "function" then return pieces end
  return function()
    i = i + 1
    return pieces[i]
  end
end

-- A server that goes back before the place where a client takes a stream up.
local function go_back(request, by)
  for _, name in ipairs { "offset", "after_sequence" } do
    local place = tonumber(request.query[name])
    if place then request.query[name] = ("%d"):format(math.max(0, place - by)) end
  end
end

--- The answer of a request under a fault, or nil when there is none to be sent (see `faults.play`).
--- `handle(request)` asks the stand-in, `random(n)` gives 1..n, `server` is what a fault's Lua text gets as its
--- third argument.
function faults.answer(fault, request, handle, random, server)
  local transport = is_transport(fault)
  local answer = not transport and own_answer(fault, request)
  if transport or answer then
    if fault.effect then handle(request) end
    if transport then return nil end
  else
    if fault.page == "same_page" then request.query.starting_after = nil end
    if fault.replay then go_back(request, fault.replay) end
    answer = handle(request)
    if answer.pieces then
      local parts = {}
      for piece in faults.pieces(answer) do parts[#parts + 1] = piece end
      answer.body, answer.pieces = table.concat(parts), nil
    end
  end
  if answer.stream then
    if fault.cut == "random" then answer.cut = random(fault.within or 4096) - 1 else answer.cut = fault.cut end
  else
    edit_body(fault, answer, random)
  end
  add_headers(answer, fault.set_headers)
  if fault.lua then assert(load(fault.lua, "=fault"))(answer, request, server) end
  return answer
end

local function endless(conn, head, piece)
  conn:send(head)
  local n = 0
  repeat
    n = n + 1
    local ok = conn:send((piece:gsub("#", tostring(n))))
  until not ok
end

--- Does to the connection what a fault without an answer wants; the connection is of no use afterwards.
function faults.play(conn, fault)
  if fault.delay then loop.sleep(fault.delay) end
  if fault.reset then
    conn:reset()
  elseif fault.silent then
    conn:drain()
  elseif fault.raw then
    conn:send(fault.raw)
  elseif fault.garbage then
    conn:send("\22\3\1\2\0\1\0\1\252 garbage \255\254\r\n\r\n\0\0\0")
  elseif fault.http09 then
    conn:send('{"scenarios":[],"has_more":false}')
  elseif fault.endless_headers then
    endless(conn, "HTTP/1.1 200 OK\r\n", ("X-Filler-#: " .. ("x"):rep(1000) .. "\r\n"))
  elseif fault.endless_body then
    endless(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
      .. '1b\r\n{"scenarios":[{"id":"scn_x\r\n', "4000\r\n" .. ("x"):rep(0x4000) .. "\r\n")
  end
end

local CHUNK = 4096

--- The body on the wire, broken off after `cut` bytes.
local function wire(body, framing, cut)
  if framing ~= "chunked" then return cut and body:sub(1, cut) or body end
  local parts, last = {}, cut or #body
  for first = 1, #body, CHUNK do
    if first > last then break end
    local chunk = body:sub(first, first + CHUNK - 1)
    parts[#parts + 1] = ("%x\r\n"):format(#chunk)
    parts[#parts + 1] = chunk:sub(1, last - first + 1)
    if first + #chunk - 1 <= last then parts[#parts + 1] = "\r\n" end
  end
  if not cut then parts[#parts + 1] = "0\r\n\r\n" end
  return table.concat(parts)
end

local function send_slowly(conn, text, trickle)
  local bytes, every = trickle.bytes or 1, trickle.every or 0.001
  for first = 1, #text, bytes do
    if not conn:send(text:sub(first, first + bytes - 1)) then return end
    loop.sleep(every)
  end
end

local function finish(conn, fault, sent)
  local how = fault.by or "close"
  if how == "stall" then
    conn:drain()
  elseif how == "reset" then
    if sent > ROOM then loop.sleep(TIME_TO_READ) end
    conn:reset()
  else
    conn:close()
  end
end

local NEWLINES = { "\n", "\r\n", "\r" }

-- The lines of a frame with other ends; "mixed" takes turns, from `n` on.
local function other_newlines(kind, frame, n)
  if kind ~= "mixed" then return (frame:gsub("\n", kind)) end
  local before -- where the last end was a CR, which a LF right behind it would be part of
  return (frame:gsub("()\n", function(at)
    n = n + 1
    local newline = NEWLINES[n % 3 + 1]
    if newline == "\n" and before == at - 1 then newline = "\r\n" end
    before = newline == "\r" and at
    return newline
  end))
end

-- A sink that does to a stream what the fault wants. `ending` is how it broke off, nil when it did not.
local function faulty_sink(conn, fault, chunked, cut)
  local plain = sse.sink(conn, chunked)
  local sink = { plain = plain, events = 0, come = 0, bytes = 0 }
  local breaks_at = fault.cut_events or (fault.error_event or fault.endless_line) and 0

  local function write(text)
    local rest = cut and cut - sink.bytes
    if rest and #text >= rest then
      text, sink.ending = text:sub(1, rest), fault.by or "close"
    end
    sink.bytes = sink.bytes + #text
    if fault.trickle then
      for first = 1, #text, fault.trickle.bytes or 1 do
        if not plain:write(text:sub(first, first + (fault.trickle.bytes or 1) - 1)) then return nil end
        loop.sleep(fault.trickle.every or 0.001)
      end
    elseif not plain:write(text) then
      return nil
    end
    return not sink.ending or nil
  end

  -- What comes between two events, or before the first.
  local function between()
    if fault.insert and (fault.at_event or 0) == sink.events and not sink.inserted then
      sink.inserted = true
      if not write(fault.insert) then return nil end
    end
    if breaks_at ~= sink.events or (fault.cut_extra or 0) > 0 then return true end
    if fault.error_event then
      write(sse.frame(json.encode(fault.error_event), "error"))
      sink.ending = fault.by or "end"
    elseif fault.endless_line then
      write "data: "
      repeat until not write(("x"):rep(16384))
      sink.ending = "close"
    else
      sink.ending = fault.by or "close"
    end
  end

  function sink:send(...)
    for _, frame in ipairs { ... } do
      if self.ending then return nil end
      if fault.newline then frame = other_newlines(fault.newline, frame, self.events) end
      if breaks_at == self.events then
        write(frame:sub(1, fault.cut_extra))
        self.ending = fault.by or "close"
        return nil
      end
      self.come = self.come + 1
      local times = fault.skip_event == self.come and 0 or fault.twice_event == self.come and 2 or 1
      for _ = 1, times do
        if not write(frame) then return nil end
        self.events = self.events + 1
        if not between() then return nil end
      end
    end
    return true
  end

  function sink:wait(event, seconds)
    if self.ending then return nil, "gone" end
    local ok, why = plain:wait(event, seconds)
    self.gone = plain.gone
    return ok, why
  end

  if cut == 0 then sink.ending = fault.by or "close" end
  if sink.ending or not between() then sink.gone = true end
  return sink
end

local function send_stream(conn, request, answer, fault)
  local version = fault.http_version or "1.1"
  local chunked = version == "1.1" and request.version == "1.1" and fault.framing ~= "close"
  add_headers(answer, chunked and { ["Transfer-Encoding"] = "chunked" } or { Connection = "close" })
  if fault.delay then loop.sleep(fault.delay) end
  conn:send(http.head(answer.status, answer.headers, version))
  if fault.body_delay then loop.sleep(fault.body_delay) end
  local sink = faulty_sink(conn, fault, chunked, answer.cut)
  if not sink.ending then answer.stream(sink) end
  if not sink.ending or sink.ending == "end" then return sink.plain:finish() and http.keeps_alive(request) end
  sink.plain.chunked = false -- and so has no last chunk
  sink.plain:finish()
  finish(conn, fault.by and fault or { by = sink.ending }, sink.bytes)
end

--- Sends an answer; true when the connection may be used again.
function faults.send(conn, request, answer, fault)
  if answer.stream then return send_stream(conn, request, answer, fault) end
  local body, cut = answer.body, answer.cut
  local bodiless = request.method == "HEAD" or answer.status == 204 or answer.status == 304
  local version = fault.http_version or "1.1"
  local framing = fault.framing or "length"
  local keep = version == "1.1" and framing ~= "close" and not cut and http.keeps_alive(request)
  if framing == "chunked" then
    add_headers(answer, { ["Transfer-Encoding"] = "chunked" })
  elseif framing == "length" and answer.status ~= 204 then
    add_headers(answer, { ["Content-Length"] = fault.length or #body })
  end
  -- A cut comes as a surprise: only an end that belongs to the protocol is announced.
  if not keep and not cut then add_headers(answer, { Connection = "close" }) end

  if fault.delay then loop.sleep(fault.delay) end
  for _, status in ipairs(fault.interim or {}) do
    conn:send(http.head(status, status == 103 and { { "Link", "</style.css>; rel=preload" } } or {}))
  end
  local head = http.head(answer.status, answer.headers, version)
  local text = bodiless and "" or wire(body, framing, cut)
  local trickle = fault.trickle
  if trickle and trickle.headers then
    send_slowly(conn, head .. text, trickle)
  elseif trickle or fault.body_delay then
    conn:send(head)
    if fault.body_delay then loop.sleep(fault.body_delay) end
    if trickle then send_slowly(conn, text, trickle) else conn:send(text) end
  else
    conn:send(head .. text)
  end

  if cut then
    finish(conn, fault, #text)
  elseif fault.close_after then
    if fault.close_after == "reset" then return conn:reset() end
    if type(fault.close_after) == "number" then loop.sleep(fault.close_after) end
    conn:close()
  else
    return keep
  end
end

return faults
