-- fit: epochs of training, with validation, callbacks, history and progress in Keras's order. Epochs count from 1.

local nn, core, import = ...
local adapter = import "data_adapter"
local compile = import "compile"
local errors = import "errors"
local evaluation = import "evaluation"
local events = import "events"
local History = import "history"
local loop = import "loop"
local options = import "options"
local Plan = import "step"
local Progress = import "progress"
local fail, fire = errors.fail, events.fire

-- An option that is a number of something, from min (1) on.
local function count(name, help, min)
  return {name = name, kind = "integer", optional = true, min = min or 1, max = math.huge, help = help}
end

local FIT = {
  {name = "x", kind = "data", help = "a tensor, a list, a data set or a function that gives an iterator of x, y"},
  {name = "y", kind = "data", help = "the targets, where x does not bring them"},
  count("batch_size", "rows of a batch (32)"),
  {name = "epochs", kind = "integer", default = 1, min = 0, max = math.huge, help = "the last epoch"},
  {name = "verbose", kind = "any", default = 1, help = "0 nothing, 1 a bar, 2 a line an epoch"},
  {name = "callbacks", kind = "any", optional = true, help = "a list of callbacks"},
  {name = "validation_split", kind = "number", default = 0, min = 0, max = 1, help = "the last part of the rows"},
  {name = "validation_data", kind = "any", optional = true, help = "{x, y[, sample_weight]} or a data set"},
  {name = "shuffle", kind = "flag", default = true, help = "a new order in each epoch"},
  {name = "class_weight", kind = "table", optional = true, help = "{[label] = weight}, 1 for the others"},
  {name = "sample_weight", kind = "data", help = "a weight for each row"},
  count("initial_epoch", "epochs that are behind already (0)", 0),
  count("steps_per_epoch", "batches of an epoch"), count("validation_steps", "batches of a validation"),
  count("validation_batch_size", "rows of a batch there (batch_size)"),
  {name = "validation_freq", kind = "shape", default = 1, min = 1, max = math.huge,
    help = "after every so many epochs, or a list of epochs"},
  {name = "seconds", kind = "number", optional = true, min = 0, max = math.huge, help = "stop after so long"},
  {name = "check", kind = "flag", default = true, help = "look at the data before the first batch"},
}
options.functions.fit = FIT

local M = {}

-- Cuts the last part off x, y and weight: the rest, and the part as {x, y, weight}.
local function split(o)
  if adapter.is_iterable(o.x) then fail("fit: validation_split needs tensors; give validation_data") end
  local x, y = adapter.tensor("fit", "x", o.x), adapter.tensor("fit", "y", o.y)
  local weight = o.sample_weight ~= nil and adapter.tensor("fit", "sample_weight", o.sample_weight) or nil
  -- as Keras rounds: the training part gets what is left over
  local n = x:size(1)
  local first = math.floor(n * (1 - o.validation_split))
  if first == 0 or first == n then
    fail("fit: validation_split = %g of %d rows leaves no row for %s", o.validation_split, n,
      first == 0 and "training" or "validation")
  end
  for name, t in pairs {y = y, sample_weight = weight} do
    if t:size(1) ~= n then fail("fit: x has %d rows, %s has %d", n, name, t:size(1)) end
  end
  -- views: nothing is copied
  local function cut(t, from, to) return t and t:narrow(1, from, to - from + 1) end
  return {x = cut(x, 1, first), y = cut(y, 1, first), weight = cut(weight, 1, first)},
    {x = cut(x, first + 1, n), y = cut(y, first + 1, n), weight = cut(weight, first + 1, n)}
end

-- What validation_data says, in the form that adapter.source takes.
local function validation_given(data)
  if adapter.is_iterable(data) then return {x = data} end
  if type(data) ~= "table" then fail("fit: validation_data must be {x, y}; got %s", errors.show(data)) end
  return {x = data.x or data[1], y = data.y or data[2], weight = data.sample_weight or data[3]}
