-- ModelCheckpoint: the weights in a file at each epoch, or after so many batches; Keras's rules and sentences.
local _, core, import = ...
local errors = import "errors"
local callback = import "callback"
local monitor = import "monitor"

-- A number as Python's format has it without a specification: no more digits than needed, and 1.0 for a float.
local function plain_text(value)
  if math.type(value) ~= "float" then return tostring(value) end
  local text = ("%.15g"):format(value)
  if tonumber(text) ~= value then text = ("%.17g"):format(value) end
  return text:find "^-?%d+$" and text .. ".0" or text
end

-- {name:spec} of a file name. Specifications are those of C that Python shares: 02d, .3f, 8.2e, g.
local function field(self, values, name, spec)
  local value = values[name]
  if type(value) ~= "number" then
    errors.fail("ModelCheckpoint: filepath %s names %s; there are epoch, %s", self.config.filepath, name,
      monitor.keys(values.logs))
  end
  local text = plain_text(value)
  if spec ~= "" then
    local kind = spec:match "^:[-+ 0]*%d*%.?%d*([defgs]?)$"
    if not kind or #spec > 12 then
      errors.fail("ModelCheckpoint: filepath %s: {%s%s} is no format such as {epoch:02d} or {val_loss:.3f}",
        self.config.filepath, name, spec)
    end
    if kind == "d" and not math.tointeger(value) then
      errors.fail("ModelCheckpoint: filepath %s: {%s%s} is for whole numbers; got %g", self.config.filepath, name, spec,
        value)
    end
    if kind == "d" then value = math.tointeger(value) end
    text = ("%" .. spec:sub(2) .. (kind == "" and "g" or "")):format(value)
  end
  -- a point in any locale
  return (text:gsub("[^%w+ -]+", "."))
end

-- The file for now. Epochs and batches count from 1.
local function path_for(self, epoch, batch, logs)
  local values = setmetatable({epoch = epoch, batch = batch, logs = logs}, {__index = logs})
  return (self.config.filepath:gsub("{([%w_]+)(:?[^{}]*)}", function(name, spec)
    return field(self, values, name, spec)
  end))
end

local function better(self, value)
  if self.direction == "min" then return value < self.best end
  return value > self.best
end

-- Whether it is to be saved now, and what to say of it.
local function decide(self, epoch, path, logs)
  local c = self.config
  if not c.save_best_only then return true, ("Epoch %d: saving model to %s"):format(epoch, path) end
  local value = monitor.current(self, logs)
  if value == nil then return false end
  if not better(self, value) then
    return false, ("Epoch %d: %s did not improve from %.5f"):format(epoch, c.monitor, self.best)
  end
  local before = self.best
  self.best = value
  return true, ("Epoch %d: %s improved from %.5f to %.5f, saving model to %s"):format(epoch, c.monitor, before, value,
    path)
end

local function save(self, epoch, batch, logs)
  local path = path_for(self, epoch, batch, logs or {})
  local wanted, text = decide(self, epoch, path, logs or {})
  if text and self.config.verbose > 0 then callback.say("%s", text) end
  if not wanted then return end
  local folder = path:match "^(.*)/[^/]*$"
  if folder and folder ~= "" then core.make_folders("ModelCheckpoint", folder) end
  self.model:save_weights(path)
end

-- The value of save_freq: "epoch", or a number of batches.
local function check_save_freq(self)
  local freq = self.config.save_freq
  if freq == "epoch" or type(freq) == "number" and math.tointeger(freq) and freq >= 1 then return end
  errors.fail('%s: save_freq must be "epoch" or a number of batches >= 1; got %s', self.class_name, errors.show(freq))
end

callback.SAVE_FREQ = {name = "save_freq", kind = "any", default = "epoch", help = '"epoch", or a number of batches'}
callback.check_save_freq = check_save_freq

callback.class{class_name = "ModelCheckpoint", name = "model_checkpoint", positional = 1,
  help = "the weights in a file at each epoch, or only when the monitored number is better than ever",
  options = {
    {name = "filepath", kind = "text", required = true, help = "such as w-{epoch:02d}-{val_loss:.3f}.safetensors"},
    monitor.MONITOR, {name = "verbose", kind = "integer", default = 0, help = "1: a line at each saving"},
    {name = "save_best_only", kind = "flag", default = false, help = "only when it is better than ever"},
    {name = "save_weights_only", kind = "flag", default = false, help = "the weights, not the whole model"},
    monitor.MODE, callback.SAVE_FREQ,
    {name = "initial_value_threshold", kind = "number", optional = true, help = "what the first must be better than"}},

  init = function(self, config)
    check_save_freq(self)
    if not config.save_weights_only then
      errors.fail("ModelCheckpoint: whole models cannot be saved yet; say save_weights_only = true")
    end
    if not config.filepath:lower():find "%.safetensors$" then
      errors.fail("ModelCheckpoint: weights are kept in .safetensors files; got %s", config.filepath)
    end
  end,

  on_train_begin = function(self)
    local c = self.config
    if c.save_best_only then
      self.direction = monitor.direction(self)
      self.best = self.best or c.initial_value_threshold or monitor.worst(self)
    end
    self.epoch, self.batches, self.warned = 1, 0, false
  end,

  on_epoch_begin = function(self, epoch) self.epoch = epoch end,

  on_train_batch_end = function(self, batch, logs)
    if self.config.save_freq == "epoch" then return end
    self.batches = self.batches + 1
    if self.batches < self.config.save_freq then return end
    self.batches = 0
    save(self, self.epoch, batch, logs)
  end,

  on_epoch_end = function(self, epoch, logs)
    if self.config.save_freq == "epoch" then save(self, epoch, nil, logs) end
  end}
