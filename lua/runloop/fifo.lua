-- A queue in order of arrival, which members can leave before their turn.

local fifo = {}

--- An empty queue.
---@return table
function fifo.new()
  return { first = 1, last = 0 }
end

--- Adds a member at the end.
---@param queue table
---@param member table
---@return integer place for `leave`; no other member ever has the same
function fifo.push(queue, member)
  local place = queue.last + 1
  queue[place] = member -- which may raise, when there is no memory
  queue.last = place
  return place
end

--- Takes a member out, if it is still there.
---@param queue table
---@param place integer
function fifo.leave(queue, place)
  queue[place] = nil
end

--- The first member, which stays.
---@param queue table
---@return table|nil
function fifo.peek(queue)
  while queue.first <= queue.last do
    local member = queue[queue.first]
    if member then return member end
    queue.first = queue.first + 1
  end
  return nil
end

--- Takes the first member out.
---@param queue table
---@return table|nil
function fifo.pop(queue)
  local member = fifo.peek(queue)
  if member then queue[queue.first] = nil end
  return member
end

return fifo
