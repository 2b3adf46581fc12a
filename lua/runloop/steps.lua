-- What lists and streams share: steps that hand over one item each, out of transfers that may have to be begun again.
--
-- A transfer and what goes with it over all attempts is a part: a page, or the events of a stream.

local core = require "runloop.core"
local coroutines = require "runloop.coroutines"
local errors = require "runloop.error"

local error, getmetatable, pairs, rawget, select = error, getmetatable, pairs, rawget, select
local setmetatable, type = setmetatable, type
local max = math.max
local format = string.format

local let_go, now = core.let_go, core.now

-- Outside a task nobody else drives the sockets while the loop body works: seconds between two looks at them.
local DRIVE_INTERVAL = 0.001
-- Turns in one look, each of which moves some 128 KiB. With one, a page would lie in the socket for many looks before
-- it is whole, and only then is the next one asked for; with many, what waits outgrows the processor's cache.
local DRIVE_TURNS = 2

local steps = { DRIVE_INTERVAL = DRIVE_INTERVAL }

--- In `_hand` while a step is at work and has no item yet.
steps.BUSY = {}
local BUSY = steps.BUSY

-- Classes.

--- The methods and the metatable of a kind of list, which `finish_class` completes.
---@param noun string "pager" or "stream"
---@param words { whole: string, items: string, refusal: string } for messages
---@return table methods, table metatable
function steps.class(noun, words)
  local methods = { _noun = noun, _words = words }
  local mt = { __name = "runloop." .. noun, __index = methods }
  -- `ipairs` and `#` would take what nobody has read yet for an empty array.
  local function no_array() errors.misuse(noun .. ": " .. words.refusal) end
  setmetatable(methods, {
    __index = function(_, name)
      if type(name) == "number" then no_array() end
      return nil
    end,
  })
  mt.__len = no_array
  function mt:__tostring() return mt.__name .. ": " .. self._name end
  return methods, mt
end

--- Raises unless a method was called with a colon.
function steps.check_self(self, mt, method)
  if getmetatable(self) ~= mt then errors.misuse(mt.__index._noun .. ":" .. method .. ": call it with a colon") end
end

--- Gives a class its steps. It has `_release`, which lets go of what is on its way, and maybe `_lost`, whether items
--- were lost otherwise than out of the hand.
---@param methods table
---@param mt table
---@param next_item fun(self: table, raises: boolean?, whole_call: string?): any, any
function steps.finish_class(methods, mt, next_item)
  --- The next item.
  function methods:next(more)
    if getmetatable(self) ~= mt then steps.check_self(self, mt, "next") end
    if more ~= nil then errors.refuse_more({ more }, 0, methods._noun .. ":next") end
    return next_item(self)
  end

  function mt:__call()
    return next_item(self, true)
  end

  if not coroutines.closes then
    function mt:__call()
      self._transport.scheduler:loops_over(self)
      return next_item(self, true)
    end
  end

  --- For `map`.
  function methods:_next_of_map()
    return next_item(self, false, "map")
  end

  --- For an evaluation: what kind of things the items are, nil when nobody knows, and which fields they have, nil for
  --- all.
  function methods:_gives()
    return self._metatable and self._metatable.kind, self._options.fields
  end

  --- Ends it: what is on its way is cancelled.
  function methods:close()
    if getmetatable(self) ~= mt then steps.check_self(self, mt, "close") end
    self:_release()
    if self._state == "open" then self._state = "closed" end
  end

  function mt:__close()
    self:close()
  end

  for name, most in pairs { close = 0, collect = 1, pages = 0 } do
    local method = methods[name]
    if method then methods[name] = errors.bounded(method, most, methods._noun .. ":" .. name) end
  end

  mt.is_list = true
end

--- Whether something is a list or a stream.
---@param x any
---@return boolean
function steps.is(x)
  local mt = getmetatable(x)
  return type(mt) == "table" and rawget(mt, "is_list") == true
