-- Lazy pagination: items as their page arrives, one page ahead, resumed where a page broke off.

local core = require "runloop.core"
local errors = require "runloop.error"

local now = core.now

-- Outside a task nobody else drives the sockets while the loop body works: seconds between two looks at them.
local DRIVE_INTERVAL = 0.001
-- Turns in one look, each of which moves some 64 KiB. With one, a page would lie in the socket for many looks before
-- it is whole, and only then is the next one asked for; with many, what waits outgrows the processor's cache.
local DRIVE_TURNS = 4

local pager = {}
local pager_mt = { __name = "runloop.pager", __index = pager }

--- A list that makes no request yet.
---@param transport table
---@param fields { url: string, query: table, options: table, list: string, metatable: table, name: string }
---@return table
local function new(transport, fields)
  return setmetatable({
    _transport = transport,
    _url = fields.url,
    _query = fields.query, -- ours: the caller has copied it
    _options = fields.options or {},
    _list = fields.list,
    _metatable = fields.metatable,
    _secrets = fields.secrets, -- names of fields, as request.secrets
    _name = fields.name,
    _prefetch = not fields.options or fields.options.prefetch ~= false,
    _keep_nulls = fields.options and fields.options.nulls == "keep",
    _page = nil, -- the page that items are taken from
    _ahead = nil, -- the page after it, when asked for already
    _pages = 0, -- pages begun
    _first = nil, -- id of the first item of the list
    _mode = nil, -- "items" or "pages"
    _state = "open", -- then "ended", "failed" or "closed"
    _failure = nil,
    _problem = nil, -- { what was raised while an item was in hand }, for the next step to raise
    _driven = 0,
    total_count = nil,
  }, pager_mt)
end

-- A page and what its request goes through. `cursor` is the id that it begins after: it moves when a page that broke
-- off is resumed, `previous` stays the cursor of the page as a whole.
local function new_page(self, cursor, previous_first)
  local query = {}
  for name, value in pairs(self._query) do query[name] = value end
  if cursor then query.starting_after = cursor end
  local request = self._transport:request("GET", self._url, self._options, query)
  request.waited = 0
  request.secrets = self._secrets
  return {
    request = request,
    query = query,
    cursor = cursor,
    previous_first = previous_first, -- id of the first item of the page before
    taken = 0, -- items handed out, of every attempt
    failures = 0, -- since the last progress
    waited_until = 0, -- up to when the time spent waiting has been counted
    transfer = nil,
    answer = nil, -- of the transfer that has ended, with its error
    begun = false, -- the transfer has brought an item
    retry_at = nil,
    sleepers = {}, -- tasks that wait for retry_at
  }
end

local function start(self, page)
  local transfer, err = self._transport:attempt(page.request, { list = self._list })
  page.answer, page.begun = nil, false
  if transfer and self._state ~= "open" then -- `on_event` has closed the pager
    transfer:release()
    transfer = nil
  end
  page.transfer = transfer
  return err
end

local function release_page(scheduler, page)
  local transfer = page.transfer
  if transfer then
    scheduler:dismiss(transfer)
    transfer:release()
    page.transfer = nil
  end
  for task in pairs(page.sleepers) do scheduler:rouse(task) end
end

-- Lets go of what is on its way; tasks that wait for it find the pager no longer open.
local function release(self)
  local scheduler = self._transport.scheduler
  if self._page then release_page(scheduler, self._page) end
  if self._ahead then release_page(scheduler, self._ahead) end
  self._page, self._ahead, self._problem = nil, nil, nil
end

local function fail(self, err)
  self._state, self._failure = "failed", err
  release(self)
  return nil, err
end

-- What a transfer that has ended says: its answer, or nil and the error. Asked for once, since `on_event` hears of it,
-- which may close the pager, or the client: then the page has no transfer any more.
local function answer_of(self, page)
  if not page.answer then
    page.answer = { self._transport:answer(page.request, page.transfer) }
    local ended = self._transport:ended(page.request)
    if ended then fail(self, ended) end
  end
  return page.answer[1], page.answer[2]
end

