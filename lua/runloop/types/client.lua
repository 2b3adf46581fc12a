---@meta _

-- The module and its clients, for editors (lua-language-server). Never loaded.

--- A module for the Runloop API: scenarios, their runs and their scorers.
---@class runloop
---@field _VERSION string
---@field null lightuserdata JSON's null, the same value as `cjson.null`
---@field array_mt table the metatable of arrays; a table that carries it is sent as an array
---@field json runloop.Json
---@field features { async_dns: boolean, http2: boolean, ssl: boolean, quick_exit: boolean, lua: string, closing: boolean, tasks: boolean, integers: boolean } what libcurl can do here, and which Lua this is
local runloop = {}

--- A client. Raises for an unknown option, a value out of range, a `base_url` that is no URL, or no token.
---@param options? runloop.ClientOptions
---@return runloop.Client
function runloop.new(options) end

--- Is x an error of this module?
---@param x any
---@return boolean
function runloop.is_error(x) end

--- Marks a table as an array, so that it is sent as `[]` even when it is empty.
---@generic T: table
---@param t? T a new table when absent
---@return T
function runloop.array(t) end

--- A builder for the parameters of `client.scenarios:create`.
---@param name string
---@return runloop.ScenarioBuilder
function runloop.scenario(name) end

--- A text as one word of a POSIX shell.
---@param text string
---@return string
function runloop.shell_quote(text) end

---@class runloop.Json
local Json = {}

--- Decodes a JSON text. Arrays carry `runloop.array_mt`; a null in an array is `runloop.null`, in an object an absent
--- field.
---@param text string
---@param options? runloop.JsonDecodeOptions
---@return any value nil when the text is no JSON
---@return runloop.Error? err
function Json.decode(text, options) end

--- Encodes a value; raises on what JSON cannot hold, naming the place.
---@param value any
---@param options? runloop.JsonEncodeOptions
---@return string text
function Json.encode(value, options) end

---@class runloop.JsonEncodeOptions
---@field sort_keys? boolean the names of objects come in order, byte by byte; default: in no order

---@class runloop.JsonDecodeOptions
---@field nulls? "keep" a null in an object is `runloop.null`
---@field integers? "string" an integer that Lua cannot hold exactly is its text

--- A client; its resources are in api.lua.
---@class runloop.Client
local Client = {}

--- Any other endpoint.
---@param fields runloop.RequestFields
---@param options? runloop.CallOptions
---@return any value decoded JSON, a string where the answer is none, `true` where it has no body; nil on failure
---@return runloop.Response|runloop.Error response_or_err
function Client:request(fields, options) end

--- A list of any other endpoint. Makes no request yet.
---@param fields runloop.ListFields
---@param options? runloop.CallOptions
---@return runloop.Pager|fun(): table
function Client:list(fields, options) end

--- Opens a connection and loads the certificates at a moment that suits the host. May block outside a task.
---@return true? ok
---@return runloop.Error? err
function Client:warm_up() end

--- Counters since the client was made.
---@return runloop.Stats
function Client:stats() end

--- Cancels what is in flight and every task, then raises the first error that nobody has seen: of a task, or that
--- names what could not be cleaned up in time. Calling a closed client raises, but `poll` and `run` return 0.
---@param seconds? number how long what cleans up may take; default 5
function Client:close(seconds) end

--- Starts a task: a function whose calls wait without blocking the host. It runs at once up to its first wait.
---@param fn function
---@param ... any its arguments
---@return runloop.Task
function Client:spawn(fn, ...) end

--- A slice of work for all tasks. With 0 seconds it never blocks.
---@param seconds? number to wait for something to do; default 0
---@param budget? number seconds of work; default 0.001
---@return integer alive tasks that have not ended
function Client:poll(seconds, budget) end

--- Works until no task is left.
---@return integer alive 0
function Client:run() end

--- Waits; in a task without holding up the rest.
---@param seconds number
---@return true? ok
---@return runloop.Error? err of kind `cancelled`
function Client:sleep(seconds) end

--- Calls a function for each item, several at a time. A failure spoils no other item.
---@param source any[]|function|table|runloop.Pager an array, an iterator (anything that can be called) or a list
---@param fn fun(item: any, index: integer): any, any fails by raising or with nil and an error
---@param options? runloop.MapOptions
---@return any[]|integer results by index; how many succeeded with `results = false`
---@return table<integer, any>? errors by index; nil when there is none
---@return any source_err why the source ended early
---@return integer n how many items were taken
function Client:map(source, fn, options) end

--- Has an agent work on each scenario, several at a time, and scores what it has done. A failure spoils no other.
---@param source (runloop.Scenario|string)[]|function|runloop.Pager scenarios or their ids
---@param agent fun(run: runloop.ScenarioRun, devbox: runloop.Devbox, scenario: runloop.Scenario): any, any fails by
--- raising or with nil and an error
---@param options? runloop.EvaluateOptions
---@return runloop.Report? report nil when nothing could be started
---@return any err why the source ended early
function Client:evaluate(source, agent, options) end

--- The descriptors for an event loop; they change with every poll.
---@return runloop.Descriptor[]
function Client:fds() end

--- When the next poll is due.
---@return number? seconds nil: nothing is pending
function Client:timeout() end
