-- Streams of events: decoded one by one as they arrive, taken up where they broke off, none lost and none twice.

local core = require "runloop.core"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"
local number_text = require("runloop.schema").number_text

local steps = lazy.load "steps"

local getmetatable, next, pairs, select, setmetatable = getmetatable, next, pairs, select, setmetatable
local tonumber, tostring, type = tonumber, tostring, type
local floor, huge, max, min = math.floor, math.huge, math.max, math.min
local find, format, gsub, match, sub = string.find, string.format, string.gsub, string.match, string.sub
local now, array_mt = core.now, core.array_mt
local BUSY = steps.BUSY
local fail, hand_over, put_down = steps.fail, steps.hand_over, steps.put_down
local DRIVE_INTERVAL, take_out = steps.DRIVE_INTERVAL, table.remove

local IDLE_TIMEOUT = 90 -- seconds of silence
local MIN_GAP = 0.1 -- seconds between two openings, where nothing has failed
local MAX_GAP = 5 -- likewise, when one after the other ends without an event
local MANY_TOLD = 1024 -- evictions that are remembered before old ones are forgotten
local LONG_AGO = 3600000 -- milliseconds after which an eviction is old

local stream, stream_mt = steps.class("stream", {
  whole = "stream", items = "events",
  refusal = "a stream is no array: loop over it (for event in stream do)",
})

function stream_mt.__pairs()
  return next, {}, nil
end

-- How the streams are taken up again. A kind has
--   begin(self)               what it remembers
--   accept(self, part, item)  the item, or nil where it has been had; or nil and what is wrong with it; or nil, nil and
--                             true where something is missing before it, which is to be asked for again
--   query(self)               the parameter and its value that it goes on with, if it has got anywhere
--   is_lost(self)             whether it cannot be taken up again
--   ends                      a clean end may be the end
local kinds = {}

-- Of axons: events have numbers that grow.
kinds.after_sequence = {
  begin = function(self)
    self._at = tonumber(self._query.after_sequence) or -huge
    self._sequence = nil -- of the last event, as it came
  end,
  accept = function(self, _, item)
    local sequence = item.sequence
    local at = type(sequence) == "number" and sequence or tonumber(sequence)
    if not at then return nil, "an event has no sequence" end
    if at <= self._at then return nil end
    self._at, self._sequence = at, sequence
    return item
  end,
  query = function(self)
    local sequence = self._sequence
    return "after_sequence", type(sequence) == "number" and number_text(sequence) or sequence
  end,
}

-- Of a command's output: chunks have the offset at which they begin; or, as nobody promises, at which they end.

local REPLACEMENT = "\239\191\189" -- one byte of the output, or three: what was no UTF-8 comes as this

-- By how many bytes a text may be longer than the output that it stands for.
local function excess(text)
  local _, count = gsub(text, REPLACEMENT, "")
  return count * 2
end

-- Whether chunks tell where they begin or where they end, as soon as one shows it.
local function learn_offsets(self, offset, text)
  local before, length = self._at or self._from, #(self._text or "")
  if length == #text then return end -- either way it would be there
  if not self._at and before > 0 and offset == before then return end -- or it was had before
  if offset == before + length then
    self._tells = "start"
  elseif offset == before + #text then
    self._tells = "end"
  elseif offset < #text - excess(text) then -- it would have begun before all output
    self._tells = "start"
  end
end

local DIFFERS = "the server sent other output than before from the same place"

