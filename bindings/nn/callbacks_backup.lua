-- BackupAndRestore: the whole state of a run in one file, from which a run that was killed goes on to the same bits.
--
-- fit itself calls it, behind all other callbacks: load before on_train_begin, resume or begin behind it, after_epoch
-- when an epoch is in the history, after_batch when all have heard of a batch, finish when training is over. The file
-- is written whole or not at all, so a kill leaves the state before or the one after. What is in it: weights,
-- optimizer, generator, the place in the data, history, logs, the states of the other callbacks, and within an epoch
-- those of the metrics. What scripts draw from math.random, or keep in locals, is not.
local _, core, import = ...
local errors = import "errors"
local callback = import "callback"
local plain = import "plain"
import "callbacks_save"

local VERSION = "1"
local FILE = "backup.safetensors"

local function path_of(self) return self.folder .. "/" .. FILE end

-- The other callbacks of the fit.
local function others(self, fit)
  local list = {}
  for _, object in ipairs(fit.callbacks) do
    if object ~= self then list[#list + 1] = object end
  end
  return list
end

-- What a callback is called, where it has a class.
local function class_of(object)
  return type(object.class_name) == "string" and object.class_name or "table"
end

local function weights_of(model)
  local list = {}
  for i, weight in ipairs(model:all_weights()) do list[i] = weight.tensor end
  return list
end

local function states_of(objects)
  local states = {}
  for i, object in ipairs(objects) do states[i] = {class = class_of(object), state = plain.of(object)} end
  return states
end

local function history_of(history)
  local lists = {}
  for name, values in pairs(history.history) do lists[name] = plain.part(values) end
  return {lists = lists, names = history.names, epoch = history.epoch}
end

-- Writes the state of a run that has epoch epochs behind it, and of the next what `within` says.
local function write(self, fit, epoch, logs, within)
  local model = fit.model
  self.batches = 0
  local bytes, names, tensors = plain.encode{epoch = epoch, logs = plain.part(logs), within = within or false,
    stop = model.stop_training or false, weights = weights_of(model), optimizer = plain.of(model.optimizer),
    generator = {core.generator()}, draws = model:draws(), place = fit.source:place(),
    history = history_of(model.history),
    metrics = within and states_of(model.metrics) or {}, callbacks = states_of(others(self, fit)),
    library = {core.library()}}
  names[#names + 1], tensors[#tensors + 1] = "state", plain.tensor(bytes)
  core.save_tensors(self.class_name, path_of(self), names, tensors, {"nnlua", "backup", "version", VERSION})
  core.release(tensors[#tensors])
end

local function damaged(self, what)
  errors.fail("%s: %s %s; remove it to begin anew", self.class_name, path_of(self), what)
end

-- Weights of the model and of the backup must be of the same shapes.
local function check_weights(self, model, saved)
  local weights = model:all_weights()
  if #weights ~= #saved then
    damaged(self, ("is of another model: it has %d weights, this one %d"):format(#saved, #weights))
  end
  for i, weight in ipairs(weights) do
    local shape, wanted = errors.shape(saved[i].shape), errors.shape(weight.tensor.shape)
    if shape ~= wanted then
      damaged(self, ('is of another model: weight %d ("%s") has shape %s there, here %s'):format(i, weight.name, shape,
        wanted))
    end
  end
end

-- Gives the states back to objects of the same classes.
local function put_states(self, objects, saved)
  for i, object in ipairs(objects) do
    if saved[i] and saved[i].class == class_of(object) then
      plain.put(object, saved[i].state)
    else
      errors.warn("%s: %s has no state in the backup and begins anew", self.class_name, class_of(object))
    end
  end
end

local function put_history(history, saved)
  for name, list in pairs(saved.lists) do history.history[name] = list end
  table.move(saved.names, 1, #saved.names, 1, history.names)
  table.move(saved.epoch, 1, #saved.epoch, 1, history.epoch)
end

-- Other kernels round otherwise: the run goes on, but not to the same bits.
local function check_library(self, saved)
  local kernels, blas = core.library()
  if saved[1] == kernels and saved[2] == blas then return end
  errors.warn("%s: the backup was made with %s and %s, this is %s and %s: the last bits may differ", self.class_name,
    saved[1], saved[2], kernels, blas)
end

callback.class{class_name = "BackupAndRestore", name = "backup_and_restore", positional = 1,
  help = "goes on where a run that was killed had got to, to the same bits",
  options = {
    {name = "backup_dir", kind = "text", optional = true, help = "a folder for the backup, made if it is not there"},
    {name = "dir", kind = "text", optional = true, help = "the same"}, callback.SAVE_FREQ,
    {name = "delete_checkpoint", kind = "flag", default = true, help = "remove the backup when training is over"}},

  backs_up = true,

  init = function(self, config)
    callback.check_save_freq(self)
    self.folder, self.batches = config.backup_dir or config.dir, 0
    if not self.folder or self.folder == "" then errors.fail("BackupAndRestore: backup_dir is missing") end
  end,

  -- The state to go on from, or nil. params.resumed tells the others, how many epochs are behind.
  load = function(self, fit)
    if not io then errors.fail("BackupAndRestore: files cannot be written in this interpreter") end
    core.make_folders(self.class_name, self.folder)
    self.batches = 0
    local file = io.open(path_of(self), "rb")
    if not file then return nil end
    file:close()
    local names, tensors, metadata = core.load_tensors(self.class_name, path_of(self))
    local by_name = {}
    for i, name in ipairs(names) do by_name[name] = tensors[i] end
    if metadata.nnlua ~= "backup" or not by_name.state then damaged(self, "is no backup") end
    if metadata.version ~= VERSION then damaged(self, "is of another version of nnlua") end
    local saved = plain.decode(by_name.state:tostring_bytes(), by_name)
    if not saved then damaged(self, "is damaged") end
    check_weights(self, fit.model, saved.weights)
    check_library(self, saved.library)
    fit.params.resumed = saved.epoch
    return saved
  end,

  -- Puts the run where it was: the next epoch, the logs of the last, and what of the next is done already (or nil).
  resume = function(self, fit, saved)
    local model = fit.model
    model:set_weights(saved.weights)
    plain.put(model.optimizer, saved.optimizer, fit.plan.parameters)
    put_history(model.history, saved.history)
    put_states(self, others(self, fit), saved.callbacks)
    if saved.within then put_states(self, model.metrics, saved.metrics) end
    if saved.within or fit.options.steps_per_epoch then fit.source:resume(saved.place) end
    model.stop_training = saved.stop
    core.generator(saved.generator[1], saved.generator[2])
    model:draws(saved.draws)
    return saved.epoch + 1, saved.logs, saved.within or nil
  end,

  -- A run that is killed before its first epoch is over begins again with what callbacks had then.
  begin = function(self, fit) write(self, fit, fit.options.initial_epoch or 0, fit.logs) end,

  after_epoch = function(self, fit, epoch, logs)
    if self.config.save_freq == "epoch" then write(self, fit, epoch, logs) end
  end,

  -- within: what the epoch has come to, {batch =, sum =, rows =}. An epoch that is about to end is not kept.
  after_batch = function(self, fit, epoch, within)
    if self.config.save_freq == "epoch" or fit.model.stop_training then return end
    self.batches = self.batches + 1
    if self.batches >= self.config.save_freq then write(self, fit, epoch - 1, fit.logs, within) end
  end,

  finish = function(self)
    if not self.config.delete_checkpoint then return end
    os.remove(path_of(self))
    os.remove(self.folder)  -- fails, as it should, where there is something else in it
  end}
