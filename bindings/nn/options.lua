-- The one parser of options. Everything that can be told something declares a list of rows
--   {name =, kind =, help =, required =, optional =, default =, min =, max =, choices =}
-- and is called with its natural arguments, then one table: Dense(8, {activation = "relu"}), Dense{units = 8}.
-- kinds: number integer flag text choice shape dtype tensor function activation initializer regularizer constraint, and
-- for what only Lua knows: numbers (one or a list), list, table, data (a tensor, a list, a data set), any.

local nn, core, import = ...
local errors = import "errors"
local fail, show = errors.fail, errors.show

-- .functions: the rows of functions and methods by name ("fit"); declared.lua knows which file has them.
local M = {functions = {}}

-- Kinds that a table without names can be the value of: Reshape{2, 4}.
local TAKES_LIST = {shape = true, list = true, data = true, numbers = true, tensor = true}
local DTYPES = {"float32", "float64", "int64", "uint8"}

-- "a", "b" or "c"
local function alternatives(list)
  local quoted = {}
  for i, v in ipairs(list) do quoted[i] = show(v) end
  if #quoted < 2 then return quoted[1] or "nothing" end
  return table.concat(quoted, ", ", 1, #quoted - 1) .. " or " .. quoted[#quoted]
end

-- The ends of a row's range, nil where it is open; equal ends (0, 0) mean that there is none.
local function range(row)
  local lo, hi = row.min, row.max
  if lo == hi then return nil, nil end
  return lo and lo > -math.huge and lo or nil, hi and hi < math.huge and hi or nil
end

local SMALLEST, BELOW_ONE = 0x1p-1022, 1 - 2^-53  -- how rows say: more than 0, less than 1

-- A row's range in words, or nil: closed is the format for two ends that both belong to it, "%s..%s"; conjunction
-- stands between others: ">= 0, < 1".
function M.range_in_words(row, closed, conjunction)
  local lo, hi = range(row)
  local least, most = lo and ("%.14g"):format(lo), hi and ("%.14g"):format(hi)
  if lo and hi and lo ~= SMALLEST and hi ~= BELOW_ONE then return closed:format(least, most) end
  least = lo == SMALLEST and "> 0" or lo and ">= " .. least
  most = hi == BELOW_ONE and "< 1" or hi and "<= " .. most
  return least and most and least .. conjunction .. most or least or most
end

local function range_text(row)
  local words = M.range_in_words(row, "from %s to %s", " and ")
  return words and " " .. words or ""
end

-- NaN is in no range, but allowed where there is none.
local function in_range(row, v)
  local lo, hi = range(row)
  if v ~= v then return not (lo or hi) end
  return (not lo or v >= lo) and (not hi or v <= hi)
end

-- The kinds: each gives the value to keep, or nil for one that does not fit.
local function number(row, v)
  if type(v) == "number" and in_range(row, v) then return v end
end

local function integer(row, v)
  v = type(v) == "number" and math.tointeger(v)
  if v and in_range(row, v) then return v end
end

local function one_of(list)
  return function(v)
    for _, choice in ipairs(list) do
      if v == choice then return v end
    end
  end
end

-- A list of what `element` accepts; one of them alone is a list of one.
local function list_of(element)
  return function(row, v)
    if type(v) ~= "table" then v = {v} end
    if getmetatable(v) then return nil end
    local list = {}
    for i, item in ipairs(v) do
      list[i] = element(row, item)
      if list[i] == nil then return nil end
    end
    for key in pairs(v) do
      if math.type(key) ~= "integer" or key > #list then return nil end
    end
    return list
  end
end

-- What is of one of these Lua types.
local function typed(...)
  local accepted = {}
  for _, name in ipairs {...} do accepted[name] = true end
  return function(_, v)
    if accepted[type(v)] then return v end
  end
end

local function tensor(_, v)
  if type(v) == "number" or type(v) == "table" and not getmetatable(v) then v = nn.tensor(v) end
  if core.is_tensor(v) then return v end
end

-- A function, or what may be called like one.
local function callable(_, v)
  if type(v) == "function" or type(v) == "table" and (getmetatable(v) or {}).__call then return v end
end

local function choice(row, v) return one_of(row.choices)(v) end
local function anything(_, v) return v end

local integers = list_of(integer)
local named = typed("string", "function", "table")
local dtype = one_of(DTYPES)

-- kind -> {how to accept a value: the value to store or nil, what a message says was expected}
local KINDS = {
  number      = {number, function(row) return "a number" .. range_text(row) end},
  integer     = {integer, function(row) return "an integer" .. range_text(row) end},
  flag        = {typed("boolean"), "true or false"},
  text        = {typed("string"), "a string"},
  choice      = {choice, function(row) return alternatives(row.choices) end},
  shape       = {integers, function(row) return "a list of integers" .. range_text(row) end},
  numbers     = {list_of(number), function(row) return "a number or a list of numbers" .. range_text(row) end},
  dtype       = {function(_, v) return dtype(v) end, alternatives(DTYPES)},
  tensor      = {tensor, "a tensor"},
  ["function"] = {callable, "a function"},
  activation  = {named, "the name of an activation, an activation or a function"},
  initializer = {named, "the name of an initializer, an initializer or a function"},
  regularizer = {named, "the name of a regularizer, a regularizer or a function"},
  constraint  = {named, "the name of a constraint, a constraint or a function"},
  list        = {typed("table"), "a list"},
  table       = {typed("table"), "a table"},
  data        = {anything, "a tensor"},
  any         = {anything, "a value"},
}

-- What may be given by name, and where the names are.
local FAMILIES = {activation = "activations", initializer = "initializers", regularizer = "regularizers",
  constraint = "constraints"}

-- A name or a table that is none of the family's is an error that names the option, too.
local function check_name(call, row, value)
  local family = type(value) ~= "function" and value ~= row.default and FAMILIES[row.kind]
  if not family then return end
  local known, message = pcall(import(family).get, value)
  if known then return end
  local why = type(message) == "string" and (message:match "there is no .*" or message:match ": ([^:]*)$")
  if not why then error(message, 0) end  -- such as Lua's own, when memory runs out
  fail("%s: %s: %s", call, row.name, why)
end

-- Kinds of which there is a value always, unless the option may be left out.
local NEEDED = {number = true, integer = true, flag = true, choice = true, shape = true, numbers = true, dtype = true}

-- What a caller gave for row, checked. "none" is Python's None: nothing, also where nil would mean the default.
local function accept(call, row, value)
  local kind = KINDS[row.kind] or KINDS.any
  local means_none = row.optional or not NEEDED[row.kind]
  if value == "none" and row.kind ~= "text" and means_none and not (row.choices and one_of(row.choices)("none")) then
    return nil
  end
  local accepted = kind[1](row, value)
  if accepted == nil then
    local expected = type(kind[2]) == "function" and kind[2](row) or kind[2]
    fail("%s: %s must be %s; got %s", call, row.name, expected, show(value))
  end
  check_name(call, row, accepted)
  return accepted
end

-- What a user's class declares, as rows: {factor = 1} in the order of the names (Lua tables have none); rows stay.
function M.rows(call, declared)
  if type(declared) ~= "table" or getmetatable(declared) then
    fail("%s: the options are a table of names with their defaults, {units = 1}; got %s", call, show(declared))
  end
  local rows = {}
  for key, value in pairs(declared) do
    local row = value
    if type(key) == "string" then
      row = {name = key, kind = "any", default = value}
    elseif type(value) ~= "table" or type(value.name) ~= "string" then
      fail("%s: options are named, with their defaults, {units = 1}; got %s without a name", call, show(value))
    end
    rows[#rows + 1] = row
  end
  if #rows > #declared then table.sort(rows, function(a, b) return a.name < b.name end) end
  return rows
end

local function names_of(declared)
  local names = {}
  for i, row in ipairs(declared) do names[i] = row.name end
  return names
end

-- The row of that name, or nil.
local function find(declared, name)
  for _, row in ipairs(declared) do
    if row.name == name then return row end
  end
end

-- Whether value, the last argument and the one for row (nil after the natural ones), is the table of options.
local function is_options(value, row)
  if type(value) ~= "table" or getmetatable(value) then return false end
  if not row or not TAKES_LIST[row.kind] then return true end
  for key in pairs(value) do
    if type(key) == "string" then return true end
  end
  return false
end

-- Notes a value for row, which must be the only one.
local function put(call, given, row, value)
  if value == nil then return end
  if given[row.name] ~= nil then fail("%s: %s was given twice", call, row.name) end
  given[row.name] = value
end

-- What stands without a name in the table of options: the first list (Input{2, name = "x"}), or natural arguments.
local function put_unnamed(call, given, declared, positional, options)
  if #options == 0 then return end
  if positional > 0 and TAKES_LIST[declared[1].kind] then
    return put(call, given, declared[1], table.move(options, 1, #options, 1, {}))
  end
  if #options > positional then
    fail("%s: options are written by name, {name = value}; got %s", call, show(options[positional + 1]))
  end
  for i = 1, #options do put(call, given, declared[i], options[i]) end
end

-- What stands by name in the table of options.
local function put_named(call, given, declared, options)
  for key, value in pairs(options) do
    if type(key) == "string" then
      local row = find(declared, key)
      if not row then
        -- what PyTorch calls it
        local meant = key == "lr" and find(declared, "learning_rate") and "learning_rate" or key
        fail('%s: unknown option "%s"%s', call, key,
          errors.suggest(meant, names_of(declared), ("help \"%s\" lists them"):format(call)))
      end
      put(call, given, row, value)
    elseif math.type(key) ~= "integer" or key < 1 or key > #options then
      fail("%s: options are written by name, {name = value}; got the key %s", call, show(key))
    end
  end
end

-- The arguments by name, as they were given.
local function gather(call, declared, positional, ...)
  local count, arguments, given = select("#", ...), {...}, {}
  local options = arguments[count]
  if count > 0 and is_options(options, count <= positional and declared[count] or nil) then count = count - 1
  else options = nil end
  -- nil at the end is as if it were not there
  while count > 0 and arguments[count] == nil do count = count - 1 end
  if count > positional then
    local takes = positional == 0 and "takes one table of options" or
      ("takes %d argument%s and a table of options"):format(positional, positional == 1 and "" or "s")
    fail("%s: %s; got %s", call, takes, show(arguments[positional + 1]))
  end
  for i = 1, count do put(call, given, declared[i], arguments[i]) end
  if options then
    put_unnamed(call, given, declared, positional, options)
    put_named(call, given, declared, options)
  end
  return given
end

-- The options of one call: a table by name, and the values in the declared order with false where there is none.
function M.parse(call, declared, positional, ...)
  local given = gather(call, declared, positional, ...)
  local config, values = {}, {}
  for i, row in ipairs(declared) do
    local value = given[row.name]
    if value == nil then
      if row.required then fail("%s: %s is missing", call, row.name) end
      value = row.default
    end
    if value ~= nil then value = accept(call, row, value) end
    if value == nil and row.required then fail("%s: %s is missing", call, row.name) end
    config[row.name] = value
    values[i] = value or false
  end
  return config, values
end

return M
