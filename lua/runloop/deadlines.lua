-- A heap of tasks by when they are due (`_wake`); `_slot` is a task's place in it, so that one can leave early.

local deadlines = {}

local function sift_up(heap, task, slot)
  while slot > 1 do
    local parent = (slot - slot % 2) / 2
    if heap[parent]._wake <= task._wake then break end
    heap[slot] = heap[parent]
    heap[slot]._slot = slot
    slot = parent
  end
  heap[slot] = task
  task._slot = slot
end

local function sift_down(heap, task, slot)
  local size = #heap
  while true do
    local child = slot * 2
    if child > size then break end
    if child < size and heap[child + 1]._wake < heap[child]._wake then child = child + 1 end
    if task._wake <= heap[child]._wake then break end
    heap[slot] = heap[child]
    heap[slot]._slot = slot
    slot = child
  end
  heap[slot] = task
  task._slot = slot
end

--- Adds a task that is not in it.
---@param heap table an array; empty at first
---@param task table
function deadlines.add(heap, task)
  sift_up(heap, task, #heap + 1)
end

--- Takes a task out, if it is in it.
---@param heap table
---@param task table
function deadlines.remove(heap, task)
  local slot = task._slot
  if not slot then return end
  task._slot = nil
  local moved = heap[#heap]
  heap[#heap] = nil
  if moved == task then return end
  sift_up(heap, moved, slot)
  sift_down(heap, moved, moved._slot)
end

return deadlines
