-- BackupAndRestore: a run that is killed with kill -9, again and again, in turn behind a number of batches and at any
-- moment, ends with the bits of one that never was: weights, history, log file and checkpoints.
local t = ...
local nn = require "nn"
local c = nn.callbacks

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function new_folder()
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. folder))
  return folder
end

local function remove(folder) os.execute("rm -rf " .. folder) end

-- What a child runs: train(folder, callbacks) of one of these. Each tries other things that a state consists of.
local RUNS = {}

-- Order of the rows, dropout, averages of a layer, callbacks that watch, log and save.
RUNS.epochs = [[
  local model = nn.Sequential{nn.Dense(24, {activation = "relu", input_shape = {6}}), nn.BatchNormalization(),
    nn.Dropout(0.3), nn.Dense(3, {activation = "softmax"})}
  model:compile{optimizer = "adam", loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
  model:fit(x, labels, {epochs = 14, batch_size = 8, verbose = 0, validation_split = 0.25, callbacks = {backup "epoch",
    nn.callbacks.EarlyStopping{patience = 6, restore_best_weights = true},
    nn.callbacks.ReduceLROnPlateau{patience = 1, factor = 0.7, min_delta = 0.01},
    nn.callbacks.CSVLogger(folder .. "/log.csv"), watch,
    nn.callbacks.ModelCheckpoint{filepath = folder .. "/best.safetensors", save_best_only = true,
      save_weights_only = true}}})
  return model
]]

-- Within epochs: metrics that are half full, gradients that wait, the rate of a schedule, epochs of so many steps.
RUNS.batches = [[
  local rate = nn.schedules.CosineDecay(0.05, 40)
  local model = nn.Sequential{nn.Dense(16, {activation = "tanh", input_shape = {6}}), nn.Dropout(0.2, {seed = 5}),
    nn.Dense(1, {activation = "sigmoid"})}
  model:compile{optimizer = nn.optimizers.Nadam{learning_rate = rate, gradient_accumulation_steps = 3, use_ema = true},
    loss = "binary_crossentropy", metrics = {"accuracy", nn.metrics.AUC{num_thresholds = 20}, "mse",
    function(a, b) return (a - b):abs() end}}
  model:fit(x, labels:gt(0), {epochs = 5, batch_size = 10, steps_per_epoch = 11, verbose = 0, callbacks = {watch,
    backup(2), nn.callbacks.CSVLogger(folder .. "/log.csv"), nn.callbacks.ModelCheckpoint{save_freq = 7,
      save_weights_only = true, filepath = folder .. "/w-{epoch:02d}-{batch}-{loss:.4f}.safetensors"},
    {on_epoch_begin = function() end}}})
  return model
]]

-- Batches from an iterator of the user's, a callback of the user's with state, a rate that each epoch changes. The log
-- is appended to, so the backup has to outlive the training: a kill behind it must not begin another.
RUNS.iterators = [[
  local Halve = nn.callbacks.Callback:extend("Halve", {every = 3})
  function Halve:on_train_begin() self.seen = {count = 0} end
  function Halve:on_epoch_end()
    self.seen.count = self.seen.count + 1
    if self.seen.count % self.every == 0 then
      self.model.optimizer.learning_rate = self.model.optimizer.learning_rate / 2
    end
  end
  local model = nn.Sequential{nn.Dense(12, {activation = "relu"}), nn.Dense(3, {activation = "softmax"})}
  model:compile{optimizer = nn.optimizers.SGD{learning_rate = 0.1, momentum = 0.9},
    loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
  local function batches()
    return coroutine.wrap(function()
      for xb, yb in nn.data.batches(x, labels, {batch_size = 10, shuffle = true}) do
        coroutine.yield(xb + nn.randn(xb.shape) * 0.01, yb)
      end
    end)
  end
  model:fit(nn.data.Dataset(batches), {epochs = 8, verbose = 0, validation_data = {x, labels}, callbacks = {watch,
    backup(3, true), Halve{}, nn.callbacks.LearningRateScheduler(function(_, rate) return rate * 0.95 end),
    nn.callbacks.CSVLogger{filename = folder .. "/log.csv", append = true}}})
  return model
]]

-- An optimizer that remembers steps of its own.
RUNS.lbfgs = [[
  local model = nn.Sequential{nn.Dense(8, {activation = "tanh", input_shape = {6}}),
    nn.Dense(3, {activation = "softmax"})}
  model:compile{optimizer = nn.optimizers.LBFGS{max_iterations = 2}, loss = "sparse_categorical_crossentropy"}
  model:fit(x, labels, {epochs = 25, verbose = 0, batch_size = #x, callbacks = {watch, backup "epoch"}})
  return model
]]

local CHILD = [[
local nn = require "nn"
local folder, save, batches_to_live = ...
nn.seed(11)
local x = nn.randn(80, 6)
local labels = x:narrow(2, 1, 3):argmax(2) - 1
local function backup(freq, keep)
  return nn.callbacks.BackupAndRestore(save, {save_freq = freq, delete_checkpoint = not keep})
end
-- tells that the run goes on, gives the killer time, and kills this process itself behind so many batches
local watch, batches = {count = 0}, 0
function watch:on_train_begin()
  local file = io.open(folder .. "/resumed", "a")
  file:write(self.params.resumed or 0, "\n")
  file:close()
end
function watch:on_train_batch_end(_, logs)
  self.count = self.count + 1
  local until_then = nn.time() + 0.001
  while nn.time() < until_then do end
  logs.count = self.count
  batches = batches + 1
  if batches == tonumber(batches_to_live) then os.execute "kill -9 $PPID" end
end
function watch:on_epoch_end(_, logs) logs.count = self.count end
local function train() %s end
local model = train()
model:save_weights(folder .. "/weights.safetensors")
local lines = {}
for _, name in ipairs(model.history.names) do
  lines[#lines + 1] = name
  for i, value in ipairs(model.history[name]) do
    lines[#lines + 1] = ("%%d %%a"):format(model.history.epoch[i], value)
  end
end
local file = io.open(folder .. "/history", "w")
file:write(table.concat(lines, "\n"), "\n", model.optimizer.iterations, "\n", nn.rand(1):item(), "\n")
file:close()
]]

-- The interpreter that runs this.
local interpreter = 0
while arg[interpreter - 1] do interpreter = interpreter - 1 end
local program = arg[interpreter]

local function command(script, folder, batches)
  return ("%s %s %s %s/backup %s"):format(program, script, folder, folder, batches or "")
end

-- Runs the child, which is killed after so many seconds, or behind so many batches. Whether it came to its end.
local function run_killed(script, folder, seconds, batches)
  local child = command(script, folder, batches) .. (" 2> %s/errors"):format(folder)
  local kill = batches and "" or ("sleep %.3f; kill -9 $p 2> /dev/null; "):format(seconds)
  os.execute(("%s & p=$!; %swait $p 2> /dev/null"):format(child, kill))
  return read(folder .. "/history") ~= nil
end

-- The files of a finished run by name: all that must be the same.
local function files_of(folder)
  local files, list = {}, io.popen("ls -A " .. folder)
  for name in list:lines() do
    if name ~= "resumed" and name ~= "errors" then files[name] = read(folder .. "/" .. name) end
  end
  list:close()
  return files
end

local state = 4711
local function random()
  state = (state * 1103515245 + 12345) % 2147483648
  return state / 2147483648
end

local MOST_KILLS = 8

-- A run that is killed until it ends, the last time left alone, has the files `wanted`. How often it was killed, and
-- whether it ever went on where it had been killed.
local function compare_killed(name, script, wanted, duration, batches)
  local folder, kills = new_folder(), 0
  while kills < MOST_KILLS do
    local counted = kills % 2 == 0
    if run_killed(script, folder, duration * (0.15 + 0.3 * random()), counted and batches) then break end
    kills = kills + 1
    t.equal(read(folder .. "/errors"), "")
  end
  if not read(folder .. "/history") then assert(os.execute(command(script, folder))) end
  local found, resumed = files_of(folder), read(folder .. "/resumed"):find "[1-9]"
  for file, bytes in pairs(wanted) do
    if found[file] ~= bytes then error(("%s: %s differs after %d kills"):format(name, file, kills)) end
  end
  for file in pairs(found) do t.equal(wanted[file] ~= nil and file, file) end
  remove(folder)
  return kills, resumed
end

-- Behind how many batches a process is killed: about a third of the run.
local BATCHES = {epochs = 35, batches = 18, iterators = 20, lbfgs = 8}

for name, body in pairs(RUNS) do
  t.test("killed again and again: " .. name, function()
    local script, whole = os.tmpname(), new_folder()
    write(script, CHILD:format(body))
    local began = nn.time()
    assert(os.execute(command(script, whole)))
    local duration = nn.time() - began
    local wanted = files_of(whole)
    t.equal(read(whole .. "/backup/backup.safetensors") ~= nil, name == "iterators") -- removed unless it is to stay
    local kills, resumed = compare_killed(name, script, wanted, duration, BATCHES[name])
    t.equal(kills >= 2 and resumed ~= nil, true)
    os.remove(script)
    remove(whole)
  end)
end

local function small_model(units)
  local model = nn.Sequential{nn.Dense(units or 3, {input_shape = {2}})}
  model:compile{optimizer = "adam", loss = "mse"}
  return model
end

-- A fit that raises an error at the begin of an epoch leaves its backup.
local function broken_off(folder, epoch)
  local function stop(_, now) if now == epoch then error("stop here", 0) end end
  t.fails(function()
    small_model():fit(nn.ones(8, 2), nn.ones(8, 3), {epochs = 5, verbose = 0, callbacks = {
      c.BackupAndRestore{dir = folder, delete_checkpoint = false}, {on_epoch_begin = stop}}})
  end, "stop here")
end

t.test("the backup of another model, another file, a damaged one", function()
  local folder = new_folder()
  local path = folder .. "/backup.safetensors"
  broken_off(folder, 3)
  local function fit(units)
    local resumed
    small_model(units):fit(nn.ones(8, 2), nn.ones(8, units or 3), {epochs = 5, verbose = 0, callbacks = {
      c.BackupAndRestore(folder), {on_train_begin = function(self) resumed = self.params.resumed end}}})
    return resumed
  end
  t.fails(function() fit(4) end, 'is of another model: weight 1 ("kernel") has shape {2, 3} there, here {2, 4}; ' ..
    "remove it")
  local good = read(path)
  nn.save(path, nn.ones(3))
  t.fails(fit, "BackupAndRestore: " .. path .. " is no backup; remove it to begin anew")
  write(path, good:sub(1, -2))
  t.fails(fit, "BackupAndRestore: " .. path .. ": ")
  -- a table that is not closed, in place of the state
  local before, place = good:match '^(.-)"state":{"dtype":"U8","shape":%[%d+%],"data_offsets":%[(%d+)'
  local first = 8 + string.unpack("<I8", good) + math.tointeger(place) + 1
  t.equal(#before > 0, true)
  write(path, good:sub(1, first) .. "{" .. good:sub(first + 2))
  t.fails(fit, "is damaged; remove it to begin anew")
  write(path, good)
  t.equal(fit(), 2)
  t.equal(read(path), nil)
  broken_off(folder, 1)
  t.equal(fit(), 0)
  t.equal(fit(), nil)
  remove(folder)
end)

t.test("what is over stays over; history is whole", function()
  local folder = new_folder()
  local stopping = {on_epoch_end = function(self, epoch) self.model.stop_training = epoch == 2 end}
  local function fit()
    local ended
    local model = small_model()
    local history = model:fit(nn.ones(8, 2), nn.ones(8, 3), {epochs = 5, verbose = 0, callbacks = {stopping,
      c.BackupAndRestore{backup_dir = folder, delete_checkpoint = false},
      {on_train_end = function(_, logs) ended = logs.loss end}}})
    return history, ended, model:get_weights()[1]
  end
  nn.seed(1)
  local first, loss, weights = fit()
  local second, again, same = fit()
  t.equal(#second.epoch, 2)
  t.equal(second.loss, first.loss)
  t.equal(again, loss)
  t.equal(same, weights)
  remove(folder)
end)

t.test("options", function()
  t.fails(function() c.BackupAndRestore{} end, "backup_dir is missing")
  t.fails(function() c.BackupAndRestore{dir = "x", save_freq = 0} end, 'save_freq must be "epoch" or a number')
  t.fails(function() c.BackupAndRestore{dir = "x", save_freq = "batch"} end, "save_freq")
  t.fails(function() c.BackupAndRestore{dir = "x", delete_checkpiont = true} end, 'did you mean "delete_checkpoint"')
  local folder = new_folder()
  t.fails(function()
    small_model():fit(nn.ones(8, 2), nn.ones(8, 3), {verbose = 0, callbacks = {c.BackupAndRestore(folder),
      c.BackupAndRestore(folder)}})
  end, "there can be but one BackupAndRestore")
  remove(folder)
end)

t.test("callbacks that are others than in the backup begin anew, and it is said", function()
  local folder = new_folder()
  broken_off(folder, 2)
  local text = t.output("stderr", function()
    small_model():fit(nn.ones(8, 2), nn.ones(8, 3), {epochs = 2, verbose = 0, check = false, callbacks = {
      c.TerminateOnNaN{}, c.BackupAndRestore(folder)}})
  end)
  t.equal(text, "warning: BackupAndRestore: TerminateOnNaN has no state in the backup and begins anew\n")
  remove(folder)
end)