end

--- What all of them begin with.
---@param transport table
---@param fields { url: string, query: table, options: table, metatable: table, name: string, secrets: table }
---@return table
function steps.new(transport, fields)
  return {
    _transport = transport,
    _scheduler = transport.scheduler,
    _url = fields.url,
    _query = fields.query or {}, -- ours: the caller has copied it
    _options = fields.options or {},
    _metatable = fields.metatable, -- of the items
    _secrets = fields.secrets, -- names of fields, as request.secrets
    _name = fields.name, -- of the call, for messages
    _reading = transport.reading(fields.options),
    _state = "open", -- then "ended", "failed" or "closed"
    _failure = false, -- the error that it failed with
    _hand = {}, -- what a step is about to hand over; found there by the next one, it was lost
    _armed = false, -- the transfer whose next items need no step, but core.take, and
    _gathering = false, -- that of a list that is being collected; both only while the hand is empty
    _collecting = false, -- the set of those that are collecting: tasks, or true for code outside of one
    _driven = 0, -- when the network was last looked after
  }
end

-- Parts.

--- A part whose transfer has not begun.
---@param self table
---@param query table
---@param headers table? a set
---@return table
function steps.part(self, query, headers)
  local request = self._transport:request("GET", self._url, self._options, query, nil, headers)
  request.waited = 0
  request.secrets = self._secrets
  return {
    request = request,
    query = query,
    failures = 0, -- since the last progress
    waited_until = 0, -- up to when the time spent waiting has been counted
    transfer = nil,
    answer = nil, -- of the transfer that has ended, with its error
    begun = false, -- the transfer has brought an item
    retry_at = nil, -- when the next attempt is due
    sleepers = {}, -- tasks that wait for that
  }
end

--- Begins an attempt; an error of the beginning.
function steps.start(self, part, sink)
  part.answer, part.begun = nil, false
  local transfer, err = self._transport:attempt(part.request, sink)
  if transfer and self._state ~= "open" then -- `on_event` has closed it
    transfer:release()
    transfer = nil
  end
  part.transfer = transfer
  return err
end

--- Lets go of a part; tasks that wait for it find the list no longer open. They are woken first: were this broken off
--- behind that, nobody would wait for what nobody has.
function steps.release(self, part)
  local turns, transfer = self._transport.scheduler.turns, part.transfer
  if transfer then
    turns:dismiss(transfer)
    part.transfer = nil
    transfer:release()
  end
  for task in pairs(part.sleepers) do turns:rouse(task) end
end

--- What was released is looked for nowhere any more, wherever an error strikes.
function steps.drop_transfer(part)
  local transfer = part.transfer
  part.transfer = nil
  if transfer then transfer:release() end
end

function steps.fail(self, err)
  self._state, self._failure = "failed", err
  self:_release()
  return nil, err
end

local fail = steps.fail

--- What a transfer that has ended says: its answer, or nil and the error. Asked for once, since `on_event` hears of it,
--- which may close the list, or the client: then the part has no transfer any more.
function steps.answer_of(self, part)
  if not part.answer then
    if not part.transfer then return nil end -- a finalizer has closed the list
    local answer, err = self._transport:answer(part.request, part.transfer)
    part.answer = { answer, err }
    local ended = self._transport:ended(part.request)
    if ended then fail(self, ended) end
  end
  return part.answer[1], part.answer[2]
end

--- What came is not what the API promises: asking again would not help.
function steps.broken(self, part, code, message)
  local err
  if part.transfer and part.transfer:finished() then err = select(2, steps.answer_of(self, part)) end
  if not part.transfer then return nil end
  if err and err.code == code then return fail(self, err) end
  return fail(self, self._transport:decode_error(part.request, part.transfer, code, message))
end

--- An attempt has failed: either there is another one later (true), or the list has failed (nil, err).
function steps.retry(self, part, err)
  part.failures = part.failures + 1
  local wait = self._transport:retry_wait(part.request, err, part.failures)
  steps.drop_transfer(part)
  if not wait then return fail(self, err) end
  part.retry_at = now() + wait
  return true
