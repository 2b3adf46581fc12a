-- Lazy pagination: items as their page arrives, one page ahead, resumed where a page broke off.

local core = require "runloop.core"
local coroutines = require "runloop.coroutines"
local errors = require "runloop.error"

local now = core.now
local take_out = table.remove

-- Outside a task nobody else drives the sockets while the loop body works: seconds between two looks at them.
local DRIVE_INTERVAL = 0.001
-- Turns in one look, each of which moves some 64 KiB. With one, a page would lie in the socket for many looks before
-- it is whole, and only then is the next one asked for; with many, what waits outgrows the processor's cache.
local DRIVE_TURNS = 4

-- In `_hand` while a step is at work and has no item yet.
local BUSY = {}

local pager = {}
local pager_mt = { __name = "runloop.pager", __index = pager }

-- `ipairs` and `#` would take a list that nobody has read yet for an empty array.
local function no_array()
  errors.misuse "pager: a list is no array: loop over it (for item in list), or collect() it"
end

setmetatable(pager, {
  __index = function(_, name)
    if type(name) == "number" then no_array() end
    return nil
  end,
})

pager_mt.__len = no_array

local function next_public(self, name)
  if name == nil and self.total_count ~= nil then return "total_count", self.total_count end
  return nil
end

function pager_mt:__pairs()
  return next_public, self, nil
end

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
    _list = fields.list, -- the name of the array in a page
    _metatable = fields.metatable, -- of the items
    _secrets = fields.secrets, -- names of fields, as request.secrets
    _name = fields.name, -- of the call, for messages
    _prefetch = not fields.options or fields.options.prefetch ~= false,
    _reading = transport.reading(fields.options),
    _fields = fields.options and fields.options.fields and core.fields(fields.options.fields) or nil,
    _page = false, -- the page that items are taken from
    _ahead = false, -- the page after it, when asked for already
    _pages = 0, -- pages begun
    _first = false, -- id of the first item of the list
    _mode = false, -- "items" or "pages"
    _state = "open", -- then "ended", "failed" or "closed"
    _failure = false, -- the error that it failed with
    _hand = {}, -- what a step is about to hand over; found there by the next one, it was lost
    _collecting = false, -- the set of those that are collecting: tasks, or true for code outside of one
    _driven = 0, -- when the network was last looked after
    total_count = nil, -- what a page says of it
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
    first = nil, -- id of the first item of this one
    last = nil, -- and of the last one that was handed over
    taken = 0, -- items handed over, of every attempt
    items = nil, -- where they are gathered, when pages are asked for
    failures = 0, -- since the last progress
    waited_until = 0, -- up to when the time spent waiting has been counted
    transfer = nil,
    answer = nil, -- of the transfer that has ended, with its error
    begun = false, -- the transfer has brought an item
    members = nil, -- the page's other members, once it has arrived whole
    has_more = nil, -- what they say
    looked_ahead = false, -- all that is to be done when it has arrived has been done
    done = false, -- all its items have been taken
    retry_at = nil, -- when the next attempt is due
    sleepers = {}, -- tasks that wait for that
  }
end

local function start(self, page)
  page.answer, page.begun = nil, false
  local transfer, err = self._transport:attempt(page.request, { list = self._list })
  if transfer and self._state ~= "open" then -- `on_event` has closed the pager
    transfer:release()
    transfer = nil
  end
  page.transfer = transfer
  return err
end

local function release_page(turns, page)
  local transfer = page.transfer
  if transfer then
    page.transfer = nil
    turns:dismiss(transfer)
    transfer:release()
  end
  for task in pairs(page.sleepers) do turns:rouse(task) end
end

-- Lets go of what is on its way; tasks that wait for it find the pager no longer open.
local function release(self)
  local turns = self._transport.scheduler.turns
  if self._page then release_page(turns, self._page) end
  if self._ahead then release_page(turns, self._ahead) end
  self._page, self._ahead = false, false
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

-- What was released is looked for nowhere any more, wherever an error strikes.
local function drop_transfer(page)
  local transfer = page.transfer
  page.transfer = nil
  if transfer then transfer:release() end
end

-- A page that failed: either it goes on later (true), or the pager has failed (nil, err).
local function retry_page(self, page, err)
  page.failures = page.failures + 1
  local wait = self._transport:retry_wait(page.request, err, page.failures)
  drop_transfer(page)
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
  local members = page.transfer:members(self._reading)
  page.members, page.has_more = members, members.has_more
  if type(members.total_count) == "number" then self.total_count = members.total_count end
