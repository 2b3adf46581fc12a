---@meta _

-- What calls take and bring besides the API's own, for editors (lua-language-server). Never loaded.

---@class runloop.ClientOptions
---@field bearer_token? string the API key; default: the environment variable RUNLOOP_API_KEY
---@field base_url? string default: the environment variable RUNLOOP_BASE_URL, else https://api.runloop.ai
---@field timeout? number seconds for one attempt of a call; for a page or a download the longest silence; default 30
---@field deadline? number seconds for a whole call or page, retries and waits included; default none
---@field connect_timeout? number seconds; default 5
---@field max_retries? integer retries after the first attempt; default 5
---@field max_retry_wait? number seconds; caps the wait before a retry, whoever wants it; default 60
---@field headers? table<string, string|false> over RUNLOOP_CUSTOM_HEADERS; `false` removes a default header
---@field max_connections? integer connections to the API's host; further calls wait in the module; default 20
---@field max_streams? integer streams and long polls, which have connections beside those; default 512
---@field http_version? "2"|"1.1" "2", the default: HTTP/2 where TLS negotiates it
---@field max_body_bytes? integer a larger answer ends in a `limit` error; default 64 MiB
---@field ca_file? string a file of certificates to trust; default: the system's
---@field proxy? string default: curl's environment variables, except for plain http to loopback
---@field insecure_http? boolean allows plain http to hosts that are not loopback
---@field tunnel_url? string what a tunnel's URL is made of; default: https://{port}-{key}.tunnel.runloop.ai
---@field nonblocking? boolean a call outside a task raises instead of blocking the host
---@field on_event? fun(event: runloop.Event) called for each request, response and retry
---@field on_error? fun(err: any, task: runloop.Task?) called for a task's error that nobody waits for; without a task for what on_event raised, and for what could not be cleaned up before the client was closed
---@field scheduler? runloop.Client a client whose scheduler is shared

---@class runloop.Event
---@field type "request"|"response"|"retry"
---@field method string
---@field url string
---@field attempt integer from 1
---@field status? integer
---@field elapsed? number seconds
---@field http_version? string "1.1" or "2"
---@field wait? number seconds until the retry
---@field err? runloop.Error

--- The last argument of every call.
---@class runloop.CallOptions
---@field timeout? number seconds; see runloop.ClientOptions
---@field deadline? number seconds; see runloop.ClientOptions
---@field max_retries? integer
---@field headers? table<string, string|false> over the client's
---@field query? table<string, string|number|boolean|(string|number|boolean)[]> parameters that the module does not know
---@field body? table fields that the module does not know, over those of the JSON body
---@field idempotency_key? string sent as x-request-id instead of a random one; not with a GET, which has none
---@field nulls? "keep" a null in an object of the answer is `runloop.null`, not an absent field
---@field integers? "string" an integer of the answer that Lua cannot hold exactly (beyond 2^53 in LuaJIT and before 5.3, else beyond 64 bits) is its text
---@field fields? string[] of a list: items have only these of their fields, and `id`
---@field prefetch? boolean `false`: a list asks for its next page only when it is needed
---@field idle_timeout? number seconds of silence after which a stream is opened again, where it was; default 90
---@field on_progress? fun(bytes: integer, total: integer?) called a few times a second at most, of uploads and downloads

---@class runloop.Response
---@field status integer
---@field headers table<string, string> names in lower case
---@field request_id? string
---@field attempts integer
---@field elapsed number seconds, retries and waits included
---@field http_version string "1.1" or "2"

---@class runloop.AwaitOptions
---@field timeout? number seconds in all; default 3600
---@field interval? number seconds between two looks; default 1
---@field on_poll? fun(view: table) sees every view, the last too
---@field cancel_on_failure? boolean takes away again what was made and does not become ready

--- What `exec` takes behind the command.
---@class runloop.ExecOptions
---@field shell_name? string a shell that keeps its directory and environment, and runs one command at a time
---@field stdout? fun(text: string) gets the standard output as it comes, in pieces of any length
---@field stderr? fun(text: string) likewise
---@field last_n? integer the last lines of each output are enough; default: the whole output
---@field timeout? number seconds in all; default 3600
---@field interval? number seconds between two looks; default 1
---@field on_poll? fun(view: runloop.Execution) sees every view, the last too
---@field kill_on_failure? boolean kills the command, and what it has started, when `exec` does not get to its end

--- An id, or the thing that has it.
---@alias runloop.Id string|{ id: string }

--- A name, or the thing that has it.
---@alias runloop.Name string|{ name: string }

---@class runloop.RequestFields
---@field method? string default GET
---@field path string begins with a slash
---@field query? table<string, string|number|boolean|(string|number|boolean)[]>
---@field body? any sent as JSON
---@field headers? table<string, string|false>

---@class runloop.ListFields
---@field path string begins with a slash
---@field list string the field of a page that holds its items
---@field query? table<string, string|number|boolean|(string|number|boolean)[]>

---@class runloop.MapOptions
---@field concurrency? integer items taken and unfinished at most; default 16
---@field results? boolean `false`: results are counted, not kept

---@class runloop.Stats
---@field requests integer
---@field retries integer
---@field connections integer
---@field bytes_received integer
---@field in_flight integer

---@class runloop.Descriptor
---@field fd integer
---@field events "r"|"w"|"rw"
