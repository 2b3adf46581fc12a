-- Uploads: local files that are read as they are sent, in forms and to URLs that an answer named.

local await = require "runloop.await"
local core = require "runloop.core"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"

local error, ipairs, pairs, type = error, ipairs, pairs, type
local max = math.max
local find, format, lower, match = string.find, string.format, string.lower, string.match
local sort = table.sort

local upload = {}

local LONG = 600 -- seconds without a byte

local function patient() return { patient = true } end

local function base_name(path)
  return match(path, "([^/]*)/*$")
end

--- Performs a request whose body is a form: fields, and a file behind them.
---@param transport table
---@param request table without a body
---@param name string of the file's part
---@param fields table name -> text; `contents` stands for the file when there is no path
---@param path string? of the local file
---@return boolean? ok, table response_or_err
function upload.multipart(transport, request, name, fields, path)
  local parts, names = {}, {}
  for field in pairs(fields) do
    if field ~= "contents" then names[#names + 1] = field end
  end
  sort(names)
  for i, field in ipairs(names) do parts[i] = { name = field, text = fields[field] } end
  parts[#parts + 1] = {
    name = name, file = path, text = not path and fields.contents or nil,
    filename = base_name(path or fields.path or "") or "", content_type = "application/octet-stream",
  }
  local content_type
  request.body, content_type = lazy.load("multipart").form(parts)
  for i, piece in ipairs(request.body) do
    if type(piece) == "string" then request.body[i] = transport:body(piece) end
  end
  request.headers = request.headers or {}
  request.headers["content-type"] = { "Content-Type", content_type }
  return transport:perform(request, transport.decode_nothing, patient)
end

-- Why a local file cannot be sent; nil when it can, as far as can be told.
local function unreadable(path)
  local target, permissions = core.file_target(path)
  if not target then return permissions end
  if not permissions then return path .. ": No such file or directory" end
  local tail, why = core.file_tail(target, 1)
  return not tail and why or nil
end

-- What the API calls what a file holds, by the end of its name.
local CONTENT_TYPES = {
  txt = "text", html = "text", css = "text", js = "text", json = "text", xml = "text", yaml = "text", yml = "text",
  md = "text", csv = "text", gz = "gzip", tar = "tar", tgz = "tgz",
}

local function content_type_of(name)
  name = lower(name)
  return find(name, "%.tar%.gz$") and "tgz" or CONTENT_TYPES[match(name, "%.(%w+)$")]
end

-- The call options of one of the calls that an upload is made of: what is left of its time.
local function options_left(self, is_first)
  local left = {}
  for name, value in pairs(self.options or {}) do left[name] = value end
  left.on_progress = nil
  if not is_first then left.idempotency_key, left.body = nil, nil end
  if self.stop then left.deadline = max(1e-6, self.stop - core.now()) end
  return left
end

local function put(self, object)
  local transport, options = self.context.transport, options_left(self)
  local request = transport:request_elsewhere("PUT", object.upload_url, nil, {
    type(self.piece) == "string" and transport:body(self.piece) or self.piece,
  })
  request.timeout, request.deadline = options.timeout or LONG, options.deadline or request.deadline
  request.max_retries = options.max_retries or request.max_retries
  request.on_progress = self.options and self.options.on_progress
  return transport:perform(request, transport.decode_nothing, patient)
end

-- Takes away what was made, when it does not get to its end.
local function discard(self, object)
  local options = options_left(self)
  options.deadline = nil -- the upload has used it up
  return self.context.api.objects:delete(object.id, options)
end

-- An object that is not what was to be made of it, though its completion was answered well.
local function check_whole(view, response)
  if not errors.is_id(view.id) then return nil, errors.without_id("the completed object", response) end
  if view.state ~= "ERROR" and view.state ~= "DELETED" then return view, response end
  return nil, errors.new {
    kind = "state", code = view.state, last = view,
    message = format("object %s: ended in state '%s'", view.id, view.state),
  }
end

local function fill(self, object)
  local ok, response = put(self, object)
  if not ok then return nil, response end
  local whole, why = self.context.api.objects:complete(object.id, options_left(self))
  if not whole then return nil, why end
  return check_whole(whole, why)
end

local function create_and_fill(self, params)
  local api = self.context.api
  local object, response = await.begin(self.context.transport.scheduler, self.where, function()
    local made, response = api.objects:create(params, options_left(self, true))
    if not made or errors.is_id(made.id) then return made, response end
    return nil, errors.without_id("the new object", response)
  end, function(made) return discard(self, made) end)
  if not object then return nil, response end
  local settled = false
  local went_on, whole, err = await.finally(function()
    if type(object.upload_url) ~= "string" or not find(object.upload_url, "^https?://") then
      return nil, self.context.transport:fail(self.context.transport:request("POST", self.context.transport.base_url), {
        kind = "decode", code = "SHAPE", message = "the new object has no upload_url",
      })
    end
    local value, why = fill(self, object)
    settled = value ~= nil or why.kind ~= "cancelled"
    return value, why
  end, function()
    if not settled then
      await.clean_up(self.context.transport.scheduler, await.name_of(object), function()
        return discard(self, object)
      end)
    end
  end)
  if not went_on then error(whole, 0) end -- `on_progress` has raised
  if whole then return whole, err end
  local gone, why = true, nil
  if settled then gone, why = discard(self, object) end
  if not gone then err.created, err.cancel_error = object, why end
  return nil, err
end

--- Makes an object of a local file, or of a text.
---@param context table of the resource
---@param where string
---@param source { file: string? } | { text: string }
---@param params table checked: name, content_type, metadata, ttl_ms
---@param options table? call options, as they were given
---@return table? object, table response_or_err
function upload.object(context, where, source, params, options)
  local transport = context.transport
  if source.file then
    local why = unreadable(source.file)
    if why then
      local request = transport:request("POST", transport.base_url .. "/v1/objects")
      return nil, transport:fail(request, { kind = "file", code = "OPEN", message = why })
    end
    params.name = params.name or base_name(source.file)
  end
  params.content_type = params.content_type or content_type_of(params.name) or (source.text and "text" or "unspecified")
  local deadline = options and options.deadline or transport.options.deadline
  return create_and_fill({
    context = context, where = where, options = options, piece = source.text or { file = source.file },
    stop = deadline and core.now() + deadline,
  }, params)
end

--- The bytes of an object: to a local file, which appears whole or not at all, or as a string.
---@param context table of the resource
---@param id string
---@param path string? nil: the bytes are returned
---@param options table? call options, as they were given
---@return integer|string? size_or_bytes, table response_or_err
function upload.fetch(context, id, path, options)
  local transport = context.transport
  local deadline = options and options.deadline or transport.options.deadline
  local self = { context = context, options = options, stop = deadline and core.now() + deadline }
  local where, response = context.api.objects:download(id, nil, options_left(self, true))
  if not where then return nil, response end
  local left = options_left(self)
  local request = transport:request_elsewhere("GET", where.download_url)
  request.timeout, request.deadline = left.timeout or request.timeout, left.deadline or request.deadline
  request.max_retries = left.max_retries or request.max_retries
  request.on_progress = options and options.on_progress
  return lazy.load("download").perform(transport, request, path)
end

return upload