end

local function has_id(item)
  return type(item) == "table" and type(item.id) == "string" and item.id ~= ""
end

-- For a page that has arrived whole: what it says, and the page behind it, at most one ahead.
local function look_ahead(self, page)
  local waiting, _, whole = page.transfer:waiting()
  if not whole then return end
  arrived(self, page)
  if self._prefetch and self._pages == 1 and page.taken < waiting then return end
  page.looked_ahead = true
  if not self._prefetch or page.has_more ~= true or not page.transfer then return end
  local last = { id = page.last }
  if waiting > 0 then last = page.transfer:last() end
  if not has_id(last) then return end -- the loop will hear of it when it gets there
  local ahead = new_page(self, last.id, page.first)
  start(self, ahead) -- a failure to start shows when the loop gets there
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
  drop_transfer(page)
  if page.has_more == true and count > 0 then
    self._page = self._ahead or new_page(self, page.last, page.first)
    self._pages = self._pages + 1
  else
    self._page, self._state = false, "ended"
  end
  self._ahead = false
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

-- Whether somebody was thrown out of `collect`, with the items that it had. `own`: the code that runs is collecting.
local function lost_collected(self, own)
  local here = self._transport.scheduler:task_here() or true
  for who in pairs(self._collecting) do
    if who ~= true and who.status == "cancelled" then
      self._collecting[who] = nil
    elseif (who == here and not own) or (who ~= true and who.status ~= "running") then
      return true
    end
  end
  return false
end

-- A step, or a `collect`, that was broken off (by a hook, or no memory) may have taken items along: what the list
-- would go on with would be short of them.
local function check_whole(self, own)
  if self._hand[1] == nil and not (self._collecting and lost_collected(self, own)) then return end
  self._hand[1], self._collecting = nil, false
  if self._state ~= "open" then return end
  fail(self, errors.new {
    kind = "state", code = "INTERRUPTED",
    message = self._name .. ": a step of the list was interrupted, and items may be lost; begin the list anew",
  })
end

-- Goes on with a step. Meanwhile that of another task may have been broken off.
local function take_up(self)
  if self._hand[1] ~= nil then check_whole(self, true) end
  self._hand[1] = BUSY
end

-- Waits, with nothing in hand: were the task cancelled then, nothing would be lost.
local function wait_for(self, page, wait, ...)
  local began, scheduler = now(), self._transport.scheduler
  self._hand[1] = nil
  wait(scheduler, ...)
  take_up(self)
  count_wait(page, began)
end

-- Waits for a page's next attempt. Another task may have begun it meanwhile.
local function wait_for_retry(self, page)
  local scheduler = self._transport.scheduler
  local left = page.retry_at - now()
  if left > 0 then
    local task = scheduler:task_here()
    if task then page.sleepers[task] = true end
    wait_for(self, page, scheduler.sleep, left)
    if task then page.sleepers[task] = nil end
  end
  if page.retry_at and page.retry_at <= now() then page.retry_at = nil end
end

local function wait_for_news(self, page)
  wait_for(self, page, self._transport.scheduler.await, page.transfer, true)
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
    local err = start(self, page)
    if err then return nil, retry_page(self, page, err) end
    return nil, true
  end
  local item, why, code, message = page.transfer:item(self._reading, self._fields)
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
  if scheduler.turns.current or not transfer or transfer:finished() then return end
  local time = now()
  if time - self._driven < DRIVE_INTERVAL then return end
  self._driven = time
  scheduler:look(DRIVE_TURNS)
end

-- What a step ends with. The item leaves the hand in C, where no hook can strike between that and the return.
local function hand_over(self, result)
  local hand = self._hand
  hand[1] = result
  return take_out(hand)
end

-- A step that ends without an item.
local function put_down(self, err, raises)
  self._hand[1] = nil
  if err ~= nil and raises then error(errors.located(err), 0) end
  return nil, err
end

-- What goes with every item that the loop gets: the page behind it, and the network.
local function hand_out(self, page, item)
  if not page.looked_ahead and self._page == page then look_ahead(self, page) end
  drive(self)
  return hand_over(self, item)
end

-- Before a step: whether it may be taken here. The task gives way before it takes an item: were it cancelled then,
-- nothing would be lost. `whole_call`: see `next_item`.
local function begin_step(self, mode, whole_call)
  set_mode(self, mode)
  local scheduler = self._transport.scheduler
  local refused = scheduler:enter(self._name, false, whole_call ~= nil)
  if refused then return refused end
  check_whole(self, whole_call == "collect")
  scheduler:breathe()
  self._hand[1] = BUSY
  return nil
