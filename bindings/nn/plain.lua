-- Plain data as bytes, and the state of objects as plain data: numbers, strings, booleans, tensors and tables of them.
-- Nothing in the bytes is run, and numbers come back with the same bits in any locale.

local nn, core = ...

local M = {}

local pack, unpack = string.pack, string.unpack

-- Whether value is plain data; above: the tables that it is in, since a table within itself is not.
local function is_plain(value, above)
  local kind = type(value)
  if kind ~= "table" then
    return kind == "number" or kind == "string" or kind == "boolean" or kind == "userdata" and core.is_tensor(value)
  end
  if getmetatable(value) or above[value] then return false end
  above[value] = true
  for key, item in next, value do
    local named = type(key) == "string" or math.type(key) == "integer"
    if not named or not is_plain(item, above) then return false end
  end
  above[value] = nil
  return true
end

-- Appends value to out.bytes. Tensors go into out.names and out.tensors, under the path that leads to them.
local function write(out, value, path)
  local bytes = out.bytes
  local kind = math.type(value) or type(value)
  if kind == "integer" then bytes[#bytes + 1] = pack("<c1i8", "i", value)
  elseif kind == "float" then bytes[#bytes + 1] = pack("<c1d", "d", value)
  elseif kind == "string" then bytes[#bytes + 1] = pack("<c1s4", "s", value)
  elseif kind == "boolean" then bytes[#bytes + 1] = value and "t" or "f"
  elseif kind == "userdata" then
    path = (path or "tensor"):gsub("[\0\x80-\xff]", "?")  -- a name in a file is UTF-8
    while out.taken[path] do path = path .. "'" end
    out.taken[path] = true
    table.insert(out.names, path)
    table.insert(out.tensors, value)
    bytes[#bytes + 1] = pack("<c1s4", "x", path)
  else
    bytes[#bytes + 1] = "{"
    for key, item in next, value do
      write(out, key)
      write(out, item, path and path .. "/" .. key or tostring(key))
    end
    bytes[#bytes + 1] = "}"
  end
end

-- value (plain data) as bytes, and the names and tensors that are in it.
function M.encode(value)
  local out = {bytes = {}, names = {}, tensors = {}, taken = {}}
  write(out, value)
  return table.concat(out.bytes), out.names, out.tensors
end

local FORMAT = {i = "<i8", d = "<d", s = "<s4", x = "<s4"}

-- The value at position `at` of bytes, and where the next one is; nil for the end of a table.
local function read(bytes, at, tensors)
  local tag = bytes:sub(at, at)
  at = at + 1
  if tag == "t" or tag == "f" then return tag == "t", at end
  if tag == "}" then return nil, at end
  if tag ~= "{" then
    local value, next_at = unpack(FORMAT[tag], bytes, at)
    if tag == "x" then value = assert(tensors[value]) end
    return value, next_at
  end
  local result = {}
  while true do
    local key, item
    key, at = read(bytes, at, tensors)
    if key == nil then return result, at end
    item, at = read(bytes, at, tensors)
    assert(item ~= nil)
    result[key] = item
  end
end

-- The value of bytes that encode gave, with tensors by their names; nil where the bytes are of something else.
function M.decode(bytes, tensors)
  local ok, value, at = pcall(read, bytes, 1, tensors)
  if ok and at == #bytes + 1 then return value end
end

-- What never changes in an object, or is not its own.
local FIXED = {config = true, name = true, model = true, params = true, values = true}

-- The state of a callback, metric or optimizer: what its get_state gives, else those of its fields that are plain.
function M.of(object)
  if object.get_state then return object:get_state() end
  local state = {}
  for key, value in next, object do
    if type(key) == "string" and not FIXED[key] and is_plain(value, {}) then state[key] = value end
  end
  return state
end

-- Gives an object of the same making the state that `of` gave; more goes to its set_state.
function M.put(object, state, ...)
  if object.set_state then return object:set_state(state, ...) end
  for key, value in next, state do
    rawset(object, key, type(value) == "userdata" and core.keep(value) or value)
  end
end

-- Of the logs and the like: what is plain.
function M.part(values)
  local part = {}
  for key, value in next, values do
    if is_plain(value, {}) then part[key] = value end
  end
  return part
end

-- Bytes as a tensor, which a file can hold.
function M.tensor(bytes)
  return nn.from_string(bytes, "uint8", {#bytes})
end

return M
