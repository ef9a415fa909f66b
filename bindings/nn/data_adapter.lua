-- What fit, evaluate and predict are given, as a source of batches: begin() starts a pass, next() gives x, y, weight
-- and the number of rows, or nil at the end. steps: batches of a pass, nil where that is not known.

local nn, core, import = ...
local errors = import "errors"
local iterables = import "iterables"
local given_rows = import "given".rows
local fail = errors.fail

local M = {}

-- dtypes that may be ids or labels.
local INTEGER = {int64 = true, uint8 = true}

-- The dtype that a batch is cast to, or nil where it stays: what the model computes in, but ids stay integers.
local function cast_of(tensor, dtype, keeps_integers)
  local is = tensor.dtype
  if is == dtype or keeps_integers and INTEGER[is] then return nil end
  return dtype
end

-- How the model wants its data: {x = dtype, y = dtype or nil, ids = x is ids, labels = y is labels}.
local function wants_of(model)
  local first, loss = model.layers[1], model.loss
  local dtype = first.dtype or "float32"
  local labels = loss and loss.sparse or false
  return {x = dtype, ids = first.class_name == "Embedding", labels = labels,
    y = labels and "int64" or loss and loss.row_index and dtype or nil}
end

-- x as the model wants it, or nil where it is so already.
function M.cast(model, x)
  local wanted = wants_of(model)
  local dtype = cast_of(x, wanted.x, wanted.ids)
  return dtype and x:to(dtype) or nil
end

-- Rows of tensors. owned: the batches are made here, so the loop may close them.
local Tensors = {owned = true}
Tensors.__index = Tensors

-- count rows of t from first on, cast; a view where nothing has to be computed.
local function part(t, first, count, dtype)
  local view = t:narrow(1, first, count)
  if not dtype then return view end
  local cast = view:to(dtype)
  core.release(view)
  return cast
end

-- The order of a pass is drawn from the library's generator, so that nn.seed fixes it.
function Tensors:begin()
  self.key, self.counter = core.generator()
  self.position = 0
  if self.order then core.release(self.order) end
  self.order = self.shuffle and nn.randperm(self.x:size(1)) or nil
end

function Tensors:next()
  local first, order = self.position + 1, self.order
  local count = math.min(self.batch_size, self.rows - self.position)
  if count <= 0 then
    -- 8 bytes a row, which nobody needs any more
    if order then core.release(order) end
    self.order = nil
    return nil
  end
  self.position = self.position + count
  local x, y, w
  -- one pass: rows picked, cast and put together
  if order then
    x = core.gather(self.x, order, first, count, self.x_cast)
    y = self.y and core.gather(self.y, order, first, count, self.y_cast)
    w = self.weight and core.gather(self.weight, order, first, count)
  else
    x = part(self.x, first, count, self.x_cast)
    y = self.y and part(self.y, first, count, self.y_cast)
    w = self.weight and part(self.weight, first, count)
  end
  return x, y, w, count
end

-- Where a pass has got to: what the generator was when it began, and the rows taken since. resume(place) draws the same
-- order and goes there.
function Tensors:place()
  return {self.key, self.counter, self.position}
end

function Tensors:resume(place)
  core.generator(place[1], place[2])
  self:begin()
  self.position = place[3]
end

-- Batches of somebody else's, who may keep them. once: there is one pass only, which every begin goes on with.
local Iterators = {owned = false}
Iterators.__index = Iterators

function Iterators:begin()
  if self.once and not self.ended then return end
  if self.once then
    fail("%s: the iterator is at its end; give a function that makes one for each pass", self.call)
  end
  self.key, self.counter = core.generator()
  self.iterate, self.state, self.control, self.once = iterables.begin(self.call, self.given)
  self.taken, self.ended = 0, false
end

-- Where it has got to; resume(place) goes through the batches before it again.
function Iterators:place()
  return {self.key, self.counter, self.taken}
end

function Iterators:resume(place)
  core.generator(place[1], place[2])
  self:begin()
  while self.taken < place[3] and self:next() do end
end

local function as_tensor(value)
  return type(value) == "table" and nn.tensor(value) or value
end

-- Puts a batch back, to be given again.
function Iterators:put_back(...)
  self.waiting, self.taken = table.pack(...), self.taken - 1
end

function Iterators:next()
  if self.ended then return nil end
  local waiting = self.waiting
  self.taken, self.waiting = self.taken + 1, nil
  if waiting then return table.unpack(waiting, 1, waiting.n) end
  local x, y, w = self.iterate(self.state, self.control)
  self.control, self.ended = x, x == nil
  if x == nil then return nil end
  x, y, w = as_tensor(x), as_tensor(y), as_tensor(w)
  if not core.is_tensor(x) then fail("%s: the batches must be tensors; got %s", self.call, errors.show(x)) end
  if y == nil and not self.without_y then fail("%s: the batches have no y; an iterator gives x, y", self.call) end
  local wanted, count = self.wanted, x:size(1)
  -- casts, as rows of tensors are
  local cast = cast_of(x, wanted.x, wanted.ids)
  if cast then x = x:to(cast) end
  cast = y and wanted.y and cast_of(y, wanted.y, wanted.labels)
  if cast then y = y:to(cast) end
  if y and self.class_weight then w = M.class_weights(self.call, y, self.class_weight) end
  return x, y, w, count