-- A page that is not what the API promises: asking again would not help.
local function broken_page(self, page, code, message)
  local err
  if page.transfer and page.transfer:finished() then err = select(2, answer_of(self, page)) end
  if not page.transfer then return nil end
  if err and err.code == code then return fail(self, err) end
  return fail(self, self._transport:decode_error(page.request, page.transfer, code, message))
end

local function shape_error(self, page, message)
  return broken_page(self, page, "SHAPE", message)
end

-- A page that failed: either it goes on later (true), or the pager has failed (nil, err).
local function retry_page(self, page, err)
  page.failures = page.failures + 1
  local wait = self._transport:retry_wait(page.request, err, page.failures)
  if page.transfer then page.transfer:release() end
  page.transfer = nil
  if not wait then return fail(self, err) end
  if page.items then
    page.items, page.first, page.taken = {}, nil, 0
  elseif page.last then
    -- Everything up to the last complete item is with the loop already: go on behind it.
    page.cursor, page.query.starting_after = page.last, page.last
    page.request.url = self._transport.with_query(self._url, page.query)
  end
  page.retry_at = now() + wait
  return true
end

-- The attempt is over without the whole list, or with a document that ended early (`message`).
local function transfer_failed(self, page, message)
  local answer, err = answer_of(self, page)
  if not page.transfer then return nil, self._failure end
  if answer and not answer.cut_short then return broken_page(self, page, "JSON", message) end
  return retry_page(self, page, err or self._transport:cut_short(page.request, message))
end

-- A page has arrived whole, its last byte and all: from now on only its items can be wrong.
local function arrived(self, page)
  if page.members then return end
  answer_of(self, page)
  if not page.transfer then return end
  local members = page.transfer:members(self._keep_nulls)
  page.members, page.has_more = members, members.has_more
  if type(members.total_count) == "number" then self.total_count = members.total_count end
end

local function has_id(item)
  return type(item) == "table" and type(item.id) == "string" and item.id ~= ""
end

-- Asks for the page behind one that has arrived whole, at most one ahead.
local function look_ahead(self, page)
  local waiting, _, whole = page.transfer:waiting()
  if not whole or (self._pages == 1 and page.taken < waiting) then return end
  arrived(self, page)
  page.looked_ahead = true
  if page.has_more ~= true or not page.transfer then return end
  local last = { id = page.last }
  if waiting > 0 then last = page.transfer:last() end
  if not has_id(last) then return end -- the loop will hear of it when it gets there
  local ahead = new_page(self, last.id, page.first)
  -- A failure to start shows when the loop gets there.
  ahead.start_error = start(self, ahead)
  self._ahead = ahead
  self._driven = 0
end

-- An item as the loop gets it: checked, counted, with its methods.
local function accept(self, page, item)
  if not has_id(item) then return shape_error(self, page, "an item of the list has no id") end
  local id = item.id
  if id == page.cursor then
    return shape_error(self, page, "the server sent the page again: the cursor '" .. id .. "' does not move")
  end
  if not page.begun then
    -- Behind a cursor that the server takes no notice of, this page begins anew, or the one before does, or the list.
    if id == page.previous_first or id == page.first or (page.cursor and id == self._first) then
      return shape_error(self, page, "the server sent items again: the cursor does not move")
    end
    page.begun = true
    self._first = self._first or id
    page.first = page.first or id
  end
  if self._secrets then self._transport.learn(item, self._secrets) end
  page.last = id
  page.taken = page.taken + 1
  if not page.items then page.failures = 0 end -- a page that is retried as a whole has not got further
  return setmetatable(item, self._metatable)
end

-- The page is done: the next one takes its place, or the pager has ended.
local function turn_page(self, page)
  local _, count = page.transfer:waiting()
  page.transfer:release()
  page.transfer = nil
  if page.has_more == true and count > 0 then
    self._page = self._ahead or new_page(self, page.last, page.first)
    self._pages = self._pages + 1
  else
    self._page, self._state = nil, "ended"
  end
  self._ahead = nil
end

local function stopped(self)
  if self._state == "ended" then return nil end
  if self._state == "failed" then return nil, self._failure end
  errors.misuse(self._name .. ": the pager is closed")
end

-- Adds to what the page's deadline has lost: several tasks that wait at once wait once.
local function count_wait(page, began)
  local request, time = page.request, now()
  request.waited = request.waited + time - math.max(began, page.waited_until)
  page.waited_until = time