end

-- The sources of training and (or nil) of validation.
local function sources(model, o)
  if o.class_weight and o.sample_weight ~= nil then
    fail("fit: class_weight and sample_weight cannot be given together; multiply them into sample_weight")
  end
  local train, validation = {x = o.x, y = o.y, weight = o.sample_weight}, nil
  if o.validation_data ~= nil then
    validation = validation_given(o.validation_data)
  elseif o.validation_split > 0 then
    train, validation = split(o)
  end
  train.batch_size, train.shuffle, train.class_weight = o.batch_size, o.shuffle, o.class_weight
  -- in the same order each time: a sum of rows in another order has other rounding
  if model.optimizer.minimize then
    train.batch_size, train.shuffle = o.batch_size or math.maxinteger, false
  end
  if validation then
    validation.batch_size = o.validation_batch_size or o.batch_size
    validation = adapter.source("fit: validation_data", model, validation)
  end
  return adapter.source("fit", model, train), validation
end

-- Whether this epoch ends with a validation: validation_freq is every so many, or a list of epochs.
local function validates(fit, epoch)
  if not fit.validation then return false end
  local freq = fit.options.validation_freq
  if #freq == 1 then return epoch % freq[1] == 0 end
  for _, e in ipairs(freq) do
    if e == epoch then return true end
  end
  return false
end

-- What loop takes for epochs of training, made once; begin starts an epoch.
local function training_run(fit)
  local plan, sum, rows_seen = fit.plan, 0, 0
  local run = {source = fit.source, limit = fit.options.steps_per_epoch, events = fit.events, kind = "train",
    closes_x = plan.closes_x, closes_y = plan.closes, deadline = fit.deadline}
  -- done: what a run that was resumed had done of the epoch, or nil
  function run.begin(epoch, bar, done)
    run.epoch, run.bar, run.done = epoch, bar, done and done.batch or 0
    sum, rows_seen = done and done.sum or 0, done and done.rows or 0
  end
  -- the epoch's loss is the mean over its samples: a short last batch counts for less
  function run.step(x, y, weight, rows)
    if fit.check then fit.check(x, y, weight) end
    sum, rows_seen = sum + plan:train(x, y, weight) * rows, rows_seen + rows
  end
  function run.numbers()
    local names, logs = {}, {}
    plan:results(sum / rows_seen, "", logs, names)
    return names, logs
  end
  function run.stops() return fit.model.stop_training end
  if fit.backup then
    function run.after(batch)
      fit.backup:after_batch(fit, run.epoch, {batch = batch, sum = sum, rows = rows_seen})
    end
  end
  return run
end

-- One epoch: training, validation, callbacks, then history and progress, which see what callbacks added to logs. done:
-- it began before the run was resumed.
local function run_epoch(fit, epoch, done)
  local o, by_event = fit.options, fit.events
  if not done and by_event.on_epoch_begin then fire(by_event, "on_epoch_begin", epoch, {}) end
  if fit.level > 0 and o.epochs > 1 then Progress.write(("Epoch %d/%d\n"):format(epoch, o.epochs)) end
  local bar = fit.level > 0 and Progress.new(fit.level, fit.steps) or nil
  if not done then fit.plan:reset() end
  -- with steps_per_epoch an epoch goes on where the last one stopped
  if not done and not o.steps_per_epoch then fit.source:begin() end
  local run = fit.run
  run.begin(epoch, bar, done)
  local batches = loop(run)
  local names, logs = run.numbers()
  if validates(fit, epoch) then
    evaluation.test(fit.plan, fit.validation, o.validation_steps, by_event, nil, "val_", names, logs)
  end
  if by_event.on_epoch_end then
    fire(by_event, "on_epoch_end", epoch, logs)
    names = History.ordered(names, logs)
  end
  fit.model.history:add(epoch, names, logs)
  if bar then bar:finish(batches, names, logs) end
  return logs
end

