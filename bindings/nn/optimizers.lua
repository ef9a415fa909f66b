-- nn.optimizers: the rows of the optimizer table as classes. The update, clipping and averaging are one call into C;
-- what is added here is the learning rate, a number or a schedule, and Keras's ways to make a step.
local _, core, import = ...
local errors = import "errors"
local family = import "family"

local NAME = {name = "name", kind = "text", optional = true, help = "shown in files"}

local Optimizer = {settable = {"learning_rate", "iterations"}}

-- step(parameters[, grads]): one update. Without grads each parameter's .grad is used, and cleared.
function Optimizer:step(parameters, grads)
  if type(parameters) ~= "table" then
    errors.fail("step: parameters must be a list of tensors; got %s", errors.show(parameters))
  end
  if grads ~= nil and type(grads) ~= "table" then
    errors.fail("step: the gradients must be a list of tensors; got %s", errors.show(grads))
  end
  local schedule = self.schedule
  if schedule then
    local iterations = core.optimizer_get(self.handle)
    core.optimizer_set(self.handle, {learning_rate = schedule(iterations)})
  end
  core.optimizer_step(self.handle, parameters, grads)
end

-- apply_gradients{{grad, parameter}, ...}, as in Keras.
function Optimizer:apply_gradients(pairs_of)
  local grads, parameters = {}, {}
  if type(pairs_of) ~= "table" then
    errors.fail("apply_gradients: a list of pairs {gradient, parameter} is expected; got %s", errors.show(pairs_of))
  end
  for i, pair in ipairs(pairs_of) do
    if type(pair) ~= "table" or pair[2] == nil then
      errors.fail("apply_gradients: pairs {gradient, parameter} are expected; element %d is not one", i)
    end
    grads[i], parameters[i] = pair[1], pair[2]
  end
  self:step(parameters, grads)
end

-- At the end of training: with use_ema the parameters take their averages.
function Optimizer:finish()
  core.optimizer_finish(self.handle)
end

-- What a run that goes on later needs: the numbers, and the state tensors themselves.
function Optimizer:get_state()
  local iterations, rate, _, accumulated = core.optimizer_get(self.handle)
  return {iterations = iterations, learning_rate = rate, accumulated = accumulated,
    tensors = core.optimizer_state(self.handle)}
end

-- parameters: those that the tensors are for, in the same order.
function Optimizer:set_state(state, parameters)
  if #state.tensors > 0 then core.optimizer_restore(self.handle, parameters, state.tensors) end
  if not self.schedule then self.learning_rate = state.learning_rate end
  core.optimizer_set(self.handle, state)
end

function Optimizer:get_config()
  local config = family.plain(self.config)
  config.learning_rate = family.plain(self.learning_rate)
  return config
end

local readers = {}

-- With a schedule: the schedule itself, as in Keras. current_learning_rate is always a number.
function readers.learning_rate(self)
  return self.schedule or self:current_learning_rate()
end

function readers.iterations(self)
  return (core.optimizer_get(self.handle))
end

function Optimizer:current_learning_rate()
  local iterations, rate = core.optimizer_get(self.handle)
  return self.schedule and self.schedule(iterations) or rate
end

function Optimizer:__index(key)
  local member = getmetatable(self)[key]
  if member ~= nil then return member end
  local read = readers[key]
  return read and read(self)
end

local function is_schedule(value)
  return type(value) == "function" or type(value) == "table" and (value.class_name or getmetatable(value)) and true
end

function Optimizer:__newindex(key, value)
  if key == "learning_rate" then
    if is_schedule(value) then
      rawset(self, "schedule", import("schedules").get(value))
    elseif type(value) == "number" and value >= 0 then
      rawset(self, "schedule", false)
      core.optimizer_set(self.handle, {learning_rate = value})
    else
      errors.fail("learning_rate must be a number >= 0 or a schedule; got %s", errors.show(value))
    end
    self.config.learning_rate = value
  elseif key == "iterations" then
    core.optimizer_set(self.handle, {iterations = value})
  else
    family.refuse_field(self, key, Optimizer.settable)
  end
end

function Optimizer:init()
  rawset(self, "handle", core.optimizer(self.row_index, self.values))
  rawset(self, "schedule", false)
end

-- The arguments without a schedule, which the parser of options does not know, and the schedule.
local function without_schedule(first, ...)
  if type(first) ~= "table" or getmetatable(first) or first.class_name then
    if not is_schedule(first) then return nil, first, ... end
    return first, ...
  end
  if not is_schedule(first.learning_rate) then return nil, first, ... end
  local options = {}
  for name, value in pairs(first) do options[name] = value end
  options.learning_rate = nil
  return first.learning_rate, options
end

local optimizers = family.new("optimizer", {call = false, files = {"optimizer_lbfgs"},
  methods = {"step", "apply_gradients", "minimize", "get_config", "current_learning_rate", "finish"}})
optimizers:rows("optimizer", Optimizer, {NAME}, function() return {positional = 1} end)

-- Adam{...}, Adam(rate[, {...}]): the rate may be a schedule.
for _, class in ipairs(optimizers.classes) do
  local meta = getmetatable(class)
  local construct = meta.__call
  local function finish(self, schedule, ...)
    local object = construct(self, ...)
    if schedule then object.learning_rate = schedule end
    return object
  end
  -- in parentheses, since errors look at this call
  meta.__call = function(self, ...) return (finish(self, without_schedule(...))) end
end

return optimizers.public
