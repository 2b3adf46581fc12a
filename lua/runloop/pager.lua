-- Lazy pagination: items as their page arrives, one page ahead, resumed where a page broke off.

local core = require "runloop.core"
local coroutines = require "runloop.coroutines"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"
local steps = lazy.load "steps"

local next, pairs, select, setmetatable, type = next, pairs, select, setmetatable, type
local huge = math.huge

local BUSY = steps.BUSY
local answer_of, broken_page, check_whole, drop_transfer, fail, hand_over, put_down, stopped, take_up =
  steps.answer_of, steps.broken, steps.check_whole, steps.drop_transfer, steps.fail, steps.hand_over, steps.put_down,
  steps.stopped, steps.take_up
local let_go, ready, take = core.let_go, core.ready, core.take
local free_until = require("runloop.scheduler").free_until
local DRIVE_INTERVAL = steps.DRIVE_INTERVAL

local pager, pager_mt = steps.class("pager", {
  whole = "list", items = "items",
  refusal = "a list is no array: loop over it (for item in list), or collect() it",
})

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
  local self = steps.new(transport, fields)
  self._list = fields.list -- the name of the array in a page
  self._prefetch = not fields.options or fields.options.prefetch ~= false
  self._page = false -- the page that items are taken from
  self._ahead = false -- the page after it, when asked for already
  self._pages = 0 -- pages begun
  self._first = false -- id of the first item of the list
  self._mode = false -- "items" or "pages"
  self._plain = false -- items, about which nothing is to be learned
  self.total_count = nil -- what a page says of it
  return setmetatable(self, pager_mt)
end

-- A page and what its request goes through. `cursor` is the id that it begins after: it moves when a page that broke
-- off is resumed, `previous` stays the cursor of the page as a whole.
local function new_page(self, cursor, previous_first)
  local query = {}
  for name, value in pairs(self._query) do query[name] = value end
  if cursor then query.starting_after = cursor end
  local page = steps.part(self, query)
  page.cursor = cursor
  page.previous_first = previous_first -- id of the first item of the page before
  page.first = nil -- id of the first item of this one
  page.last = nil -- and of the last one that was handed over
  page.items = nil -- where they are gathered, when pages are asked for
  page.members = nil -- the page's other members, once it has arrived whole
  page.has_more = nil -- what they say
  page.looked_ahead = false -- all that is to be done when it has arrived has been done
  page.done = false -- all its items have been taken
  return page
end

local function start(self, page)
  return steps.start(self, page, { list = self._list, fields = self._options.fields })
end

function pager:_release()
  if self._page then steps.release(self, self._page) end
  if self._ahead then steps.release(self, self._ahead) end
  self._page, self._ahead = false, false
end

local function shape_error(self, page, message)
  return broken_page(self, page, "SHAPE", message)
end

-- A page that failed: either it goes on later (true), or the pager has failed (nil, err).
local function retry_page(self, page, err)
  local again, failure = steps.retry(self, page, err)
  if not again then return nil, failure end
  if page.items then
    page.items, page.first = {}, nil
  elseif page.last then
    -- Everything up to the last complete item is with the loop already: go on behind it.
    page.cursor, page.query.starting_after = page.last, page.last
    page.request.url = self._transport.with_query(self._url, page.query)
  end
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
  local waiting, seen, whole = page.transfer:waiting()
  if not whole then return end
  arrived(self, page)
  if self._prefetch and self._pages == 1 and seen - waiting < waiting then return end
  page.looked_ahead = true
  if not self._prefetch or page.has_more ~= true then return end
  local last = { id = page.last }
  if not page.transfer then return end -- on_event, or a finalizer, has closed the list
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

-- Whether somebody was thrown out of `collect`, with the items that it had. `own`: the code that runs is collecting.
function pager:_lost(own)
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

