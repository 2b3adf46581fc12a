--- The files of a devbox: a directory that is made when it is first needed, with what the devbox was created from.
local base = require "api.base"
local commands = require "commands"
local devboxes = require "api.devboxes"
local loop = require "loop"
local uploads = require "uploads"

local files = { sources = {} }

local expect, refuse, given = base.expect, base.refuse, base.given

local HOME = "/home/user"

local states = 0 -- each state of the stand-in has a directory of its own

--- Refuses what needs a program or a directory where there can be none.
local function need(value, why)
  if not value then refuse(501, "The stand-in cannot do this here: " .. tostring(why)) end
  return value
end
files.need = need

--- A path without `.` and `..`, which do not lead out of the root.
local function normal(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return "/" .. table.concat(parts, "/")
end

--- Where a path of the devbox really is: relative ones begin at its home.
function files.path(place, path)
  expect(path:find("%S") and not path:find("%z"), "The path is empty or has a NUL")
  if path:sub(1, #place.root + 1) == place.root .. "/" then path = path:sub(#place.root + 1) end
  if path == "~" or path:sub(1, 2) == "~/" then path = path:sub(3) end
  if path:sub(1, 1) ~= "/" then path = HOME .. "/" .. path end
  return place.root .. normal(path)
end

function files.parent(path)
  return path:match("^(.*)/[^/]*$")
end

--- Writes a text to a real path: true, or nil and why not. Directories are made.
function files.write(path, text)
  need(commands.mkdirs(files.parent(path)))
  local file, why = io.open(path, "wb")
  if not file then return nil, why end
  local ok
  ok, why = file:write(text)
  file:close()
  return ok and true, why
end

local function is_directory(path)
  local file = io.open(path, "rb")
  if not file then return false end
  local _, _, code = file:read(0)
  file:close()
  return code == 21
end

--- A state's directory, that of its devboxes, snapshots and objects.
function files.scratch(self)
  local scratch = need(commands.scratch())
  if not self.scratch then
    states = states + 1
    self.scratch = scratch .. "/" .. states
  end
  return self.scratch
end

local function copy(from, to)
  need(commands.mkdirs(to))
  local status, why = commands.run { "cp", "-a", from .. "/.", to }
  need(status, why)
end
files.copy = copy

local ARCHIVES = { gzip = true, tar = true, tgz = true }

local function mount_object(self, place, id, path)
  local object = self.stores.object.by_id[id]
  local target = files.path(place, path)
  if object and object.bytes then files.write(target, object.bytes) end
  if not object or not object.path then return end
  if ARCHIVES[object.fields.content_type] and object.fields.content_type ~= "gzip" then
    need(commands.mkdirs(target))
    commands.run { "tar", "-xf", object.path, "-C", target }
  else
    need(commands.mkdirs(files.parent(target)))
    commands.run { "cp", object.path, target }
  end
end

local mounts = {}

function mounts.file_mount(_, place, mount)
  files.write(files.path(place, mount.target), mount.content)
end

function mounts.object_mount(self, place, mount)
  mount_object(self, place, mount.object_id, mount.object_path)
end

function mounts.code_mount(_, place, mount)
  files.write(files.path(place, mount.repo_name .. "/README.md"),
    ("# %s/%s\n"):format(mount.repo_owner, mount.repo_name))
end

function mounts.agent_mount(self, place, mount)
  local agent = base.by_id_or_name(self, "agent", given(mount.agent_id) or given(mount.agent_name))
  local source = agent and given(agent.fields.source)
  if source and given(source.object) and given(mount.agent_path) then
    mount_object(self, place, source.object.object_id, mount.agent_path)
  end
end

--- Puts into a place what `from` asks for: the fields of a devbox's or a blueprint's parameters.
local function fill(self, place, from)
  for path, text in pairs(given(from.file_mounts) or {}) do files.write(files.path(place, path), text) end
  for _, mount in ipairs(given(from.code_mounts) or {}) do mounts.code_mount(self, place, mount) end
  for _, mount in ipairs(given(from.mounts) or {}) do
    if mounts[mount.type] then mounts[mount.type](self, place, mount) end
  end
end

local function fill_from_blueprint(self, place, id)
  local blueprint = self.stores.blueprint and self.stores.blueprint.by_id[id]
  if not blueprint then return end
  local parameters = blueprint.fields.parameters
  if blueprint.base_id then fill_from_blueprint(self, place, blueprint.base_id) end
  local context = given(parameters.build_context)
  if context then mount_object(self, place, context.object_id, HOME) end
  fill(self, place, parameters)
end

local function make(self, record)
  local root = files.scratch(self) .. "/devboxes/" .. record.id
  local place = { root = root, home = root .. HOME, tmp = root .. "/tmp" }
  need(commands.mkdirs(place.home, place.tmp))
  local snapshot = record.snapshot_id and self.stores.snapshot.by_id[record.snapshot_id]
  if snapshot and snapshot.path then
    copy(snapshot.path, root)
  elseif record.blueprint_id then
    fill_from_blueprint(self, place, record.blueprint_id)
  end
  fill(self, place, record.recipe or {})
  return place
end

--- The directory of a devbox: { root, home, tmp }. Made by the first who wants it; others wait for that.
function files.place(self, record)
  while record.placing do record.placing:wait() end
  if record.place then return record.place end
  record.placing = loop.event()
  local done, place = pcall(make, self, record)
  local event = record.placing
  record.placing = nil
  if done then record.place = place end
  event:fire()
  if not done then error(place, 0) end
  return place
end

--- A devbox whose disk is there.
function files.running_or_suspended(self, id)
  local record = base.find_own(self, "devbox", id, "Devbox")
  devboxes.look(self, record)
  expect(record.status == "running" or record.status == "suspended",
    ("Devbox %s has no disk, it is %s."):format(id, record.status))
  return record
end

--- A file's size, or nil.
function files.size(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local size = file:seek("end")
  file:close()
  return size
end

local PIECE = 65536

--- An answer of a file's bytes as they are now, read as they are sent.
function files.answer(path, kind)
  local size = files.size(path)
  local at = 0
  return {
    status = 200, headers = { { "Content-Type", kind } }, length = size,
    pieces = function()
      if at >= size then return nil end
      local file = io.open(path, "rb")
      if not file then return nil end
      file:seek("set", at)
      local piece = file:read(math.min(PIECE, size - at))
      file:close()
      at = at + #(piece or "")
      return piece
    end,
  }
end

local function existing(self, box, path)
  local place = files.place(self, box)
  local real = files.path(place, path)
  if not files.size(real) then refuse(404, "File not found: " .. path) end
  expect(not is_directory(real), "Not a file: " .. path)
  return real
end

local function read_file_contents(self, request, id)
  local box = devboxes.running(self, id)
  local path = base.body(request, "file_path!:string").file_path
  return files.answer(existing(self, box, path), "text/plain")
end

local function download_file(self, request, id)
  local box = devboxes.running(self, id)
  local path = base.body(request, "path!:string").path
  return files.answer(existing(self, box, path), "application/octet-stream")
end

local function write_file_contents(self, request, id)
  local place = files.place(self, devboxes.running(self, id))
  local value = base.body(request, "file_path!:string contents!:string")
  local done, why = files.write(files.path(place, value.file_path), value.contents)
  return base.ok {
    devbox_id = id, exit_status = done and 0 or 1, stdout = "",
    stderr = done and "" or ("sh: cannot create %s: %s\n"):format(value.file_path, why:match("[^:]*$")),
  }
end

local function upload_file(self, request, id)
  local place = files.place(self, devboxes.running(self, id))
  local form = uploads.form(request, function() return files.spool(self) end)
  expect(form.fields.path, "The form has no field 'path'")
  local target = files.path(place, form.fields.path)
  expect(not is_directory(target), "Not a file: " .. form.fields.path)
  need(commands.mkdirs(files.parent(target)))
  if form.file then
    if not os.rename(form.file, target) then refuse(400, "Cannot write " .. form.fields.path) end
  else
    files.write(target, "")
  end
  return base.ok "{}"
end

--- Bodies of forms and large ones are kept in files here, below the scratch directory.
function files.spool(self)
  local directory = files.scratch(self) .. "/spool"
  need(commands.mkdirs(directory))
  self.spooled = (self.spooled or 0) + 1
  return ("%s/%d"):format(directory, self.spooled)
end

local function on_devbox(_, record)
  if record.status ~= "shutdown" and record.status ~= "failure" then return end
  local place = record.place
  if not place then return end
  record.place = nil
  loop.spawn(function()
    commands.end_owner(place.root)
    commands.run { "rm", "-rf", place.root }
  end)
end

function files.open(self)
  table.insert(self.devbox_listeners, on_devbox)
end

function files.close(self)
  local scratch = self.scratch
  if not scratch then return end
  loop.spawn(function()
    for _, record in ipairs(self.stores.devbox.list) do
      if record.place then commands.end_owner(record.place.root) end
    end
    commands.run { "rm", "-rf", scratch }
  end)
end

files.routes = {
  { "POST", "/v1/devboxes/{id}/read_file_contents", read_file_contents },
  { "POST", "/v1/devboxes/{id}/write_file_contents", write_file_contents },
  { "POST", "/v1/devboxes/{id}/download_file", download_file },
  { "POST", "/v1/devboxes/{id}/upload_file", upload_file, body = "multipart/form-data" },
}

return files
