-- Errors and warnings as users see them: one line that starts with the place in their own script, never in ours.

local _, core = ...

local M = {}

-- What stands before a message from one of our files.
local OURS = "^nn/[%w_]+%.lua:%d+: $"
local DEEPEST = 60  -- levels looked at

-- "script.lua:12: " of the innermost Lua function that is not ours, or "". error() itself tells the place of a level,
-- so this also works where scripts have no debug library. Levels: 1 pcall, 2 place, 3 fail, 4 who called fail.
local function place()
  for level = 4, DEEPEST do
    local _, where = pcall(error, "", level)
    if where ~= "" and not where:find(OURS) then return where end
  end
  return ""
end

local function text_of(format, ...)
  return select("#", ...) > 0 and format:format(...) or format
end

-- Raises format, filled in, as an error of the user's line.
function M.fail(format, ...)
  error(place() .. text_of(format, ...), 0)
end

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
  for _, v in pairs(value) do
    if type(v) ~= "number" then return false end
  end
  return #value > 0
end

-- A message is one line.
local function escaped(c)
  return c == "\n" and "\\n" or c == "\t" and "\\t" or ("\\%d"):format(c:byte())
end

-- A value as the "got" part of a message shows it.
function M.show(value)
  local kind = type(value)
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

-- Edit distance (Levenshtein), one row at a time.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local change = diagonal + (a:byte(i) == b:byte(j) and 0 or 1)
      diagonal = row[j]
      row[j] = math.min(change, row[j] + 1, row[j - 1] + 1)
    end
  end
  return row[#b]
end

-- The one of names that is closest to name, or nil where there are none; one that it begins is close.
function M.nearest(name, names)
  local best, least = nil, math.huge
  for _, candidate in ipairs(names) do
    local d = distance(name:lower(), candidate:lower())
    if #name > 2 and candidate:lower():find(name:lower(), 1, true) == 1 then d = math.min(d, 2) end
    if d < least then best, least = candidate, d end
  end
  return best
end

return M