-- One step towards the next item: the item; or nil and whether to go on, and the error that the pager failed with.
local function step(self, page)
  local ended = self._transport:ended(page.request)
  if ended then return nil, false, select(2, fail(self, ended)) end
  if page.retry_at then
    steps.wait_for_retry(self, page)
    return nil, true
  end
  if not page.transfer then
    if page.done then return nil, false end
    local err = start(self, page)
    if err then return nil, retry_page(self, page, err) end
    return nil, true
  end
  local item, why, code, message = page.transfer:item(self._reading)
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
    steps.wait_for_news(self, page)
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
  self._plain = mode == "items" and not self._secrets
end

-- While the loop body works outside a task, the network must not stand still.
local function drive(self)
  local page, ahead = self._page, self._ahead
  steps.drive(self, ahead and ahead.transfer or page and page.transfer)
end

-- The field in which the next step finds the transfer, when nothing but an item is to be had from it. While the list is
-- being collected, that concerns nobody else.
local function field_of(whole_call)
  return whole_call == "collect" and "_gathering" or "_armed"
end

-- Says so, if the next items may be taken in C: the transfer.
local function arm(self, page, field)
  local free = self._plain and not (self._collecting and field == "_armed") and free_until(self._scheduler)
  local transfer = free and self._page == page and page.transfer
  if not transfer then return false end
  if free == huge then free = self._driven + DRIVE_INTERVAL end
  return ready(transfer, page, free, self._reading, self._metatable, page.cursor, page.looked_ahead)
end

-- What goes with an item that the loop gets, now and then: the page behind it, and the network.
local function hand_out(self, page, item, whole_call)
  if not page.looked_ahead and self._page == page then look_ahead(self, page) end
  drive(self)
  local hand, field = self._hand, field_of(whole_call)
  hand[1] = item
  return let_go(hand, item, self, field, arm(self, page, field))
end

local function begin_step(self, mode, whole_call)
  set_mode(self, mode)
  return steps.begin(self, whole_call)
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
  local hand, field = self._hand, field_of(whole_call)
  local transfer = self[field]
  -- Before Lua 5.4 take cannot tell where a task may yield.
  if transfer and (coroutines.closes or free_until(self._scheduler)) then
    self[field], hand[1] = false, BUSY
    local item = take(transfer)
    if item ~= nil then return let_go(hand, item, self, field, transfer) end
    hand[1] = nil
  end
  local refused = begin_step(self, "items", whole_call)
  if refused then return put_down(self, refused, raises) end
  while self._state == "open" do
    local page = page_here(self)
    local item, err = next_of_page(self, page)
    if item then return hand_out(self, page, item, whole_call) end
    if err then return put_down(self, err, raises) end
    -- Another task that waited for the same page may have turned it.
    if self._state == "open" and self._page == page and page.done then turn_page(self, page) end
  end
  hand[1] = nil
  local _, err = stopped(self)
  return put_down(self, err, raises)
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
  steps.check_self(self, pager_mt, "pages")
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
  self._armed = false
  local item, err = true, nil
  while item and (not max or #items < max) do
    item, err = next_item(self, false, "collect")
    items[#items + 1] = item
  end
  self._gathering = false
  self._hand[1] = items
  local collecting = self._collecting -- false: a step was found broken off meanwhile
  if collecting then
    collecting[here] = nil
    if next(collecting) == nil then self._collecting = false end
  end
  if err then return put_down(self, err), err, items end
  return let_go(self._hand, items)
end

--- Items in an array.
---@param max integer|nil at most so many
---@return table|nil items
---@return table|nil err
---@return table|nil collected_so_far with err
function pager:collect(max)
  steps.check_self(self, pager_mt, "collect")
  if max ~= nil and (type(max) ~= "number" or max < 0 or max % 1 ~= 0) then
    errors.misuse("pager:collect: argument 'max' must be an integer, 0 or more" .. errors.got(max))
  end
  check_usable(self)
  set_mode(self, "items")
  local scheduler = self._transport.scheduler
  local refused = scheduler:enter(self._name)
  if refused then return nil, refused, setmetatable({}, core.array_mt) end
  check_whole(self)
  return gather(self, max, scheduler:task_here() or true)
end

steps.finish_class(pager, pager_mt, next_item)
if coroutines.closes then pager_mt.__call = core.stepper(next_item) end

return { new = new }
