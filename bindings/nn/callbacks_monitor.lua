-- Callbacks that watch one number of the logs, epoch by epoch: EarlyStopping and ReduceLROnPlateau. Keras's rules, with
-- epochs from 1.
local _, _, import = ...
local errors = import "errors"
local callback = import "callback"
local monitor = import "monitor"

local MONITOR, MODE = monitor.MONITOR, monitor.MODE
local PATIENCE = {name = "patience", kind = "integer", min = 0, help = "epochs without improvement that are waited"}
local VERBOSE = {name = "verbose", kind = "integer", default = 0, help = "1: a line when something is done"}

local function option(base, default)
  return setmetatable({default = default}, {__index = base})
end

local function number(name, default, help)
  return {name = name, kind = "number", default = default, min = 0, help = help}
end

local function better(self, value, best)
  local delta = math.abs(self.config.min_delta)
  if self.direction == "min" then return value < best - delta end
  return value > best + delta
end

callback.class{class_name = "EarlyStopping", name = "early_stopping",
  help = "stops when the monitored number no longer improves",
  options = {MONITOR, number("min_delta", 0, "the least change that counts"), option(PATIENCE, 0), VERBOSE, MODE,
    {name = "baseline", kind = "number", optional = true, help = "what has to be beaten as well"},
    {name = "restore_best_weights", kind = "flag", default = false, help = "at the end of training, stopped or not"},
    {name = "start_from_epoch", kind = "integer", default = 0, min = 0, help = "epochs before anything is watched"}},

  on_train_begin = function(self)
    self.direction = monitor.direction(self)
    self.best, self.wait, self.stopped_epoch, self.best_epoch = monitor.worst(self), 0, 0, 0
    self.best_weights, self.warned = nil, false
  end,

  on_epoch_end = function(self, epoch, logs)
    local c, value = self.config, monitor.current(self, logs)
    if value == nil or epoch <= c.start_from_epoch then return end
    if c.restore_best_weights and not self.best_weights then
      self.best_weights, self.best_epoch = self.model:get_weights(), epoch
    end
    self.wait = self.wait + 1
    if better(self, value, self.best) then
      self.best, self.best_epoch = value, epoch
      if c.restore_best_weights then self.best_weights = self.model:get_weights() end
      if c.baseline == nil or better(self, value, c.baseline) then self.wait = 0 end
    elseif self.wait >= c.patience and epoch > 1 then
      self.stopped_epoch = epoch
      self.model.stop_training = true
    end
  end,

  on_train_end = function(self)
    local verbose = self.config.verbose > 0
    if self.stopped_epoch > 0 and verbose then
      callback.say("Epoch %d: early stopping", self.stopped_epoch)
    end
    if self.best_weights then
      if verbose then
        callback.say("Restoring model weights from the end of the best epoch: %d.", self.best_epoch)
      end
      self.model:set_weights(self.best_weights)
    end
  end}

callback.class{class_name = "ReduceLROnPlateau", name = "reduce_lr_on_plateau",
  help = "lowers the learning rate when the monitored number no longer improves",
  options = {MONITOR, {name = "factor", kind = "number", default = 0.1, min = 0, max = 1, help = "new rate to old"},
    option(PATIENCE, 10), VERBOSE, MODE, number("min_delta", 1e-4, "the least change that counts"),
    {name = "cooldown", kind = "integer", default = 0, min = 0, help = "epochs after a change without watching"},
    number("min_lr", 0, "the lowest rate")},

  init = function(self, config)
    if config.factor >= 1 then errors.fail("ReduceLROnPlateau: factor must be less than 1; got %g", config.factor) end
    self.cooling = 0
  end,

  on_train_begin = function(self)
    self.direction = monitor.direction(self)
    self.best, self.wait, self.cooling, self.warned = monitor.worst(self), 0, 0, false
  end,

  reduce = function(self, epoch)
    local c, optimizer = self.config, self.model.optimizer
    local rate = optimizer:current_learning_rate()
    if rate <= c.min_lr then return end
    callback.set_rate(self, math.max(rate * c.factor, c.min_lr))
    if c.verbose > 0 then
      callback.say("Epoch %d: ReduceLROnPlateau reducing learning rate to %.14g.", epoch, optimizer.learning_rate)
    end
    self.cooling, self.wait = c.cooldown, 0
  end,

  on_epoch_end = function(self, epoch, logs)
    local value = monitor.current(self, logs)
    if logs then logs.learning_rate = self.model.optimizer:current_learning_rate() end
    if value == nil then return end
    if self.cooling > 0 then
      self.cooling, self.wait = self.cooling - 1, 0
    end
    if better(self, value, self.best) then
      self.best, self.wait = value, 0
    elseif self.cooling <= 0 then
      self.wait = self.wait + 1
      if self.wait >= self.config.patience then self:reduce(epoch) end
    end
  end}
