-- nn.data.read_csv: columns of numbers as a tensor, others as lists of strings.

local _, core, import = ...
local errors = import "errors"
local options = import "options"
local fail = errors.fail

local M = {}

local OPTIONS = {
  {name = "path", kind = "text", required = true, help = "the file"},
  {name = "header", kind = "flag", optional = true, help = "whether the first line holds names (true, unless numbers)"},
  {name = "columns", kind = "any", optional = true, help = "names or positions of the columns of numbers (all)"},
  {name = "text", kind = "any", optional = true, help = "names or positions of columns that are given as strings"},
  {name = "delimiter", kind = "text", default = ",", help = "one character"},
}
options.functions.read_csv = OPTIONS

-- One name or position, or a list of them, as a list; nil for nil.
local function list_of(name, given)
  if given == nil then return nil end
  local list = type(given) == "table" and given or {given}
  for _, column in ipairs(list) do
    if type(column) ~= "string" and not (type(column) == "number" and math.tointeger(column)) then
      fail("read_csv: %s must be names or positions of columns; got %s", name, errors.show(column))
    end
  end
  return list
end

-- Characters that numbers, quotes and lines are made of cannot part cells.
local function check_delimiter(delimiter)
  if #delimiter == 1 and not delimiter:find '[%w.+"\r\n\0\x80-\xff-]' then return end
  fail("read_csv: delimiter must be one character such as \",\", \";\" or a tab; got %s", errors.show(delimiter))
end

-- The position of a column, by its name or itself.
local function position_of(column, names, fields)
  if type(column) == "number" then return column < 0 and fields + 1 + column or column end
  for i, name in ipairs(names) do
    if name == column then return i end
  end
end

-- The names of the columns of numbers, in their order; without a header their positions as texts.
local function names_of(c, names, fields)
  local result, is_text = {}, {}
  for _, column in ipairs(c.text or {}) do is_text[position_of(column, names, fields)] = true end
  if c.columns then
    for i, column in ipairs(c.columns) do
      local position = position_of(column, names, fields)
      result[i] = names[position] or tostring(position)
    end
    return result
  end
  for position = 1, fields do
    if not is_text[position] then result[#result + 1] = names[position] or tostring(position) end
  end
  return result
end

-- name -> the list of the strings of that column, and the same by its place among `text`.
local function texts_of(c, names, fields, rows)
  local order, texts = {}, {}
  for i, column in ipairs(c.text) do
    order[i] = {position = position_of(column, names, fields), key = column, list = {}}
    texts[column] = order[i].list
  end
  -- rows have them in the order of the file
  table.sort(order, function(a, b) return a.position < b.position end)
  for r, row in ipairs(rows) do
    for i, column in ipairs(order) do column.list[r] = row[i] end
  end
  return texts
end

-- read_csv(path, {header, columns, text, delimiter}) -> float32 {rows, columns}, the columns' names, and the columns of
-- strings by what they were asked for as.
function M.read_csv(...)
  local c = options.parse("read_csv", OPTIONS, 1, ...)
  check_delimiter(c.delimiter)
  c.columns, c.text = list_of("columns", c.columns), list_of("text", c.text)
  local header = c.header == nil and 2 or c.header and 1 or 0
  local x, names, rows = core.read_csv(c.path, header, c.delimiter, c.columns, c.text)
  local fields = type(names) == "table" and #names or names
  names = type(names) == "table" and names or {}
  return x, names_of(c, names, fields), c.text and texts_of(c, names, fields, rows) or nil
end

return M