-- The callback that keeps the run, or nil.
local function backup_of(callbacks)
  local found
  for _, object in ipairs(callbacks) do
    if object.backs_up and found then fail("fit: there can be but one BackupAndRestore") end
    found = object.backs_up and object or found
  end
  return found
end

-- Begins training, or takes up one that was killed: the first epoch, what of it is done already, whether all is over.
local function begin(fit)
  local first = (fit.options.initial_epoch or 0) + 1
  fit.logs, fit.model.stop_training = {}, false
  local saved = fit.backup and fit.backup:load(fit)
  fire(fit.events, "on_train_begin", {})
  if saved then
    local done
    first, fit.logs, done = fit.backup:resume(fit, saved)
    return first, done, fit.model.stop_training
  end
  if fit.options.steps_per_epoch then fit.source:begin() end
  if fit.backup then fit.backup:begin(fit) end
  return first
end

-- All epochs, until one asks to stop or the time is over.
local function run_epochs(fit)
  local o, model, backup = fit.options, fit.model, fit.backup
  local first, done, over = begin(fit)
  for epoch = first, over and 0 or o.epochs do
    fit.logs = run_epoch(fit, epoch, done)
    done = nil
    if backup then backup:after_epoch(fit, epoch, fit.logs) end
    if model.stop_training or fit.deadline and nn.time() >= fit.deadline then break end
  end
  if model.optimizer.handle then core.optimizer_finish(model.optimizer.handle) end  -- averages, where they are kept
  fire(fit.events, "on_train_end", fit.logs)
  if backup then backup:finish() end
end

-- An optimizer that evaluates the loss again and again needs all rows in one batch.
local function check_batches(model, source)
  if model.optimizer.minimize and source.steps ~= 1 then
    fail("fit: %s minimizes the loss of all rows together, so they must be one batch: %s", model.optimizer.class_name,
      source.rows and ("leave batch_size out, or make it %d"):format(source.rows) or
      "give tensors instead of batches, without batch_size")
  end
end

-- Looks at the data: at once where all of it is at hand, else at the first batch.
local function check(fit)
  if not fit.options.check then return end
  local model, source, validation = fit.model, fit.source, fit.validation
  local look = import "checks"
  look.model(model)
  look.class_weight(model, fit.options.class_weight)
  local function at(x, y, weight) look.data("fit", model, x, y, weight, 1, true) end
  if not source.x then
    function fit.check(...)
      fit.check = nil
      at(...)
    end
    return
  end
  at(source.x, source.y, source.weight)
  if not validation or not validation.x then return end
  -- rows of a part that was cut off are counted on from the training part's
  local is_part = fit.options.validation_data == nil
  look.data(is_part and "fit" or "fit: validation_data", model, validation.x, validation.y, validation.weight,
    is_part and source.rows + 1 or 1)
  if is_part then look.validation(model, source, validation) end
end

-- fit(x, y, options) or fit(data set, options) -> History, which is also model.history from the start, so that an
-- interrupted training leaves what it has.
function M.fit(model, ...)
  local o = options.parse("fit", FIT, 2, ...)
  compile.check(model, "fit")
  local source, validation = sources(model, o)
  check_batches(model, source)
  adapter.build(model, source)
  local level, steps = Progress.level(o.verbose), o.steps_per_epoch or source.steps
  local fit = {model = model, options = o, source = source, validation = validation, level = level, steps = steps,
    deadline = o.seconds and nn.time() + o.seconds}
  check(fit)
  local params = {verbose = level, epochs = o.epochs, steps = steps, validation = validation ~= nil}
  fit.plan = Plan.new(model)
  fit.plan:clear()
  fit.params = params
  fit.events, fit.callbacks = events.new("fit", o.callbacks, model, params)
  fit.backup = backup_of(fit.callbacks)
  fit.run = training_run(fit)
  model.history = History(model, params)
  run_epochs(fit)
  return model.history
end

return M