end

-- A tensor out of what a user may write for one: a tensor or a nested list.
function M.tensor(call, name, value)
  if value == nil then fail("%s: %s is missing", call, name) end
  return given_rows(call, name, value)
end

-- Every row of x needs its row of y and weight.
local function check_rows(call, name, count, x_count)
  if count ~= x_count then
    fail("%s: x has %d rows, %s has %d: every row of x needs one of %s", call, x_count, name, count, name)
  end
end

-- {N} weights of the samples from weights of the classes: {[label] = weight}, 1 for those not named. Rows of y that are
-- one-hot stand for the label of their greatest element.
function M.class_weights(call, y, class_weight)
  local labels = y
  if y.ndim > 1 then
    labels = y:size(-1) == 1 and y:squeeze(-1) or y:argmax(-1) - 1
  end
  local weights = nn.ones(labels.shape)
  for label, weight in pairs(class_weight) do
    if math.type(label) ~= "integer" or type(weight) ~= "number" then
      fail("%s: class_weight is written {[label] = weight}; got [%s] = %s", call, errors.show(label),
        errors.show(weight))
    end
    weights = nn.where(labels:eq(label), weight + 0.0, weights)
  end
  return weights
end

-- The source of a data set's or a function's batches.
local function of_iterable(call, model, given)
  local x = given.x
  if given.y ~= nil then fail("%s: the batches of a data set have their y; leave y out", call) end
  local source = type(x) == "table" and (x.iterable or function() return x:batches() end) or x
  return setmetatable({call = call, given = source, steps = type(x) == "table" and x.size and x:size() or nil,
    wanted = wants_of(model), class_weight = given.class_weight, without_y = given.without_y}, Iterators)
end

-- The source of rows of tensors.
local function of_tensors(call, model, given)
  local x, y, weight = given.x, given.y, given.weight
  local rows, batch_size, wants = x:size(1), given.batch_size or 32, wants_of(model)
  if rows == 0 then fail("%s: x has no rows", call) end
  if y then check_rows(call, "y", y:size(1), rows) end
  if weight then check_rows(call, "sample_weight", weight:size(1), rows) end
  if given.drop_last then rows = rows // batch_size * batch_size end
  return setmetatable({call = call, x = x, y = y, weight = weight, rows = rows, batch_size = batch_size,
    shuffle = given.shuffle, steps = math.ceil(rows / batch_size), x_cast = cast_of(x, wants.x, wants.ids),
    y_cast = y and wants.y and cast_of(y, wants.y, wants.labels) or nil}, Tensors)
end

-- Whether x is a data set, an iterator or a function that gives one, and no tensor or list.
function M.is_iterable(x)
  return type(x) == "function" or type(x) == "thread" or type(x) == "table" and type(x.batches) == "function"
end

-- given: x (a tensor, a list, a data set, a function), y, weight, batch_size, shuffle, class_weight, and without_y
-- where x is enough. A data set of tensors is its tensors.
function M.source(call, model, given)
  local x, y, weight = given.x, given.y, given.weight
  if M.is_iterable(x) then
    local config = type(x) == "table" and x.x and x.config
    if not config or y ~= nil then return of_iterable(call, model, given) end
    given = {x = x.x, y = x.y, weight = weight, batch_size = config.batch_size, shuffle = config.shuffle,
      drop_last = config.drop_last, class_weight = given.class_weight}
    x, y = given.x, given.y
  end
  x = M.tensor(call, "x", x)
  y = not given.without_y and M.tensor(call, "y", y) or nil
  weight = weight ~= nil and M.tensor(call, "sample_weight", weight) or nil
  if given.class_weight then weight = M.class_weights(call, y, given.class_weight) end
  return of_tensors(call, model, {x = x, y = y, weight = weight, batch_size = given.batch_size,
    shuffle = given.shuffle, drop_last = given.drop_last})
end

-- Builds the model for the rows of the source, where it is not built.
function M.build(model, source)
  if source.x then model:check_batch(source.call, source.x) end
  if model.built then return end
  local x = source.x
  if not x then
    source:begin()
    local y, weight, count
    x, y, weight, count = source:next()
    if not x then fail("%s: the data gave no batch", source.call) end
    if source.once then source:put_back(x, y, weight, count) end
  end
  model:build(table.move(x.shape, 2, x.ndim, 1, {}))
end

return M
