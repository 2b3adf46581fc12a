---@meta _

-- Tasks, for editors (lua-language-server). Never loaded.

---@class runloop.Task
---@field status "running"|"done"|"failed"|"cancelled"
---@field traceback? string of one that failed: the stack where that was raised
local Task = {}

--- Waits for the end of the task; raises what it raised.
---@param seconds? number
---@return any ... what the function returned; nil and an error of kind `timeout` or `cancelled`
function Task:wait(seconds) end

--- Ends the task: its pending call ends, its to-be-closed variables run.
function Task:cancel() end
