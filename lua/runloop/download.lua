-- Downloads: as a string, or to a file that is written beside its target, checked, and renamed when whole.

local core = require "runloop.core"

local byte, gsub, match, sub = string.byte, string.gsub, string.match, string.sub

local download = {}

local END_RECORD = "PK\5\6" -- end of central directory (APPNOTE 4.3.16)
local END_RECORD_SIZE = 22
local MAX_COMMENT = 65535
local SHOWN_NAME = 100 -- bytes of a target's name that the name of its part begins with

local function u16(text, at)
  local a, b = byte(text, at, at + 1)
  return a + b * 256
end

local function u32(text, at)
  return u16(text, at) + u16(text, at + 2) * 65536
end

-- Whether the end of a file is that of a whole zip: `tail` holds its last bytes, `size` is the file's size.
local function zip_fault(tail, size)
  for at = #tail - END_RECORD_SIZE + 1, 1, -1 do
    if sub(tail, at, at + 3) == END_RECORD and at + END_RECORD_SIZE - 1 + u16(tail, at + 20) == #tail then
      local length, offset = u32(tail, at + 12), u32(tail, at + 16)
      local record_at = size - #tail + at - 1
      -- 0xFFFFFFFF stands for a zip64 record, which says it elsewhere.
      if offset == 0xFFFFFFFF or length == 0xFFFFFFFF or offset + length <= record_at then return nil end
      return "the zip's directory lies outside of the file"
    end
  end
  return "the file has no zip end record"
end

local function file_error(transport, request, code, message)
  return transport:fail(request, { kind = "file", code = code, message = message })
end

-- Where the bytes go until they are whole: beside the target, under a name that has room wherever the target's has.
local function part_of(target)
  local directory, name = match(target, "^(.-)([^/]*)$")
  if #name > SHOWN_NAME then name = gsub(sub(name, 1, SHOWN_NAME), "[\192-\255][\128-\191]*$", "") end
  return directory .. name .. ".part-" .. sub(core.uuid(), 1, 8)
end

--- What a file can be checked for: fun(tail, size): what is wrong with it, if anything is.
download.CHECKS = { zip = zip_fault }

-- A file that is not what it must be: cut short where the wire could not tell, else not what the API promises.
local function fault_of(transport, request, transfer, answer, check, tail, size)
  local fault = check and check(tail, size)
  if not fault then return nil end
  if answer.cut_short then return transport:cut_short(request, fault) end
  return transport:decode_error(request, transfer, "SHAPE", fault)
end

local function to_string(transport, request, check)
  return transport:perform(request, function(_, _, transfer, answer)
    local text = transfer:text()
    local err = fault_of(transport, request, transfer, answer, check, text, #text)
    if err then return nil, err end
    return text
  end, function() return { patient = true } end)
end

--- Performs a request whose answer is a file.
---@param transport table
---@param request table
---@param path string? nil: the bytes are returned
---@param check string? what the file must be, one of CHECKS
---@return integer|string? size_or_bytes, table response_or_err
function download.perform(transport, request, path, check)
  check = check and download.CHECKS[check]
  if not path then return to_string(transport, request, check) end
  -- What a rename would destroy or could not replace is refused now; a link stays, and the file behind it is replaced.
  local target, permissions = core.file_target(path)
  if not target then return nil, file_error(transport, request, "OPEN", permissions) end
  local part
  local function start()
    part = part_of(target)
    -- The core removes it with the transfer, unless it has another name by then. Until it has the permissions of the
    -- file that it replaces, nobody else may read it.
    return { file = part, owner_only = permissions ~= nil }
  end
  local function keep(_, _, transfer, answer)
    local tail, size = core.file_tail(part, MAX_COMMENT + END_RECORD_SIZE)
    local err = tail and fault_of(transport, request, transfer, answer, check, tail, size)
      or not tail and file_error(transport, request, "READ", size)
    if err then return nil, err end
    local ok, message = core.file_replace(part, target, permissions)
    if not ok then return nil, file_error(transport, request, "RENAME", message) end
    return size
  end
  return transport:perform(request, keep, start)
end

return download
