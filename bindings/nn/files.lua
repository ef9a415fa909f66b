-- nn.save and nn.load: a tensor or a table of tensors in a file, whose format its ending tells.

local _, core, import = ...
local errors = import "errors"
local options = import "options"
local fail = errors.fail

local M = {}

-- What the metadata of our files says under "nnlua": how the tensors were given, so that they come back so.
local FORM = "nnlua"

local function as_tensor(name, value)
  if core.is_tensor(value) then return value end
  fail("save: %s must be a tensor; got %s", name, errors.show(value))
end

-- The names and tensors of value, and its form: one tensor, a list, a table by name.
local function parts_of(value)
  if core.is_tensor(value) then return {"tensor"}, {value}, "tensor" end
  if type(value) ~= "table" or getmetatable(value) then
    fail("save: a tensor or a table of tensors is expected; got %s", errors.show(value))
  end
  local names, tensors = {}, {}
  for name in pairs(value) do names[#names + 1] = name end
  if #names == #value and #names > 0 then
    for i, tensor in ipairs(value) do names[i], tensors[i] = tostring(i), as_tensor(("[%d]"):format(i), tensor) end
    return names, tensors, "list"
  end
  for _, name in ipairs(names) do
    if type(name) ~= "string" then fail("save: names must be strings; got %s", errors.show(name)) end
  end
  table.sort(names)
  for i, name in ipairs(names) do tensors[i] = as_tensor(name, value[name]) end
  return names, tensors, "table"
end

-- {key = text} as the list {key, text, ...}, by key, so that the same content is the same file.
local function pairs_of(call, metadata)
  local keys, list = {}, {}
  for key, text in pairs(metadata) do
    if type(key) ~= "string" or type(text) ~= "string" then
      fail("%s: metadata is written {key = text}; got [%s] = %s", call, errors.show(key), errors.show(text))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    list[#list + 1] = key
    list[#list + 1] = metadata[key]
  end
  return list
end

local function save_safetensors(path, value, metadata)
  local names, tensors, form = parts_of(value)
  local all = {[FORM] = form}
  for key, text in pairs(metadata or {}) do all[key] = text end
  core.save_tensors("save", path, names, tensors, pairs_of("save", all))
end

local function load_safetensors(path)
  local names, tensors, metadata = core.load_tensors("load", path)
  local form = metadata[FORM]
  metadata[FORM] = nil
  if form == "tensor" and #tensors == 1 then return tensors[1], metadata end
  local value = {}
  for i, name in ipairs(names) do
    value[form == "list" and math.tointeger(tonumber(name)) or name] = tensors[i]
  end
  return value, metadata
end

-- A row per format: the endings of its files, and how to write and read one.
local FORMATS = {
  {endings = {".safetensors"}, save = save_safetensors, load = load_safetensors},
  {endings = {".idx", ".idx.gz", "-ubyte", "-ubyte.gz"}, load = function(path) return core.idx("load", path) end},
}

-- The format of a file, which must have the method.
local function format_of(call, method, path)
  local known = {}
  for _, format in ipairs(FORMATS) do
    for _, ending in ipairs(format.endings) do
      if path:lower():sub(-#ending) == ending then
        if format[method] then return format end
        fail("%s: %s: %s files can only be read", call, path, ending)
      end
      if format[method] then known[#known + 1] = ending end
    end
  end
  fail("%s: %s: the ending tells the format; there %s %s", call, path, #known == 1 and "is" or "are",
    table.concat(known, ", "))
end

local function check_path(call, path)
  if type(path) ~= "string" then fail("%s: path must be a string; got %s", call, errors.show(path)) end
end

local SAVE = {{name = "metadata", kind = "table", optional = true, help = "texts that the file carries, {key = text}"}}
options.functions.save = SAVE

-- save(path, value[, {metadata = {key = text}}]): value is a tensor or a table of them.
function M.save(path, value, ...)
  check_path("save", path)
  local c = options.parse("save", SAVE, 0, ...)
  format_of("save", "save", path).save(path, value, c.metadata)
end

-- load(path) -> what was saved, and the metadata
function M.load(path)
  check_path("load", path)
  return format_of("load", "load", path).load(path)
end

M.pairs_of = pairs_of
return M
