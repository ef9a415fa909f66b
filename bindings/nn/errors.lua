-- Errors and warnings as users see them: one line that starts with the place in their own script, never in ours (that
-- place, and what is near an unknown name, bindings/errors.c finds out).

local _, core = ...

local M = {}

local function text_of(format, ...)
  return select("#", ...) > 0 and format:format(...) or format
end

-- Raises format, filled in, as an error of the user's line.
function M.fail(format, ...)
  core.fail(text_of(format, ...))
end

-- What an unknown name calls for, at the end of a message: '; did you mean "relu"?' where one of names is near, else
-- the names where they are few, else "; " .. more.
M.suggest = core.suggest

-- One line on stderr; a sandbox without io has nowhere to put it.
function M.warn(format, ...)
  local out = io and io.stderr
  if out then out:write("warning: ", text_of(format, ...), "\n") end
end

-- {2, 3} as every message writes shapes.
function M.shape(list)
  return "{" .. table.concat(list, ", ") .. "}"
end

-- Such as a shape.
local function is_list_of_numbers(value)
  local count = 0
  for _, v in pairs(value) do
    if type(v) ~= "number" then return false end
    count = count + 1
  end
  for i = 1, count do
    if value[i] == nil then return false end
  end
  return count > 0
end

-- A message is one line.
local function escaped(c)
  return c == "\n" and "\\n" or c == "\t" and "\\t" or ("\\%d"):format(c:byte())
end

-- A value as the "got" part of a message shows it.
function M.show(value)
  local kind = type(value)
  if value ~= value then return "NaN" end
  if kind == "string" then return '"' .. value:gsub("[\0-\31]", escaped) .. '"' end
  if kind == "number" or kind == "boolean" or kind == "nil" then return tostring(value) end
  if kind == "table" then
    if is_list_of_numbers(value) then return M.shape(value) end
    local class_name = getmetatable(value) and value.class_name
    return class_name and "a " .. class_name or "a table"
  end
  if kind == "userdata" then return core.is_tensor(value) and "a tensor " .. M.shape(value.shape) or "an object" end
  return "a " .. kind
end

return M
