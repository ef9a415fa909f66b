-- nn.data: batches of tensors, data sets, and what is done to data before training.
local nn, core, import = ...
local class = import "class"
local errors = import "errors"
local given = import "given"
local iterables = import "iterables"
local options = import "options"

local data = {}

local BATCHING = {{name = "batch_size", kind = "integer", default = 32, min = 1, help = "rows of a batch"},
  {name = "shuffle", kind = "flag", default = false, help = "a new order at each pass"},
  {name = "drop_last", kind = "flag", default = false, help = "leave out a last batch that is short"}}
options.functions.Dataset = BATCHING

-- Keys that are words: a table of options where y may stand, for calls without y.
local function is_options(value)
  return type(value) == "table" and type(next(value)) == "string"
end

-- x, y (or nil) with equally many rows, and the options by name.
local function arguments(call, declared, x, y, config)
  if config == nil and is_options(y) then y, config = nil, y end
  x = given.rows(call, "x", x)
  y = y ~= nil and given.rows(call, "y", y) or nil
  if y and #x ~= #y then
    errors.fail("%s: x and y must have as many rows; got %d and %d", call, #x, #y)
  end
  return x, y, (options.parse(call, declared, 0, config or {}))
end

local function batch_count(n, c)
  return c.drop_last and n // c.batch_size or (n + c.batch_size - 1) // c.batch_size
end

-- An iterator of fresh tensors xb, yb: one pass over the rows.
local function pass(x, y, c)
  local n = #x
  local order = c.shuffle and nn.randperm(n) or nn.arange(1, n, {dtype = "int64"})
  local at, last = 0, batch_count(n, c)
  return function()
    if at == last then
      core.release(order)
      last = -1
    end
    if last < 0 then return nil end
    local first = at * c.batch_size + 1
    local length = math.min(c.batch_size, n - first + 1)
    at = at + 1
    return core.gather(x, order, first, length), y and core.gather(y, order, first, length)
  end
end

-- for xb, yb in nn.data.batches(x, y, {batch_size = 128, shuffle = true}) do
function data.batches(x, y, config)
  return pass(arguments("batches", BATCHING, x, y, config))
end

-- A data set: of tensors, Dataset(x[, y][, options]), of a function that gives a fresh iterator of xb, yb, or of an
-- iterator or a coroutine, which can be gone through once.
local Dataset = {class_name = "Dataset"}
Dataset.__index = Dataset
Dataset.__name = "Dataset"
data.Dataset = setmetatable(Dataset, {__call = function(_, x, y, config)
  if type(x) == "function" or type(x) == "thread" then return setmetatable({iterable = x}, Dataset) end
  local self = setmetatable({}, Dataset)
  self.x, self.y, self.config = arguments("Dataset", BATCHING, x, y, config)
  return self
end})

-- The number of batches; an error for one made of a function, which does not tell.
function Dataset:__len()
  if not self.x then errors.fail("Dataset: the length of one made of a function is not known") end
  return batch_count(#self.x, self.config)
end

-- The same, or nil where it is not known.
function Dataset:size()
  return self.x and #self or nil
end

-- for xb, yb in dataset:batches() do
function Dataset:batches()
  if self.x then return pass(self.x, self.y, self.config) end
  local iterate, state, control = iterables.begin("Dataset", self.iterable)
  return iterate, state, control
end

function Dataset:__tostring()
  if not self.x then return "Dataset(function)" end
  return ("Dataset(%d rows, %d batches)"):format(#self.x, #self)
end

class.methods("dataset", Dataset, {"batches", "size"})

local SPLIT = {{name = "test_size", kind = "number", default = 0.25, min = 0, help = "a part, or a number of rows"},
  {name = "stratify", kind = "any", optional = true, help = "labels whose proportions both parts keep; true: y"},
  {name = "seed", kind = "integer", optional = true, help = "the same split at each call"}}
options.functions.train_test_split = SPLIT

-- Rows for the test: a part is rounded up.
local function test_rows(n, size)
  local rows = size < 1 and math.ceil(n * size) or math.tointeger(size)
  if not rows or rows < 1 or rows >= n then
    errors.fail("train_test_split: test_size must leave rows in both parts; got %g of %d rows", size, n)
  end
  return rows
end

-- A permutation of 1..n as a table; with a seed the generator is as it was afterwards.
local function permutation(n, seed)
  local key, counter
  if seed then
    key, counter = core.generator()
    nn.seed(seed)
  end
  local order = nn.randperm(n):totable()
  if seed then core.generator(key, counter) end
  return order
end

-- How many rows of each label go to the test: the largest remainders get what rounding down leaves.
local function quotas(labels, rows)
  local count, names = {}, {}
  for _, label in ipairs(labels) do
    if not count[label] then names[#names + 1] = label end
    count[label] = (count[label] or 0) + 1
  end
  table.sort(names)
  local quota, rest, left = {}, {}, rows
  for _, label in ipairs(names) do
    if count[label] < 2 then
      errors.fail("train_test_split: stratify needs at least 2 rows of each label; label %s has 1", tostring(label))
    end
    local exact = count[label] * rows / #labels
    quota[label] = math.floor(exact)
    rest[label], left = exact - quota[label], left - quota[label]
  end
  table.sort(names, function(a, b)
    if rest[a] ~= rest[b] then return rest[a] > rest[b] end
    return a < b
  end)
  for i = 1, left do quota[names[i]] = quota[names[i]] + 1 end
  return quota
end

-- order cut in two: rows for training, rows for the test.
local function cut(order, rows, labels)
  local train, test = {}, {}
  local quota = labels and quotas(labels, rows)
  for _, row in ipairs(order) do
    local label = labels and labels[row]
    local to_test = #test < rows
    if labels then
      to_test = quota[label] > 0
      if to_test then quota[label] = quota[label] - 1 end
    end
    local part = to_test and test or train
    part[#part + 1] = row
  end
  return nn.tensor(train, {dtype = "int64"}), nn.tensor(test, {dtype = "int64"})
end

-- x_train, x_test, y_train, y_test (x_train, x_test without y), shuffled.
function data.train_test_split(x, y, config)
  local c
  x, y, c = arguments("train_test_split", SPLIT, x, y, config)
  local labels = c.stratify
  if labels == true then labels = y end
  if labels then
    labels = given.rows("train_test_split", "stratify", labels):reshape(-1):totable()
    if #labels ~= #x then
      errors.fail("train_test_split: stratify must have a label for each of the %d rows; got %d", #x, #labels)
    end
  end
  local train, test = cut(permutation(#x, c.seed), test_rows(#x, c.test_size), labels)
  local x_train, x_test = core.gather(x, train, 1, #train), core.gather(x, test, 1, #test)
  if not y then return x_train, x_test end
  return x_train, x_test, core.gather(y, train, 1, #train), core.gather(y, test, 1, #test)
end

-- Labels {N} or {N, 1} as one-hot rows, float32 {N, k}; k: the greatest label + 1.
function data.to_categorical(y, k)
  y = given.rows("to_categorical", "y", y)
  if y.ndim > 1 and y:size(-1) == 1 then y = y:squeeze(-1) end
  local labels = y:to "int64"
  if labels:ne(y):any():item() ~= 0 then errors.fail("to_categorical: labels must be whole numbers") end
  return nn.one_hot(labels, k or labels:max():item() + 1):to "float32"
end

local NORMALIZE = {{name = "axis", kind = "integer", default = -1, help = "the dimension of one norm"},
  {name = "order", kind = "number", default = 2, min = 0, help = "2: Euclidean, 1: sum of magnitudes"}}
options.functions.normalize = NORMALIZE

-- x with vectors of norm 1 along axis; vectors of zeros stay.
function data.normalize(x, config)
  local c = options.parse("normalize", NORMALIZE, 0, config or {})
  x = given.rows("normalize", "x", x)
  if x.dtype ~= "float64" then x = x:to "float32" end
  local size = (x:abs() ^ c.order):sum(c.axis, true) ^ (1 / c.order)
  return x / nn.where(size:eq(0), nn.ones_like(size), size)
end

-- In files of their own, read when they are first used.
local ELSEWHERE = {read_csv = "csv", TextVectorizer = "text", StringLookup = "lookup"}

core.namespace(data, "nn.data")
return setmetatable(data, {__index = function(_, name)
  local value = ELSEWHERE[name] and import(ELSEWHERE[name])[name]
  if value then rawset(data, name, value) end
  return value
end, __pairs = function()
  for name in pairs(ELSEWHERE) do local _ = data[name] end
  return next, data
end})
