-- Classes: a class is a table that is called to make an object; Class(...) runs object:construct(...). Names of objects
-- are made from the class's: dense, dense_1, ...

local _, _, import = ...
local errors = import "errors"

local M = {}

-- Lua looks for these in the class itself, never in what it inherits from.
local METAMETHODS = {"__call", "__tostring", "__newindex", "__len", "__names"}

local function make(class, ...)
  local object = setmetatable({}, class)
  object:construct(...)
  return object
end

local function describe(class) return "class " .. class.class_name end

-- A new class; base's methods and metamethods hold for it until it defines its own.
function M.new(name, base)
  local class = {class_name = name, base = base}
  class.__index = class
  class.__name = name
  for _, metamethod in ipairs(METAMETHODS) do class[metamethod] = base and base[metamethod] end
  return setmetatable(class, {__index = base, __call = make, __tostring = describe})
end

-- Whether object is one of class or of a class made from it.
function M.is(object, class)
  local c = type(object) == "table" and getmetatable(object)
  while c do
    if c == class then return true end
    c = rawget(c, "base")
  end
  return false
end

-- method -> {label =, name =, f = what it calls}, for those that M.methods has seen to
M.method_of = setmetatable({}, {__mode = "k"})

-- Makes the methods of class that names lists say so when they are called with a dot: then what stands first is no
-- object that has such a method. label: how the message calls an object.
function M.methods(label, class, names)
  for _, name in ipairs(names) do
    local f = class[name]
    local seen = M.method_of[f]
    if type(f) == "function" and not (seen and seen.label == label) then
      f = seen and seen.f or f
      local function method(self, ...)
        if type(self) ~= "table" or self[name] == nil then
          errors.fail("%s: call it with a colon, %s:%s(...) instead of %s.%s(...)", name, label, name, label, name)
        end
        return f(self, ...)
      end
      M.method_of[method] = {label = label, name = name, f = f}
      rawset(class, name, method)
    end
  end
end

-- LeakyReLU -> leaky_re_lu, Conv2D -> conv2d: Keras's rule.
function M.snake_case(name)
  -- a capital that begins a word, then one after a small letter
  name = name:gsub("%W", ""):gsub("(.)(%u%l+)", "%1_%2")
  return (name:gsub("(%l)(%u)", "%1_%2"):lower())
end

local used = {}  -- how many names each class has had in this interpreter

function M.auto_name(class_name)
  local stem = M.snake_case(class_name)
  local count = used[stem] or 0
  used[stem] = count + 1
  return count == 0 and stem or ("%s_%d"):format(stem, count)
end

-- name, or the first of name_1, name_2 ... that is not taken; it is from now on.
function M.unique(name, taken)
  local free, count = name, 0
  while taken[free] do
    count = count + 1
    free = ("%s_%d"):format(name, count)
  end
  taken[free] = true
  return free
end

return M