end

-- Waits for a page's next attempt. Another task may have begun it meanwhile.
local function wait_for_retry(self, page)
  local began, scheduler = now(), self._transport.scheduler
  if page.retry_at > began then
    local task = scheduler:task_here()
    if task then page.sleepers[task] = true end
    scheduler:sleep(page.retry_at - began)
    if task then page.sleepers[task] = nil end
    count_wait(page, began)
  end
  if page.retry_at and page.retry_at <= now() then page.retry_at = nil end
end

local function wait_for_news(self, page)
  local began = now()
  self._transport.scheduler:await(page.transfer, true)
  count_wait(page, began)
end

-- One step towards the next item: the item; or nil and whether to go on, and the error that the pager failed with.
local function step(self, page)
  local ended = self._transport:ended(page.request)
  if ended then return nil, false, select(2, fail(self, ended)) end
  if page.retry_at then
    wait_for_retry(self, page)
    return nil, true
  end
  if not page.transfer then
    if page.done then return nil, false end
    local err = page.start_error or start(self, page)
    page.start_error = nil
    if err then return nil, retry_page(self, page, err) end
    return nil, true
  end
  local item, why, code, message = page.transfer:item(self._keep_nulls)
  if item ~= nil then return accept(self, page, item) end
  if why == "done" then
    arrived(self, page)
    if page.has_more ~= nil and type(page.has_more) ~= "boolean" and page.has_more ~= core.null then
      return nil, shape_error(self, page, "'has_more' is not a boolean")
    end
    page.done = true
    return nil, false
  end
  if why == "more" then
    wait_for_news(self, page)
    return nil, true
  end
  if why == "error" and code ~= "CUT_SHORT" then
    return nil, broken_page(self, page, code, message)
  end
  return nil, transfer_failed(self, page, message)
end

-- The next item of the page, waiting for it; nil when the page has no more (`page.done`) or the pager has stopped.
local function next_of_page(self, page)
  while self._state == "open" do
    local item, go_on, err = step(self, page)
    if item then return item end
    if not go_on then return nil, err end
  end
  return nil, self._failure
end

-- What a use of the pager that takes no step is checked for: a step finds these for itself.
local function check_usable(self)
  self._transport.scheduler:check_open(self._name)
  if self._state == "closed" then stopped(self) end
end

local function set_mode(self, mode)
  if self._mode and self._mode ~= mode then
    errors.misuse(self._name .. ": items and pages cannot be mixed on one pager")
  end
  self._mode = mode
end

-- While the loop body works outside a task, the network must not stand still.
local function drive(self)
  local page, ahead = self._page, self._ahead
  local transfer = ahead and ahead.transfer or page and page.transfer
  local scheduler = self._transport.scheduler
  if scheduler.current or not transfer or transfer:finished() then return end
  local time = now()
  if time - self._driven < DRIVE_INTERVAL then return end
  self._driven = time
  local http, turns = self._transport.http, 0
  repeat
    turns = turns + 1
  until http:turn(0) == 0 or turns == DRIVE_TURNS
  scheduler:collect()
end

-- Does what is not for the item or page in hand, which must not be lost when `on_event` raises: the next step raises
-- that instead. It does so at once, not when it gets to the page behind, since it may be an interrupt of the host's.
local function set_about(self, work, page)
  local ok, problem = pcall(work, self, page)
  if not ok and self._state == "open" then self._problem = { problem } end
  return ok
end

-- At the start of a step: nothing is in hand yet.
local function raise_problem(self)
  local problem = self._problem
  self._problem = nil
  if problem then error(problem[1], 0) end
end

-- What goes with every item that the loop gets: the page behind it, and the network.
local function hand_out(self, page, item)
  if self._prefetch and not page.looked_ahead and self._page == page then
    -- Once is enough: the loop will get to that page.
    if not set_about(self, look_ahead, page) then page.looked_ahead = true end
  end
  drive(self)
  return item
end

