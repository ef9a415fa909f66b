-- nn.schedules: learning rates that depend on the number of updates made so far. s(step) -> rate, steps from 0.
-- Formulas and defaults are Keras's.
local _, _, import = ...
local errors = import "errors"
local family = import "family"

local schedules = family.new("learning_rate", {check = function(call, step)
  if type(step) == "number" then return step end
  errors.fail("%s: the number of updates made is expected; got %s", call, errors.show(step))
end})

local function number(name, help, default)
  return {name = name, kind = "number", help = help, default = default, required = default == nil}
end

local INITIAL = number("initial_learning_rate", "the rate at step 0")
local STEPS = {name = "decay_steps", kind = "number", required = true, min = 1, help = "D, in updates"}
local RATE = number("decay_rate", "r, the factor for decay_steps steps")
local STAIRCASE = {name = "staircase", kind = "flag", default = false, help = "t / D rounded down"}

local function periods(c, step)
  local t = step / c.decay_steps
  return c.staircase and math.floor(t) or t
end

schedules:class{class_name = "ExponentialDecay", name = "exponential_decay", positional = 3,
  help = "rate * r ^ (t / D)",
  options = {INITIAL, STEPS, RATE, STAIRCASE},
  __call = function(self, step)
    local c = self.config
    return c.initial_learning_rate * c.decay_rate ^ periods(c, step)
  end}

schedules:class{class_name = "InverseTimeDecay", name = "inverse_time_decay", positional = 3,
  help = "rate / (1 + r t / D)",
  options = {INITIAL, STEPS, RATE, STAIRCASE},
  __call = function(self, step)
    local c = self.config
    return c.initial_learning_rate / (1 + c.decay_rate * periods(c, step))
  end}

schedules:class{class_name = "PiecewiseConstantDecay", name = "piecewise_constant_decay", positional = 2,
  help = "values[i] while the step is at most boundaries[i], then the last value",
  options = {{name = "boundaries", kind = "numbers", required = true, help = "ascending steps, included"},
    {name = "values", kind = "numbers", required = true, help = "one more than boundaries"}},
  init = function(_, c)
    if #c.values ~= #c.boundaries + 1 then
      errors.fail("PiecewiseConstantDecay: values must be one more than boundaries; got %d and %d", #c.values,
        #c.boundaries)
    end
  end,
  __call = function(self, step)
    local c = self.config
    for i, boundary in ipairs(c.boundaries) do
      if step <= boundary then return c.values[i] end
    end
    return c.values[#c.values]
  end}

schedules:class{class_name = "PolynomialDecay", name = "polynomial_decay", positional = 2,
  help = "(rate - end) (1 - min(t, D) / D) ^ power + end",
  options = {INITIAL, STEPS, number("end_learning_rate", "the rate from decay_steps on", 1e-4),
    number("power", "1: a straight line", 1),
    {name = "cycle", kind = "flag", default = false, help = "begin anew, over as many steps more, when D is reached"}},
  __call = function(self, step)
    local c = self.config
    local span = c.decay_steps
    if c.cycle then
      span = span * math.max(1, math.ceil(step / span))
    else
      step = math.min(step, span)
    end
    return (c.initial_learning_rate - c.end_learning_rate) * (1 - step / span) ^ c.power + c.end_learning_rate
  end}

schedules:class{class_name = "CosineDecay", name = "cosine_decay", positional = 2,
  help = "rate ((1 - alpha) (1 + cos(pi t / D)) / 2 + alpha), after a linear warmup to warmup_target",
  options = {INITIAL, STEPS, number("alpha", "the part of the rate that is left at the end", 0),
    {name = "warmup_target", kind = "number", optional = true, help = "the rate at the end of the warmup"},
    {name = "warmup_steps", kind = "number", default = 0, min = 0, help = "updates of warmup before the decay"}},
  __call = function(self, step)
    local c = self.config
    local top = c.initial_learning_rate
    if c.warmup_target then
      if step < c.warmup_steps then return top + (c.warmup_target - top) * step / c.warmup_steps end
      top, step = c.warmup_target, step - c.warmup_steps
    end
    local t = math.min(step, c.decay_steps) / c.decay_steps
    return top * ((1 - c.alpha) * 0.5 * (1 + math.cos(math.pi * t)) + c.alpha)
  end}

-- Restart i covers D t_mul^i steps: f = t / D is in restart i = floor(log_t_mul(1 - f (1 - t_mul))), at the fraction
-- (f - (1 - t_mul^i) / (1 - t_mul)) / t_mul^i of it.
schedules:class{class_name = "CosineDecayRestarts", name = "cosine_decay_restarts", positional = 2,
  help = "cosine decay, begun anew with periods t_mul times as long and rates m_mul times as high",
  options = {INITIAL, {name = "first_decay_steps", kind = "number", required = true, min = 1, help = "D of the first"},
    number("t_mul", "each period to the one before", 2), number("m_mul", "each first rate to the one before", 1),
    number("alpha", "the part of the rate that is left at the end", 0)},
  __call = function(self, step)
    local c = self.config
    local fraction, restart = step / c.first_decay_steps
    if c.t_mul == 1 then
      restart = math.floor(fraction)
      fraction = fraction - restart
    else
      restart = math.floor(math.log(1 - fraction * (1 - c.t_mul)) / math.log(c.t_mul))
      local begun = (1 - c.t_mul ^ restart) / (1 - c.t_mul)
      fraction = (fraction - begun) / c.t_mul ^ restart
    end
    local cosine = 0.5 * c.m_mul ^ restart * (1 + math.cos(math.pi * fraction))
    return c.initial_learning_rate * ((1 - c.alpha) * cosine + c.alpha)
  end}

return schedules.public
