-- nn.callbacks: driven by hand, with a model that is a table, then in a real fit.
local t = ...
local nn = require "nn"
local c = nn.callbacks

-- What callbacks see of a model; weights are numbers that tell the epoch.
local function fake_model()
  local model = {metrics = {{name = "accuracy", direction = "max"}, {name = "own"}}, now = 0}
  function model:get_weights() return self.now end
  function model:set_weights(weights) self.restored = weights end
  model.optimizer = nn.optimizers.SGD{learning_rate = 1}
  return model
end

-- Runs a callback over a list of values of its monitor; the epoch after which it stopped, or nil.
local function run(callback, key, values)
  local model = fake_model()
  callback.model, callback.params = model, {}
  if callback.on_train_begin then callback:on_train_begin({}) end
  for epoch, value in ipairs(values) do
    model.now = epoch
    if callback.on_epoch_begin then callback:on_epoch_begin(epoch, {}) end
    local logs = {[key] = value}
    if callback.on_epoch_end then callback:on_epoch_end(epoch, logs) end
    model.logs = logs
    if model.stop_training then model.stopped = epoch break end
  end
  if callback.on_train_end then callback:on_train_end({}) end
  return model.stopped, model
end

t.test("EarlyStopping waits, stops, restores", function()
  t.equal(run(c.EarlyStopping{}, "val_loss", {1, 0.9, 0.8, 0.85}), 4)
  t.equal(run(c.EarlyStopping{patience = 2}, "val_loss", {1, 0.9, 0.95, 0.96, 0.97}), 4)
  t.equal(run(c.EarlyStopping{patience = 2}, "val_loss", {1, 0.9, 0.95, 0.8, 0.97}), nil)
  t.equal(run(c.EarlyStopping{min_delta = 0.2}, "val_loss", {1, 0.9}), 2)
  t.equal(run(c.EarlyStopping{monitor = "val_accuracy"}, "val_accuracy", {0.5, 0.6, 0.55}), 3)
  t.equal(run(c.EarlyStopping{monitor = "own", mode = "max"}, "own", {1, 2, 1}), 3)
  t.equal(run(c.EarlyStopping{start_from_epoch = 3}, "val_loss", {1, 2, 3, 4, 5}), 5)
  t.equal(run(c.EarlyStopping{baseline = 0.5, patience = 1}, "val_loss", {1, 0.9, 0.8, 0.7}), nil)
  local stopped, model = run(c.EarlyStopping{restore_best_weights = true, patience = 2}, "val_loss", {3, 1, 2, 2})
  t.equal(stopped, 4)
  t.equal(model.restored, 2)
  stopped, model = run(c.EarlyStopping{restore_best_weights = true, patience = 9}, "val_loss", {3, 1, 2})
  t.equal(stopped, nil)
  t.equal(model.restored, 2)
  t.fails(function() run(c.EarlyStopping{monitor = "own"}, "own", {1}) end, 'mode = "min"')
end)

t.test("EarlyStopping never stops after the first epoch", function()
  t.equal(run(c.EarlyStopping{}, "val_loss", {0 / 0, 0 / 0}), 2)
end)

t.test("ReduceLROnPlateau lowers the rate and logs it", function()
  local _, model = run(c.ReduceLROnPlateau{patience = 2, factor = 0.5}, "val_loss", {1, 1, 1, 1, 1})
  t.close(model.optimizer.learning_rate, 0.25, 1e-12)
  t.close(model.logs.learning_rate, 0.5, 1e-12)
  _, model = run(c.ReduceLROnPlateau{patience = 1, factor = 0.1, min_lr = 0.05}, "val_loss", {1, 1, 1, 1})
  t.close(model.optimizer.learning_rate, 0.05, 1e-12)
  _, model = run(c.ReduceLROnPlateau{patience = 1, factor = 0.5, cooldown = 2}, "val_loss", {1, 1, 1, 1})
  t.close(model.optimizer.learning_rate, 0.25, 1e-12)
  t.fails(function() c.ReduceLROnPlateau{factor = 1} end, "factor")
  local scheduled = c.ReduceLROnPlateau{patience = 0}
  scheduled.model = fake_model()
  scheduled.model.optimizer.learning_rate = nn.schedules.CosineDecay(1, 10)
  scheduled:on_train_begin()
  t.fails(function() for epoch = 1, 2 do scheduled:on_epoch_end(epoch, {val_loss = 1}) end end, "is a schedule")
end)