end

-- The page that items are taken from.
local function page_here(self)
  if not self._page then
    self._page, self._pages = new_page(self), 1
  end
  return self._page
end

-- The next item. `raises`: an error is raised. `whole_call`: "collect" or "map", of which this is a step; then what
-- on_event has raised waits for the next call.
local function next_item(self, raises, whole_call)
  local page, hand = self._page, self._hand
  local transfer, scheduler = page and page.transfer, self._transport.scheduler
  if transfer and self._mode == "items" and hand[1] == nil and (not self._collecting or whole_call == "collect")
    and scheduler:may_take() then
    -- The common case, kept short: an item is at hand.
    hand[1] = BUSY
    local item = transfer:item(self._reading, self._fields)
    if item ~= nil then
      local accepted, err = accept(self, page, item)
      if accepted then return hand_out(self, page, accepted) end
      if err then return put_down(self, err, raises) end -- else the pager was closed meanwhile
    end
    hand[1] = nil
  end
  local refused = begin_step(self, "items", whole_call)
  if refused then return put_down(self, refused, raises) end
  while self._state == "open" do
    page = page_here(self)
    local item, err = next_of_page(self, page)
    if item then return hand_out(self, page, item) end
    if err then return put_down(self, err, raises) end
    -- Another task that waited for the same page may have turned it.
    if self._state == "open" and self._page == page and page.done then turn_page(self, page) end
  end
  hand[1] = nil
  local _, err = stopped(self)
  return put_down(self, err, raises)
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
  return next_item(self, true)
end

if not coroutines.closes then
  function pager_mt:__call()
    self._transport.scheduler:loops_over(self)
    return next_item(self, true)
  end
end

--- For `map`.
function pager:_next_of_map()
  return next_item(self, false, "map")
end

-- A page whose items have all been gathered, as the loop gets it.
local function hand_out_page(self, page)
  local result = {}
  for name, value in pairs(page.members) do result[name] = value end
  result[self._list] = setmetatable(page.items, core.array_mt)
  local number = self._pages
  turn_page(self, page)
  if self._page and number >= 2 and self._prefetch then
    start(self, self._page) -- a failure to start shows when the loop gets there
    self._driven = 0
    drive(self)
  elseif number >= 2 and #page.items == 0 then
    return nil -- only here to say that there is no more
  end
  return result
end

-- The next page, retried as a whole. Tasks that share the pager gather the same page, and one of them gets it.
local function next_page(self)
  local refused = begin_step(self, "pages")
  if refused then return put_down(self, refused, true) end
  while self._state == "open" do
    local page = page_here(self)
    page.items = page.items or {}
    local item, err = next_of_page(self, page)
    if err then return put_down(self, err, true) end
    if item then
      page.items[#page.items + 1] = item
      self._hand[1] = nil
      self._transport.scheduler:breathe()
      take_up(self)
    elseif self._state == "open" and self._page == page and page.done then
      return hand_over(self, hand_out_page(self, page))
    end
  end
  self._hand[1] = nil
  local _, err = stopped(self)
  return put_down(self, err, true)
end

--- Pages instead of items.
---@return function iterator raises the error of a page that cannot be had
---@return nil, nil
---@return table pager closed when the loop ends
function pager:pages()
  if getmetatable(self) ~= pager_mt then not_a_pager("pages") end
  check_usable(self)
  set_mode(self, "pages")
  return function()
    if not coroutines.closes then self._transport.scheduler:loops_over(self) end
    return next_page(self)
  end, nil, nil, self
end

local function gather(self, max, here)
  local items = setmetatable({}, core.array_mt)
  self._collecting = self._collecting or {}
  self._collecting[here] = true
  local item, err = true, nil
  while item and (not max or #items < max) do
    item, err = next_item(self, false, "collect")
    items[#items + 1] = item
  end
  self._hand[1] = items
  self._collecting[here] = nil
  if next(self._collecting) == nil then self._collecting = false end
  if err then return put_down(self, err), err, items end
  return take_out(self._hand)
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
  local scheduler = self._transport.scheduler
  local refused = scheduler:enter(self._name)
  if refused then return nil, refused, setmetatable({}, core.array_mt) end
  check_whole(self)
  return gather(self, max, scheduler:task_here() or true)
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
