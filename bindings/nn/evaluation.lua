-- evaluate, predict and predict_classes: what a model is asked without being changed.

local nn, core, import = ...
local adapter = import "data_adapter"
local compile = import "compile"
local errors = import "errors"
local events = import "events"
local forward = import "forward"
local loop = import "loop"
local options = import "options"
local Plan = import "step"
local Progress = import "progress"

local M = {}

-- An option that is a number of something, from 1 on.
local function integer(name, help)
  return {name = name, kind = "integer", optional = true, min = 1, max = math.huge, help = help}
end

local X = {name = "x", kind = "data", help = "a tensor, a list, a data set or a function that gives an iterator"}
local VERBOSE = {name = "verbose", kind = "any", default = 1, help = "0 nothing, 1 a bar, 2 a line"}
local CALLBACKS = {name = "callbacks", kind = "any", optional = true, help = "a list of callbacks"}

local EVALUATE = {X, {name = "y", kind = "data", help = "the targets"}, integer("batch_size", "rows of a batch (32)"),
  VERBOSE, {name = "sample_weight", kind = "data", help = "a weight for each row"}, integer("steps", "batches at most"),
  {name = "return_dict", kind = "flag", default = false, help = "a table by name instead of several values"}, CALLBACKS}

local PREDICT = {X, integer("batch_size", "rows of a batch"),
  {name = "verbose", kind = "any", default = 0, help = "0 nothing, 1 a bar, 2 a line"},
  integer("steps", "batches at most"), CALLBACKS}
options.functions.evaluate, options.functions.predict = EVALUATE, PREDICT

-- Tests over a source that is begun: names in order, and numbers by name with prefix in front.
function M.test(plan, source, limit, by_event, bar, prefix, names, logs)
  local sum, count = 0, 0
  local run = {source = source, limit = limit, events = by_event, kind = "test", bar = bar,
    closes_x = plan.closes_x, closes_y = plan.closes}
  function run.step(x, y, weight, rows)
    sum, count = sum + plan:test(x, y, weight) * rows, count + rows
  end
  -- asked for by the bar and by callbacks; the metrics hold everything but the loss
  function run.numbers()
    local shown, values = {}, {}
    plan:results(sum / count, "", values, shown)
    return shown, values
  end
  plan:reset()
  source:begin()
  events.fire(by_event, "on_test_begin", {})
  local batches = loop(run)
  plan:results(sum / count, prefix, logs, names)
  if by_event.on_test_end then
    local _, values = run.numbers()
    events.fire(by_event, "on_test_end", values)
  end
  return batches
end

-- loss and then each metric as numbers, or a table of them by name.
function M.result(names, logs, as_table)
  if as_table then return logs end
  local values = {}
  for i, name in ipairs(names) do values[i] = logs[name] end
  return table.unpack(values, 1, #names)
end

-- evaluate(x, y, options) -> loss, metrics in the order of compile
function M.evaluate(model, ...)
  local o = options.parse("evaluate", EVALUATE, 2, ...)
  compile.check(model, "evaluate")
  local source = adapter.source("evaluate", model, {x = o.x, y = o.y, weight = o.sample_weight,
    batch_size = o.batch_size})
  adapter.build(model, source)
  local level = Progress.level(o.verbose)
  local bar = level > 0 and Progress.new(level, o.steps or source.steps) or nil
  local by_event = events.new("evaluate", o.callbacks, model, {verbose = level, steps = o.steps or source.steps})
  local names, logs = {}, {}
  local batches = M.test(Plan.new(model), source, o.steps, by_event, bar, "", names, logs)
  if bar then bar:finish(batches, names, logs) end
  return M.result(names, logs, o.return_dict)
end

-- Puts outputs, batch after batch, into one tensor; its size is known when the number of rows is.
local function collector(rows)
  local whole, parts, filled = nil, {}, 0
  local function add(y, closable, count)
    if not rows or count == rows then
      parts[#parts + 1] = y
      return
    end
    if not whole then
      local shape = y.shape
      shape[1] = rows
      whole = nn.empty(shape, {dtype = y.dtype})
    end
    local _ <close> = closable and y or nil
    local place <close> = whole:narrow(1, filled + 1, count)
    place:copy_(y)
    filled = filled + count
  end
  return add, function() return whole or #parts == 1 and parts[1] or nn.cat(parts, 1) end
end

-- What predict calls without recording: the output, and whether it may be closed.
local function prediction(model, x)
  return forward(model.layers, #model.layers, x, false)
end

-- A few rows and no options, as when samples are predicted one by one: nothing is set up.
local function predict_few(model, x)
  if x.ndim <= #model.input_shape then model:check_batch("predict", x) end
  local close <close> = adapter.cast(model, x)
  return (nn.no_grad(prediction, model, close or x))
end

local FEW = 32  -- rows: one batch

-- Whether predict can do without options, batches and events.
local function is_few(model, x)
  return model.built and core.is_tensor(x) and x.ndim > 0 and #x <= FEW and #x > 0
end

-- predict(x[, options]) -> outputs of all rows, in their order
function M.predict(model, ...)
  if #model.layers == 0 then errors.fail("predict: the model has no layers") end
  if select("#", ...) == 1 and is_few(model, (...)) then return predict_few(model, (...)) end
  local o = options.parse("predict", PREDICT, 1, ...)
  local source = adapter.source("predict", model, {x = o.x, batch_size = o.batch_size, without_y = true})
  adapter.build(model, source)
  local level, steps = Progress.level(o.verbose), o.steps or source.steps
  local bar = level > 0 and Progress.new(level, steps) or nil
  local by_event = events.new("predict", o.callbacks, model, {verbose = level, steps = steps})
  local add, whole = collector(not o.steps and source.rows or nil)
  source:begin()
  events.fire(by_event, "on_predict_begin", {})
  local batches = loop{source = source, limit = o.steps, events = by_event, kind = "predict", bar = bar,
    closes_x = model.layers[1].direct, numbers = function() return {}, {} end,
    step = function(x, _, _, rows)
      local y, closable = nn.no_grad(prediction, model, x)
      add(y, closable, rows)
    end}
  events.fire(by_event, "on_predict_end", {})
  if bar then bar:finish(batches, {}, {}) end
  return whole()
end

-- Labels from 0, int64 {N}: the greatest of several units; of one unit whether it is above a half (above 0 where the
-- loss takes logits).
function M.predict_classes(model, ...)
  local y = M.predict(model, ...)
  if y.ndim > 1 and y:size(-1) > 1 then return y:argmax(-1) - 1 end
  -- logits, and the signs that hinge losses learn, part at 0
  local at_zero = model.loss and (model.loss.from_logits or (model.loss.name or ""):find "hinge")
  local last = model.layers[#model.layers]
  if last.class_name == "Dense" and not last.activation and not at_zero then
    errors.fail("predict_classes: one unit tells two classes apart where it is a sigmoid; give the last layer " ..
      'activation = "sigmoid", or use predict')
  end
  local threshold = at_zero and 0 or 0.5
  local labels = y:gt(threshold):to "int64"
  return y.ndim > 1 and labels:squeeze(-1) or labels
end

return M