t.test("LearningRateScheduler", function()
  local _, model = run(c.LearningRateScheduler(function(epoch, rate) return rate / epoch end), "loss", {1, 1, 1})
  t.close(model.optimizer.learning_rate, 1 / 6, 1e-12)
  t.close(model.logs.learning_rate, 1 / 6, 1e-12)
  t.fails(function() run(c.LearningRateScheduler(function() end), "loss", {1}) end, "must give a number")
end)

t.test("TerminateOnNaN", function()
  local callback = c.TerminateOnNaN{raise_error = true}
  callback.model = fake_model()
  callback:on_train_batch_end(1, {loss = 1})
  t.fails(function() callback:on_train_batch_end(2, {loss = 0 / 0}) end, "batch 2")
  t.fails(function() callback:on_train_batch_end(2, {loss = math.huge}) end, "inf")
end)

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

t.test("CSVLogger writes a line an epoch", function()
  local path = os.tmpname()
  local logger = c.CSVLogger(path)
  logger.model, logger.params = fake_model(), {}
  logger:on_train_begin()
  logger:on_epoch_end(1, {loss = 0.5, accuracy = 0.25, val_loss = 1, val_accuracy = 0.125, lr = 2})
  logger:on_epoch_end(2, {loss = 0.25, accuracy = 0.1})
  t.equal(read(path), "epoch,loss,accuracy,val_loss,val_accuracy,val_own,lr\n1,0.5,0.25,1,0.125,NA,2\n" ..
    "2,0.25,0.1,NA,NA,NA,NA\n")
  logger:on_train_end()
  local more = c.CSVLogger{filename = path, append = true, separator = ";"}
  more.model, more.params = fake_model(), {}
  more:on_train_begin()
  more:on_epoch_end(3, {loss = 1})
  more:on_train_end()
  t.equal(read(path):match "[^\n]*\n$", "3;1\n")
  os.remove(path)
  t.fails(function() local l = c.CSVLogger "/nonexistent/x.csv" l:on_train_begin() end, "cannot write")
end)

t.test("LambdaCallback's functions get no self; Callback is extended", function()
  local seen = {}
  run(c.LambdaCallback{on_epoch_end = function(epoch, logs) seen[epoch] = logs.loss end}, "loss", {3, 2})
  t.equal(seen[2], 2)
  local Printer = c.Callback:extend("Printer", {every = 10})
  function Printer:on_epoch_end(epoch) if epoch % self.every == 0 then self.called = epoch end end
  local printer = Printer{every = 2}
  run(printer, "loss", {1, 1, 1, 1, 1})
  t.equal(printer.called, 4)
  t.equal(Printer{}.every, 10)
  t.fails(function() Printer{evry = 1} end, "every")
  t.fails(function() c.LambdaCallback{on_epoch_ends = print} end, "on_epoch_end")
end)

t.test("get takes objects, classes, names and plain tables", function()
  local own = {on_epoch_end = function() end}
  t.equal(c.get(own), own)
  local stop = c.EarlyStopping{}
  t.equal(c.get(stop), stop)
  t.equal(c.get(c.TerminateOnNaN).class_name, "TerminateOnNaN")
  t.equal(c.get "early_stopping".class_name, "EarlyStopping")
  t.fails(function() c.get{} end, "on_epoch_end")
  t.fails(function() c.get "EarlyStoping" end, "EarlyStopping")
end)

t.test("in a fit", function()
  nn.seed(1)
  local x = nn.randn(64, 2)
  local y = x:select(2, 1):gt(0):to "float32"
  local model = nn.Sequential{nn.Dense(1, {activation = "sigmoid", input_shape = {2}})}
  model:compile{optimizer = nn.optimizers.SGD{learning_rate = 0.5}, loss = "binary_crossentropy",
    metrics = {"accuracy"}}
  local path, epochs, batches = os.tmpname(), 0, 0
  local history = model:fit(x, y, {epochs = 6, batch_size = 16, verbose = 0, validation_split = 0.25, callbacks = {
    c.LearningRateScheduler(function(epoch) return 1 / epoch end), c.CSVLogger(path),
    c.EarlyStopping{monitor = "val_accuracy", patience = 50, restore_best_weights = true},
    {on_epoch_end = function(self, epoch, logs)
      epochs = epochs + 1
      t.equal(rawequal(self.model, model), true)
      t.equal(epoch, epochs)
      t.equal(type(logs.val_accuracy), "number")
    end, on_train_batch_end = function() batches = batches + 1 end}}})
  t.equal(epochs, 6)
  t.equal(batches, 18)
  t.close(history.history.learning_rate[6], 1 / 6, 1e-7)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  t.equal(#lines, 7)
  t.equal(lines[1], "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate")
  os.remove(path)
end)
