--- Ways into a devbox, and its tokens for what is outside: tunnels, terminals, SSH keys, gateways, MCP servers.
local base = require "api.base"
local devboxes = require "api.devboxes"
local json = require "json"
local tunnels = require "tunnels"

local access = {}

local null, ok, expect, refuse = json.null, base.ok, base.expect, base.refuse

local function enable_tunnel(self, request, id)
  local box = devboxes.running(self, id)
  expect(not base.given(box.fields.tunnel), "The devbox has a tunnel already.")
  box.fields.tunnel = tunnels.new(self, base.body(request, tunnels.FIELDS))
  return ok(box.fields.tunnel)
end

local function remove_tunnel(self, _, id)
  local box = base.find_own(self, "devbox", id, "Devbox")
  if not base.given(box.fields.tunnel) then refuse(404, "The devbox has no tunnel.") end
  box.fields.tunnel = null
  return ok "{}"
end

local function create_pty_tunnel(self, request, id)
  base.body(request, "x:any")
  local box = devboxes.running(self, id)
  local tunnel = { tunnel_key = base.new_id(self, "pty"):lower(), auth_token = base.new_id(self, "ptt_") }
  self.pty_tunnels[tunnel.tunnel_key] = { token = tunnel.auth_token, devbox = box, sessions = {} }
  return ok(tunnel)
end

local function create_ssh_key(self, _, id)
  base.find_own(self, "devbox", id, "Devbox")
  return ok {
    id = base.new_id(self, "ssh_"), ssh_user = "user", url = id:lower() .. ".ssh.invalid",
    ssh_private_key = ("-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n")
      :format(base.new_id(self, "key")),
  }
end

local function create_gateway_token(self, request, id)
  local box = base.find_own(self, "devbox", id, "Devbox")
  local value = base.body(request, "gateway!:string secret!:string")
  local config = devboxes.named(self, "gateway_config", value.gateway)
  devboxes.named(self, "secret", value.secret)
  return ok {
    token = base.new_id(self, "gws_"), auth_mechanism = config.fields.auth_mechanism, devbox_id = box.id,
    endpoint = config.fields.endpoint, gateway_config_id = config.id, url = "https://gateway.invalid/" .. config.id,
  }
end

local function create_mcp_token(self, request, id)
  local box = base.find_own(self, "devbox", id, "Devbox")
  local value = base.body(request, "mcp_config!:string secret!:string")
  local config = devboxes.named(self, "mcp_config", value.mcp_config)
  devboxes.named(self, "secret", value.secret)
  return ok {
    token = base.new_id(self, "mcs_"), allowed_tools = config.fields.allowed_tools, devbox_id = box.id,
    endpoint = config.fields.endpoint, mcp_config_id = config.id, url = "https://mcp.invalid/" .. config.id,
  }
end

function access.open(self)
  self.pty_tunnels = {}
end

access.routes = {
  { "POST", "/v1/devboxes/{id}/enable_tunnel", enable_tunnel },
  { "POST", "/v1/devboxes/{id}/remove_tunnel", remove_tunnel },
  { "POST", "/v1/devboxes/{id}/create_pty_tunnel", create_pty_tunnel },
  { "POST", "/v1/devboxes/{id}/create_ssh_key", create_ssh_key },
  { "POST", "/v1/devboxes/{id}/create_gateway_token", create_gateway_token },
  { "POST", "/v1/devboxes/{id}/create_mcp_token", create_mcp_token },
}

return access
