-- What a callback is: a table with some of the methods of events, called by fit, evaluate and predict at each epoch and
-- batch. self.model and self.params are set before. Epochs and batches count from 1.
local _, _, import = ...
local class = import "class"
local errors = import "errors"
local family = import "family"
local options = import "options"

local callback = {family = family.new("callback", {call = false,
  files = {"callbacks_monitor", "callbacks_log", "callbacks_save", "callbacks_backup"}})}

-- Methods get (self, logs), (self, epoch, logs) or (self, batch, logs).
callback.events = {"on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin",
  "on_train_batch_end", "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end", "on_predict_begin",
  "on_predict_end", "on_predict_batch_begin", "on_predict_batch_end"}

-- A base to extend: local Printer = nn.callbacks.Callback:extend("Printer", {every = 10}); Printer{every = 2}.
local Callback = {class_name = "Callback", name = "callback", help = "the base of callbacks; does nothing"}

function Callback:extend(name, declared)
  if type(name) ~= "string" then errors.fail("extend: the name of the class is expected; got %s", errors.show(name)) end
  return callback.family:class({class_name = name, name = name, hidden = true,
    options = options.rows("extend", declared or {}),
    init = function(object, config)
      for key, value in pairs(config) do object[key] = value end
    end}, self)
end

callback.family:class(Callback)
class.methods("nn.callbacks.Callback", Callback, {"extend"})

-- A line for the user, where there is somewhere to write it.
function callback.say(format, ...)
  if io then io.write(format:format(...), "\n") end
end

-- Gives the optimizer of the model another rate; a schedule would not let it stand.
function callback.set_rate(self, rate)
  local optimizer = self.model.optimizer
  if optimizer.schedule then
    errors.fail("%s: the learning rate is a schedule; give the optimizer a number", self.class_name)
  end
  optimizer.learning_rate = rate
end

function callback.class(definition)
  return callback.family:class(definition, Callback)
end

return callback