-- What is new in a chunk that ends at `offset`; nil: nothing; nil and what is wrong.
local function rest_of_ending(self, offset, text)
  if offset <= self._at then return nil end
  local had = self._at - (offset - #text) -- bytes of it
  if had <= 0 then return text end
  local shared = min(had, #self._text)
  if shared == 0 or sub(text, had - shared + 1, had) == sub(self._text, -shared) then return sub(text, had + 1) end
  if had <= excess(text) then return text end
  return nil, DIFFERS
end

local function rest_of_beginning(self, offset, text)
  local at, before = self._at, self._text
  local stop, had_up_to = offset + #text, at + #before
  if stop <= at and not (offset == at and stop == had_up_to) then return nil end
  if offset >= had_up_to then return text end
  local first, last = max(offset, at), min(stop, had_up_to)
  if sub(text, first - offset + 1, last - offset) ~= sub(before, first - at + 1, last - at) then
    if offset > at and offset >= had_up_to - excess(before) then return text end
    return nil, DIFFERS
  end
  if stop == had_up_to then self._catching_up = false end
  return stop > had_up_to and sub(text, had_up_to - offset + 1) or nil
end

-- Whether bytes are missing before a chunk. A text is never shorter than what it stands for, but a server may keep back
-- the first bytes of a character until it has the others.
local function has_gap(self, offset, text)
  local at = self._at or self._from
  local before_start, before_end = offset - at - #(self._text or ""), offset - #text - at
  if self._tells == "end" then return before_end > 0 end
  if before_start < 4 and find(text, "^[\128-\255]") then return false end
  return before_start > 0 and (self._tells == "start" or before_end > 0)
end

-- Whether a chunk repeats what was had, though nothing has broken off. Offsets that count characters do not.
local function is_repeated(self, offset, text)
  local at, before = self._at, self._text
  if not at or text == "" then return false end
  if offset <= at then return true end
  if not self._tells or before == "" or find(before, "[\128-\255]") or find(text, "[\128-\255]") then return false end
  if self._tells == "start" then
    return offset < at + #before
      and sub(text, 1, at + #before - offset) == sub(before, offset - at + 1, offset - at + #text)
  end
  local had = at - (offset - #text)
  return had > 0 and sub(sub(text, 1, had), -#before) == sub(before, -had)
end

-- A chunk behind a break: what has been had of it is cut off.
local function catch_up(self, item)
  local offset, text = item.offset, item.output
  local rest, wrong = (self._tells == "end" and rest_of_ending or rest_of_beginning)(self, offset, text)
  if wrong then return nil, wrong end
  if not rest then return nil end
  self._catching_up = false
  if rest ~= text then
    if self._tells ~= "end" then item.offset = offset + #text - #rest end
    item.output = rest
  end
  return item
end

-- Whether a chunk is the next one, as nearly all are.
local function follows(self, offset, text)
  if self._tells == "start" then return offset == (self._at or self._from) + #(self._text or "") end
  return self._tells == "end" and offset - #text == (self._at or self._from)
end

-- What is new in any other chunk; as `accept` returns it.
local function fit_in(self, item)
  local offset, text = item.offset, item.output
  if self._blind then return item end -- where it should begin, nobody knows
  if not self._tells then learn_offsets(self, offset, text) end
  if has_gap(self, offset, text) then
    local place = self._at or self._from
    if self._gap_at == place then return nil, "the server has left out output before offset " .. number_text(offset) end
    self._gap_at = place
    return nil, nil, true
  end
  if not self._catching_up and not is_repeated(self, offset, text) then return item end
  self._catching_up = true
  return catch_up(self, item)
end

kinds.offset = {
  ends = true,
  begin = function(self)
    self._output = match(self._url, "stream_(%a+)_updates$") -- which of the two
    self._from = tonumber(self._query.offset) or 0
    self._at = nil -- offset of the last chunk
    self._text = nil -- and its output
    self._tail = "" -- what was handed over last
    self._tells = nil -- "start" or "end": what an offset is
    self._catching_up = false -- behind a break, up to what has not been had
    self._gap_at = nil -- where something was missing, which was asked for again
    self._blind = false -- the last chunk had no offset
    self._total = 0 -- bytes handed over
  end,
  accept = function(self, part, item)
    local text, offset = item.output, item.offset
    if type(text) ~= "string" then return nil, "an event has no output" end
    if type(offset) ~= "number" then
      if offset ~= nil and offset ~= core.null then return nil, "an event's offset is no number" end
      if self._catching_up then return nil, "the server sent output again, without its offset" end
      self._blind, self._total, self._tail = true, self._total + #text, text
      part.fresh = true
      return item
    end
    if self._catching_up or not follows(self, offset, text) then
      local wrong, missing
      item, wrong, missing = fit_in(self, item)
      if not item then return nil, wrong, missing end
    end
    self._total = self._total + #item.output
    self._at, self._text, self._tail, self._blind = offset, text, text, false
    part.fresh = true
    return item
  end,
  query = function(self)
    self._catching_up = self._at ~= nil
    return "offset", self._at and format("%.0f", self._at)
  end,
  is_lost = function(self) return self._blind end,
}

-- Of evictions: every opening tells anew of all that are pending.

local function forget_old(self)
  local old = core.time() * 1000 - LONG_AGO
  self._told_count = 0
  for pair, deadline in pairs(self._told) do
    if deadline < old then self._told[pair] = nil else self._told_count = self._told_count + 1 end
  end
  self._told_most = max(MANY_TOLD, self._told_count * 2)
end

kinds.evictions = {
  begin = function(self) self._told, self._told_count, self._told_most = {}, 0, MANY_TOLD end,
  accept = function(self, _, item)
    local devbox, deadline = item.devbox_id, item.eviction_deadline_ms
    local time = tonumber(deadline)
    if type(devbox) ~= "string" or not time then return nil, "an event names no devbox, or no deadline" end
    local pair = devbox .. " " .. tostring(deadline)
    if self._told[pair] then return nil end
    self._told[pair] = time
    self._told_count = self._told_count + 1
    if self._told_count > self._told_most then forget_old(self) end
    return item
  end,
  query = function() end,
}

--- A stream that makes no request yet.
---@param transport table
---@param fields table as `steps.new` takes it; resume: the parameter that it goes on by; headers: a set
---@return table
local function new(transport, fields)
  local self = steps.new(transport, fields)
  self._headers = fields.headers
  self._kind = kinds[fields.resume or "evictions"]
  self._accept = self._kind.accept
  self._part = false -- the transfer that events come from
  self._opened_at = -huge -- when it was opened last
  self._barren = 0 -- clean ends in a row without an event between them
  self._kind.begin(self)
  return setmetatable(self, stream_mt)
end

function stream:_release()
  if self._part then steps.release(self, self._part) end
  self._part = false
end

local function part_here(self)
  if not self._part then
    local part = steps.part(self, self._query, self._headers)
    part.request.timeout = self._options.idle_timeout or IDLE_TIMEOUT
    part.fresh = false -- this opening has brought something new
    self._part = part
  end
  return self._part
end

local function open(self, part)
  local name, value = self._kind.query(self)
  if value then
    self._query[name] = value
    part.request.url = self._transport.with_query(self._url, self._query)
  end
  part.fresh = false
  self._opened_at = now()
  return steps.start(self, part, { events = true })
end

-- Whether the stream is lost with what has broken it: then it has failed with that.
local function is_lost(self, err)
  local lost = self._kind.is_lost
  if not lost or not lost(self) then return false end
  fail(self, err)
  return true
end

-- Opens the stream again where it was: nothing has failed.
local function reopen(self, part, gap)
  steps.drop_transfer(part)
  part.request.attempts = 0
  part.retry_at = max(now(), self._opened_at + gap)
  return true
end

-- A break: it counts, and is waited for.
local function retry(self, part, err)
  if is_lost(self, err) then return nil, err end
  return steps.retry(self, part, err)
end

-- Whether the shorter of two texts is the end of the other.
local function end_alike(a, b)
  local shared = min(#a, #b)
  return shared == 0 or sub(a, -shared) == sub(b, -shared)
end

-- Whether what was handed over can be all that a completed command has written, by the end of that, which its view has.
local function may_be_all(self, view)
  local tail = view[self._output]
  if type(tail) ~= "string" then return true end
  -- What cannot be asked for again is not doubted for a newline.
  if self._blind then return end_alike((gsub(self._tail, "%s+$", "")), (gsub(tail, "%s+$", ""))) end
  local is_whole = view[self._output .. "_truncated"] == false and self._from == 0
  return end_alike(self._tail, tail) and not (is_whole and #tail ~= self._total)
end

-- A clean end of a command's output: the end if the command is completed. A stream that may have been cut off without
-- a trace is opened once more, where it was: then it has to end at once.
local function end_of_output(self, part, answer)
  local transport, transfer = self._transport, part.transfer
  local request = transport:request("GET", (gsub(self._url, "/[^/]*$", "")), self._options)
  local view, err
  steps.wait_for(self, part, function()
    view, err = transport:perform(request, transport.decode_object)
  end)
  if self._state ~= "open" or part.transfer ~= transfer then return true end -- by another task, meanwhile
  if not view then return fail(self, err) end
  if view.status ~= "completed" or part.fresh and (answer.cut_short or not may_be_all(self, view)) then
    if not self._blind then return reopen(self, part, MIN_GAP) end
    return fail(self, transport:cut_short(part.request, "the stream of the output ended before the output"))
  end
  self:_release()
  self._state = "ended"
  return true
end

local function ended(self, part)
  local answer, err = steps.answer_of(self, part)
  if not part.transfer then return nil, self._failure end
  if not answer then return retry(self, part, err) end
  if self._kind.ends then return end_of_output(self, part, answer) end
  local gap = min(MIN_GAP * 2 ^ self._barren, MAX_GAP)
  self._barren = self._barren + 1
  return reopen(self, part, max(MIN_GAP, min(gap, self._transport.options.max_retry_wait)))
end

-- The answer has failed, or it has ended in the middle of an event (`message`).
local function broke_off(self, part, message)
  local answer, err = steps.answer_of(self, part)
  if not part.transfer then return nil, self._failure end
  if answer then err = self._transport:cut_short(part.request, message) end
  if err.code == "OPERATION_TIMEDOUT" and err.status == 200 then
    if is_lost(self, err) then return nil, err end
    return reopen(self, part, MIN_GAP)
  end
  return retry(self, part, err)
end

-- An event that tells of an error: `{ code, message }`, or a text.
local function error_event(self, part, data)
  local code = type(data) == "table" and data.code or nil
  local status = tonumber(code)
  local _, fields = part.transfer:head()
  local err
  if status and status % 1 == 0 then
    status = floor(status)
    err = errors.api(status, data, fields)
  else
    err = errors.api(500, data, fields)
    err.status, err.retryable = nil, false
    err.code = type(code) == "string" and code ~= "" and code or "error"
  end
  err = self._transport:fail(part.request, err)
  if status == 408 then
    if is_lost(self, err) then return nil, err end
    return reopen(self, part, MIN_GAP)
  end
  return fail(self, err)
end

-- What `accept` has made of an event, as the loop gets it.
local function outcome(self, part, item, wrong, missing)
  if item then
    part.failures, self._barren = 0, 0
    if self._secrets then self._transport.learn(item, self._secrets) end
    return item
  end
  if wrong then return steps.broken(self, part, "SHAPE", wrong) end
  if missing then reopen(self, part, MIN_GAP) end
  return nil
end

-- An event as the loop gets it; nil: it says nothing new, or (with an error) the stream has failed.
local function take(self, part, item, name)
  if name == "error" then return nil, select(2, error_event(self, part, item)) end
  if type(item) ~= "table" or getmetatable(item) == array_mt then
    return steps.broken(self, part, "SHAPE", "an event is no object")
  end
  return outcome(self, part, self._accept(self, part, item))
end

-- What there is instead of an event's data: nil and whether to go on, and the error that the stream has failed with.
local function no_event(self, part, why, code, message)
  if why == "more" then
    steps.wait_for_news(self, part)
    return true
  elseif why == "done" then
    return ended(self, part)
  elseif why == "error" and (code == "JSON" or code == "TOO_DEEP") then
    local data, name = part.transfer:event(self._reading, true)
    if name == "error" then return error_event(self, part, data) end
    return steps.broken(self, part, code, message)
  elseif why == "error" then
    return steps.broken(self, part, code, message)
  end
  return broke_off(self, part, why == "cut" and "the stream ended in the middle of an event" or nil)
end

-- One step towards the next event: the event; or nil and whether to go on, and the error.
local function step(self, part)
  local gone = self._transport:ended(part.request)
  if gone then return nil, false, select(2, fail(self, gone)) end
  if part.retry_at then
    steps.wait_for_retry(self, part)
    return nil, true
  end
  if not part.transfer then
    local err = open(self, part)
    if err then return nil, steps.retry(self, part, err) end
    return nil, true
  end
  local item, why, code, message = part.transfer:event(self._reading)
  if item == nil then return nil, no_event(self, part, why, code, message) end
  if item == "" then return nil, true end -- without data
  local accepted, err = take(self, part, item, why)
  if accepted then return accepted end
  return nil, err == nil, err
end

-- The next event. `raises` and `whole_call` are those of `steps`.
local function next_event(self, raises, whole_call)
  local part, hand = self._part, self._hand
  local transfer, scheduler = part and part.transfer, self._transport.scheduler
  if transfer and hand[1] == nil and scheduler:may_take() then
    -- The common case, kept short: an event is at hand, and it is new.
    hand[1] = BUSY
    local item, name, code, message = transfer:event(self._reading)
    local accepted, err
    if name == nil and type(item) == "table" and getmetatable(item) ~= array_mt then
      local new_item, wrong, missing = self._accept(self, part, item)
      if new_item and not self._secrets then
        part.failures, self._barren = 0, 0
        if now() - self._driven >= DRIVE_INTERVAL then steps.drive(self, transfer) end
        hand[1] = new_item
        return take_out(hand)
      end
      accepted, err = outcome(self, part, new_item, wrong, missing)
    elseif item == nil and name == "error" then
      accepted, err = nil, select(2, no_event(self, part, name, code, message))
    elseif item ~= nil and item ~= "" then
      accepted, err = take(self, part, item, name)
    end
    if accepted then
      steps.drive(self, transfer)
      return hand_over(self, accepted)
    end
    if err then return put_down(self, err, raises) end
    hand[1] = nil
  end
  local refused = steps.begin(self, whole_call)
  if refused then return put_down(self, refused, raises) end
  while self._state == "open" do
    local item, _, err = step(self, part_here(self))
    if item then
      steps.drive(self, self._part and self._part.transfer)
      return hand_over(self, item)
    end
    if err then return put_down(self, err, raises) end
  end
  hand[1] = nil
  local _, err = steps.stopped(self)
  return put_down(self, err, raises)
end

steps.finish_class(stream, stream_mt, next_event)

return { new = new }
