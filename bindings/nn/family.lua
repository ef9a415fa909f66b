-- Families of classes that may also be named: losses, metrics, optimizers, initializers, callbacks and so on.
-- A class declares its options and is called with them; an object holds them by name in .config. Whatever takes a
-- member of a family takes a spec: a name, an object, a class, a plain function, or {class_name =, config =}.
local nn, core, import = ...
local class_of = import "class"
local errors = import "errors"
local options = import "options"

local Family = {}
Family.__index = Family

-- "MeanSquaredError" = "mean_squared_error", "RMSprop" = "rmsprop": capitals and underscores do not matter.
local function key_of(name)
  return (name:lower():gsub("_", ""))
end

-- Objects, and lists of them, as the data that a file may hold.
local function plain(value)
  if type(value) ~= "table" then return value end
  if value.get_config then return {class_name = value.class_name, config = value:get_config()} end
  local copy = {}
  for key, item in pairs(value) do copy[key] = plain(item) end
  return copy
end

local function get_config(object)
  return plain(object.config)
end

-- Adam{learning_rate = 0.001, ...}: what was decided, in the order of the declaration.
local function describe(object)
  local parts = {}
  for _, option in ipairs(object.options) do
    local value = object.config[option.name]
    if value ~= nil and value ~= option.default then
      if type(value) ~= "table" or not getmetatable(value) then value = errors.show(value) end
      parts[#parts + 1] = ("%s = %s"):format(option.name, tostring(value))
    end
  end
  return ("%s{%s}"):format(object.class_name, table.concat(parts, ", "))
end

-- For classes made of a row in C: its values are what C expects, without the options that were added in Lua.
local function row_values(values, row)
  return table.move(values, 1, #row.options, 1, {})
end

local function construct(class, ...)
  local config, values = options.parse(class.class_name, class.options, class.positional or 0, ...)
  local object = setmetatable({config = config, name = config.name or class.name,
    values = class.row and row_values(values, class.row)}, class)
  if class.init then class.init(object, config) end
  return object
end

-- What a new field of an object is answered with where a misspelt or late option would be lost. settable: the names of
-- those that mean something.
local function refuse_field(object, key, settable)
  for _, option in ipairs(object.options) do
    if option.name == key then
      errors.fail("%s: %s is fixed when it is made; %s may be set", object.class_name, key,
        table.concat(settable, " and "))
    end
  end
  errors.fail('%s: it has no field "%s" that may be set%s', object.class_name, tostring(key),
    errors.suggest(tostring(key), settable))
end

-- Lua looks for these in the class itself, never in what it inherits from.
local METAMETHODS = {"__call", "__index", "__newindex", "__tostring"}

-- definition: class_name, name, alias ("mse", or several), help, options, positional (how many of them are natural
-- arguments), init(object, config), hidden (no name leads to it), and methods. base: where what is missing is found.
function Family:class(definition, base)
  local class = definition
  for _, event in ipairs(METAMETHODS) do class[event] = rawget(class, event) or base and base[event] end
  local call, check = class.__call, self.check
  if call and check then
    class.__call = function(object, value, ...) return call(object, check(object.class_name, value), ...) end
  end
  class.__index = class.__index ~= base and class.__index or class
  class.__tostring = class.__tostring or describe
  class.__name, class.family, class.options = class.class_name, self, class.options or {}
  class.get_config = class.get_config or base and base.get_config or get_config
  setmetatable(class, {__call = construct, __index = base, __name = "class"})
  class_of.methods(self.kind, class, self.methods)
  if not rawget(class, "hidden") then self:enter(class) end
  return class
end

-- Lets class be found under its names.
function Family:enter(class)
  self.classes[#self.classes + 1] = class
  self.public[class.class_name] = class
  self.names[#self.names + 1] = class.name
  for _, name in ipairs{class.class_name, class.name} do self.by_name[key_of(name)] = class end
  for name in (rawget(class, "alias") or ""):gmatch "[%w_]+" do
    self.by_name[key_of(name)] = class
    self.names[#self.names + 1] = name
  end
end

-- Loads the next of the family's files; false when there is none left. One that fails is tried again the next time.
function Family:load_next()
  local i = self.loaded + 1
  if not self.files[i] then return false end
  self.loaded = i
  local ok, message = pcall(import, self.files[i])
  if not ok then
    self.loaded = i - 1
    error(message, 0)
  end
  return true
end

-- The class of that name, or nil.
function Family:find(name)
  local key = key_of(name)
  repeat
    if self.by_name[key] then return self.by_name[key] end
  until not self:load_next()
end

function Family:named(name)
  local class = self:find(name)
  if class then return class end
  -- names of classes for one that is written so
  local names = self.names
  if name:find "%u" then
    names = {}
    for i, member in ipairs(self.classes) do names[i] = member.class_name end
  end
  local more = ("help(%s) lists them"):format(self.title)
  errors.fail('%s: there is no "%s"%s', self.kind, name, errors.suggest(name, names, more))
end

local function from_table(self, spec)
  local class = getmetatable(spec)
  if type(class) == "table" and class.family == self then return spec end
  if rawget(spec, "family") == self then return spec() end
  if spec.class_name and not class then return self:named(spec.class_name)(spec.config or {}) end
  -- a class that is called makes objects; it is none
  if self.wrap and class and class.__call and not rawget(spec, "class_name") then return self.wrap(spec) end
end

-- The object that spec stands for; nil for nil.
function Family:get(spec)
  local object
  if spec == nil then return nil end
  if type(spec) == "string" then
    object = self:named(spec)()
  elseif type(spec) == "table" then
    object = from_table(self, spec)
  elseif type(spec) == "function" then
    object = self.by_function[spec] and self.by_function[spec]() or self.wrap and self.wrap(spec)
  end
  if object then return object end
  errors.fail("%s: %s is expected; got %s", self.kind, self.takes_functions and "a name, an object or a function" or
    "a name or an object", errors.show(spec))
end

-- Functions may stand where objects do: .wrap(f) makes an object of one, with the options and methods of definition.
function Family:wraps(definition)
  local class = {class_name = "Function", name = "function", hidden = true, options = definition.options,
    init = definition.init, __call = definition.call or function(object, ...) return object.call(...) end}
  self:class(class, definition.base)
  self.wrap = function(call)
    local object = class()
    object.call = call
    return object
  end
end

-- Families that are not called as their members with an s.
local PLURAL = {loss = "losses", learning_rate = "schedules"}

-- A family. kind: how errors call it. In settings:
--   files: modules that define more of its classes, read when a name is not known yet
--   call: what calling the object of a user's function does (false: no object is made of functions)
--   methods: what is called with a colon
--   check(call, value): what an object is called with, made fit
-- .public is the table that users see, with .get.
local function new(kind, settings)
  settings = settings or {}
  local self = setmetatable({kind = kind, files = settings.files or {}, loaded = 0, classes = {}, names = {},
    by_name = {}, by_function = {}, public = {}}, Family)
  self.title = "nn." .. (PLURAL[kind] or kind .. "s")
  self.methods, self.check = settings.methods or {"get_config"}, settings.check
  core.namespace(self.public, self.title)
  self.public.get = function(spec) return self:get(spec) end
  -- nn.metrics.AUC reads files until one defines it; pairs reads all.
  setmetatable(self.public, {__index = function(public, key)
    repeat until rawget(public, key) ~= nil or not self:load_next()
    return rawget(public, key)
  end, __pairs = function(public)
    repeat until not self:load_next()
    return next, public
  end})
  self.takes_functions = settings.takes_functions or settings.call ~= false
  if settings.call ~= false then self:wraps(settings) end
  return self
end

-- A list of options and some more, those already declared left out.
local function declare(list, ...)
  local all, seen = {}, {}
  for _, part in ipairs{list, {...}} do
    for _, option in ipairs(part) do
      if not seen[option.name] then all[#all + 1] = option end
      seen[option.name] = true
    end
  end
  return all
end

-- A class for each row of kind in C, with the same names and options and those of more. each(row): fields of the class.
function Family:rows(kind, base, more, each)
  for _, row in ipairs(core.rows(kind)) do
    local class = each and each(row) or {}
    class.row, class.row_index, class.options = row, row.index, declare(row.options, table.unpack(more))
    class.class_name, class.name = class.class_name or row.class_name, class.name or row.name
    class.alias, class.help = class.alias or row.alias, class.help or row.help
    self:class(class, base)
  end
end

-- Targets for a formula of the user's: {N} and {N, 1} are the same thing, and must not broadcast to {N, N}.
local function like(y_true, y_pred)
  if type(y_true) == "userdata" and type(y_pred) == "userdata" and y_pred.ndim == y_true.ndim + 1 and
    y_pred:size(-1) == 1 then
    return y_true:unsqueeze(-1)
  end
  return y_true
end

return {new = new, like = like, plain = plain, declare = declare, refuse_field = refuse_field, tensor = function(value)
  return type(value) == "table" and nn.tensor(value) or value
end}