-- The next item. The task gives way before it takes one: were it cancelled then, nothing would be lost.
local function next_item(self)
  local page = self._page
  local transfer = page and page.transfer
  if transfer and self._mode == "items" and not self._problem and self._transport.scheduler:may_take() then
    -- The common case, kept short: an item is at hand.
    local item = transfer:item(self._keep_nulls)
    if item ~= nil then
      local accepted, err = accept(self, page, item)
      if accepted then return hand_out(self, page, accepted) end
      if err then return nil, err end -- else the pager was closed meanwhile
    end
  end
  set_mode(self, "items")
  local scheduler = self._transport.scheduler
  local refused = scheduler:enter(self._name)
  if refused then return nil, refused end
  scheduler:breathe()
  raise_problem(self)
  while self._state == "open" do
    page = self._page
    if not page then
      page = new_page(self)
      self._page, self._pages = page, 1
    end
    local item, err = next_of_page(self, page)
    if item then return hand_out(self, page, item) end
    if err then return nil, err end
    -- Another task that waited for the same page may have turned it.
    if self._state == "open" and self._page == page and page.done then turn_page(self, page) end
  end
  return stopped(self)
end

local function not_a_pager(method)
  errors.misuse("pager:" .. method .. ": call it with a colon")
end

--- The next item.
---@return table|nil item nil at the end
---@return table|nil err
function pager:next()
  if getmetatable(self) ~= pager_mt then not_a_pager("next") end
  return next_item(self)
end

function pager_mt:__call()
  local item, err = next_item(self)
  if err ~= nil then error(err, 0) end
  return item
end

local function start_page(self, page)
  page.start_error = start(self, page)
  self._driven = 0
  drive(self)
end

-- A page whose items have all been gathered, as the loop gets it.
local function hand_out_page(self, page)
  local result = {}
  for name, value in pairs(page.members) do result[name] = value end
  result[self._list] = setmetatable(page.items, core.array_mt)
  local number = self._pages
  turn_page(self, page)
  if self._page and number >= 2 and self._prefetch then
    set_about(self, start_page, self._page)
  elseif number >= 2 and #page.items == 0 then
    return nil -- only here to say that there is no more
  end
  return result
end

-- The next page, retried as a whole. Tasks that share the pager gather the same page, and one of them gets it.
local function next_page(self)
  local scheduler = self._transport.scheduler
  local refused = scheduler:enter(self._name)
  if refused then error(refused, 0) end
  raise_problem(self)
  while self._state == "open" do
    local page = self._page
    if not page then
      page = new_page(self)
      self._page, self._pages = page, 1
    end
    page.items = page.items or {}
    local item, err = next_of_page(self, page)
    if err then error(err, 0) end
    if item then
      page.items[#page.items + 1] = item
      scheduler:breathe()
    elseif self._state == "open" and self._page == page and page.done then
      return hand_out_page(self, page)
    end
  end
  local _, err = stopped(self)
  if err then error(err, 0) end
  return nil
end

--- Pages instead of items.
---@return function iterator raises the error of a page that cannot be had
---@return nil, nil
---@return table pager closed when the loop ends
function pager:pages()
  if getmetatable(self) ~= pager_mt then not_a_pager("pages") end
  check_usable(self)
  set_mode(self, "pages")
  return function() return next_page(self) end, nil, nil, self
end

--- Items in an array.
---@param max integer|nil at most so many
---@return table|nil items
---@return table|nil err
---@return table|nil collected_so_far with err
function pager:collect(max)
  if getmetatable(self) ~= pager_mt then not_a_pager("collect") end
  if max ~= nil and (type(max) ~= "number" or max < 0 or max % 1 ~= 0) then
    errors.misuse("pager:collect: argument 'max' must be an integer, 0 or more")
  end
  check_usable(self)
  set_mode(self, "items")
  local items = setmetatable({}, core.array_mt)
  while not max or #items < max do
    local item, err = next_item(self)
    if err then return nil, err, items end
    if not item then break end
    items[#items + 1] = item
  end
  return items
end

--- Ends the list: what is on its way is cancelled.
function pager:close()
  if getmetatable(self) ~= pager_mt then not_a_pager("close") end
  release(self)
  if self._state == "open" then self._state = "closed" end
end

function pager_mt:__close()
  self:close()
end

function pager_mt:__tostring()
  return "runloop.pager: " .. self._name
end

--- Whether something is a pager.
---@param x any
---@return boolean
local function is(x)
  return getmetatable(x) == pager_mt
end

return { new = new, is = is }
