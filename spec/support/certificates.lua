--- Certificates for the TLS servers of the specs, made by openssl(1) once per run.
local certificates = {}

local CONFIG = [[
[ca]
default_ca = authority
[authority]
dir = .
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = anything
copy_extensions = none
unique_subject = no
[anything]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
commonName = runloop spec
[authority_extensions]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
[localhost]
subjectAltName = DNS:localhost,IP:127.0.0.1
[wrong_host]
subjectAltName = DNS:elsewhere.example
]]

-- A certificate is { signer, extensions, first day, last day }; dates are YYMMDDHHMMSSZ.
local LEAVES = {
  localhost = { "authority", "localhost", "200101000000Z", "491231000000Z" },
  expired = { "authority", "localhost", "200101000000Z", "200201000000Z" },
  wrong_host = { "authority", "wrong_host", "200101000000Z", "491231000000Z" },
  unknown_ca = { "stranger", "localhost", "200101000000Z", "491231000000Z" },
}

local function script()
  local lines = { "set -e", ": >index.txt", "echo 1000 >serial" }
  local function add(...) lines[#lines + 1] = string.format(...) end
  local function key(name) add("openssl ecparam -name prime256v1 -genkey -noout -out %s.key", name) end
  for _, name in ipairs { "authority", "stranger" } do
    key(name)
    add("openssl req -new -x509 -config openssl.cnf -extensions authority_extensions -days 3650 -key %s.key"
      .. " -subj '/CN=runloop spec %s' -out %s.pem", name, name, name)
  end
  key("self_signed")
  add("openssl req -new -x509 -config openssl.cnf -extensions localhost -days 3650 -key self_signed.key"
    .. " -subj /CN=localhost -out self_signed.pem")
  for name, leaf in pairs(LEAVES) do
    key(name)
    add("openssl req -new -config openssl.cnf -key %s.key -subj /CN=localhost -out %s.csr", name, name)
    add("openssl ca -batch -notext -config openssl.cnf -cert %s.pem -keyfile %s.key -extensions %s"
      .. " -startdate %s -enddate %s -in %s.csr -out %s.pem", leaf[1], leaf[1], leaf[2], leaf[3], leaf[4], name, name)
  end
  return table.concat(lines, "\n")
end

--- Makes all of them in a new directory; `process` is the module of that name.
function certificates.make(process)
  local dir = process.tmpdir()
  process.write_file(dir .. "/openssl.cnf", CONFIG)
  local code, _, err = process.run(script(), { cwd = dir })
  if code ~= 0 then error("openssl failed: " .. err) end
  local all = { dir = dir, ca_file = dir .. "/authority.pem" }
  for _, name in ipairs { "localhost", "expired", "wrong_host", "unknown_ca", "self_signed" } do
    all[name] = { certificate = ("%s/%s.pem"):format(dir, name), key = ("%s/%s.key"):format(dir, name) }
  end
  return all
end

return certificates
