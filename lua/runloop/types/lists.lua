---@meta _

-- Lists, for editors (lua-language-server). Never loaded.

--- A list whose pages are fetched as they are needed. `for item in list do` raises on failure and closes the list.
---@class runloop.Pager
---@field total_count? integer once a page that has it has been read
local Pager = {}

--- The next item.
---@return table? item nil at the end, and on failure
---@return runloop.Error? err
function Pager:next() end

--- An iterator over whole pages. Not to be mixed with `next`.
---@return fun(): runloop.Page
function Pager:pages() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return table[]? items
---@return runloop.Error? err
---@return table[]? collected what came before the failure
function Pager:collect(max) end

--- Stops fetching.
function Pager:close() end

---@class runloop.Page
---@field has_more boolean
---@field total_count? integer

--- Events as they come. `for event in stream do` raises on failure and closes the stream.
---@class runloop.Stream
local Stream = {}

--- The next event.
---@return table? event nil at the end, and on failure
---@return runloop.Error? err
function Stream:next() end

--- Ends the stream.
function Stream:close() end