end

-- Waits.

-- Adds to what the part's deadline has lost: several tasks that wait at once wait once.
local function count_wait(part, began)
  local request, time = part.request, now()
  request.waited = request.waited + time - max(began, part.waited_until)
  part.waited_until = time
end

--- Before a step: a step, or a `collect`, that was broken off (by a hook, or no memory) may have taken items along: what
--- the list would go on with would be short of them. `own`: the code that runs is collecting.
function steps.check_whole(self, own)
  if self._hand[1] == nil and not (self._collecting and self:_lost(own)) then return end
  if self._state == "open" or self._state == "ended" then
    local words = self._words
    fail(self, errors.new {
      kind = "state", code = "INTERRUPTED",
      message = format("%s: a step of the %s was interrupted, and %s may be lost; begin the %s anew", self._name,
        words.whole, words.items, words.whole),
    })
  end
  self._hand[1], self._collecting = nil, false -- at last: this may be broken off, too
end

--- Goes on with a step. Meanwhile that of another task may have been broken off.
function steps.take_up(self)
  steps.check_whole(self, true)
  self._armed, self._gathering = false, false
  self._hand[1] = BUSY
end

--- Waits, with nothing in hand: were the task cancelled then, nothing would be lost.
function steps.wait_for(self, part, wait, ...)
  local began, scheduler = now(), self._transport.scheduler
  self._hand[1] = nil
  wait(scheduler, ...)
  steps.take_up(self)
  count_wait(part, began)
end

--- Waits for a part's next attempt. Another task may have begun it meanwhile.
function steps.wait_for_retry(self, part)
  local scheduler = self._transport.scheduler
  local left = part.retry_at - now()
  if left > 0 then
    local task = scheduler:task_here()
    if task then part.sleepers[task] = true end
    steps.wait_for(self, part, scheduler.sleep, left)
    if task then part.sleepers[task] = nil end
  end
  if part.retry_at and part.retry_at <= now() then part.retry_at = nil end
end

--- Waits for news of a part's transfer.
function steps.wait_for_news(self, part)
  local transfer = part.transfer
  if not transfer then return end -- a finalizer has closed the list
  steps.wait_for(self, part, self._transport.scheduler.await, transfer, true)
end

-- Steps.

--- What a list that is not open says.
function steps.stopped(self)
  if self._state == "ended" then return nil end
  if self._state == "failed" then return nil, self._failure end
  errors.misuse(self._name .. ": the " .. self._noun .. " is closed")
end

--- While the loop body works outside a task, the network must not stand still.
function steps.drive(self, transfer)
  local scheduler, time = self._scheduler, now()
  if time - self._driven < DRIVE_INTERVAL then return end
  self._driven = time
  if scheduler.turns.current or not transfer or transfer:finished() then return end
  scheduler:look(DRIVE_TURNS)
end

--- What a step ends with. The item leaves the hand in C, where no hook can strike between that and the return.
function steps.hand_over(self, result)
  local hand = self._hand
  hand[1] = result
  return let_go(hand, result)
end

--- A step that ends without an item.
function steps.put_down(self, err, raises)
  self._hand[1] = nil
  if err ~= nil and raises then error(errors.located(err), 0) end
  return nil, err
end

--- Before a step: whether it may be taken here. The task gives way before it takes an item: were it cancelled then,
--- nothing would be lost. `whole_call`: "collect" or "map", of which this is a step; then what on_event has raised waits
--- for the next call.
function steps.begin(self, whole_call)
  local scheduler = self._transport.scheduler
  local refused = scheduler:enter(self._name, false, whole_call ~= nil)
  if refused then return refused end
  steps.check_whole(self, whole_call == "collect")
  scheduler:breathe()
  steps.take_up(self)
  return nil
end

return steps
