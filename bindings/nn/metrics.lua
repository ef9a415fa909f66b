-- nn.metrics: classes by name, and get(spec, loss) for compile: "accuracy" becomes the accuracy that fits the loss and
-- the shapes, a function f(y_true, y_pred) its mean over the samples.
local nn, core, import = ...
local errors = import "errors"
local family = import "family"
local given = import "given"
local losses = import "losses"
local metric = import "metric"

local metrics = metric.family
local public = metrics.public

-- By the loss where it tells, else by the shapes.
local function accuracy_for(loss, y_true, y_pred)
  if type(loss) == "table" and loss.sparse then return public.SparseCategoricalAccuracy{} end
  if loss and loss.behind == "sigmoid" then
    return public.BinaryAccuracy{threshold = loss.from_logits and 0 or 0.5}
  end
  if loss and (loss.class_name == "Hinge" or loss.class_name == "SquaredHinge") then
    local signs = public.BinaryAccuracy{threshold = 0}
    signs.signs = true
    return signs
  end
  local one_unit = y_pred.ndim < 2 or y_pred:size(-1) == 1
  if loss and loss.behind == "softmax" and not one_unit then return public.CategoricalAccuracy{} end
  if one_unit then return public.BinaryAccuracy{} end
  if y_true.ndim < y_pred.ndim or y_true:size(-1) == 1 then return public.SparseCategoricalAccuracy{} end
  return public.CategoricalAccuracy{}
end

local function crossentropy_for(loss, y_true, y_pred)
  local from_logits = loss and loss.from_logits or false
  local one_unit = y_pred.ndim < 2 or y_pred:size(-1) == 1
  if one_unit or loss and loss.behind == "sigmoid" then
    return public.BinaryCrossentropy{from_logits = from_logits}
  end
  local sparse = y_true.ndim < y_pred.ndim or y_true:size(-1) == 1
  return public[sparse and "SparseCategoricalCrossentropy" or "CategoricalCrossentropy"]{from_logits = from_logits}
end

local CHOICES = {accuracy = accuracy_for, acc = accuracy_for, crossentropy = crossentropy_for, ce = crossentropy_for}

-- A metric that is decided at the first batch. .metric: what it became.
local Chosen = {hidden = true, class_name = "Chosen", name = "chosen", options = {metric.NAME}}

function Chosen.init() end

function Chosen:update_state(y_true, y_pred, weight)
  local chosen = self.metric
  if not chosen then
    chosen = self.choose(self.loss, given.tensor("update_state", "y_true", y_true),
      given.tensor("update_state", "y_pred", y_pred))
    chosen.ignored, self.metric = self.ignored, chosen
  end
  return chosen:update_state(y_true, y_pred, weight)
end

function Chosen:result()
  return self.metric and self.metric:result() or 0
end

function Chosen:reset_state()
  if self.metric then self.metric:reset_state() end
end

-- What it became, and the state of that.
function Chosen:get_state()
  local chosen = self.metric
  if not chosen then return {} end
  return {class = chosen.class_name, config = chosen:get_config(), state = import "plain".of(chosen)}
end

function Chosen:set_state(state)
  if not state.class then return end
  self.metric = metrics:named(state.class)(state.config)
  import "plain".put(self.metric, state.state)
end

function Chosen:get_config()
  return {name = self.name}
end

metrics:class(Chosen)

-- A user's function: a value for each sample, or one for the batch, which then counts as often as it has samples.
local Function = {hidden = true, class_name = "Function", name = "function", options = {metric.NAME}}

function Function:update_state(y_true, y_pred, weight)
  y_true = given.tensor("update_state", "y_true", y_true)
  y_pred = given.tensor("update_state", "y_pred", y_pred)
  weight = given.weight("update_state", weight)
  local values = nn.no_grad(self.call, family.like(y_true, y_pred), y_pred)
  if type(values) == "number" then values = nn.tensor(values) end
  if not core.is_tensor(values) then
    errors.fail("metrics: the function must give a tensor or a number; got %s", type(values))
  end
  if values.ndim == 0 then
    local n = y_pred.ndim > 0 and y_pred:size(1) or 1
    self.total, self.count = self.total + values:item() * n, self.count + n
  else
    nn.no_grad(nn.scope, self.add, self, values, weight)
  end
end

metrics:class(Function, metric.Mean)

-- A function of nn.losses is the metric of that name.
local function from_function(f)
  local of_losses = losses.class_of(f)
  if of_losses then return metrics:named(of_losses.name){} end
  local object = Function()
  object.call = f
  return object
end

-- spec: a name, an object, a class, {class_name =, config =}, f(y_true, y_pred), or a table with the same methods.
-- loss: the model's, by which "accuracy" is decided.
local function find(spec, loss)
  local meta = type(spec) == "table" and getmetatable(spec)
  if type(spec) == "function" then return from_function(spec) end
  if type(spec) == "table" and (not meta or meta.family ~= metrics) and spec.update_state and spec.result then
    spec.name = spec.name or "metric"
    return spec
  end
  if type(spec) ~= "string" then return metrics:get(spec) end
  local choose = CHOICES[spec:lower()]
  local object = choose and Chosen() or metrics:get(spec)
  if choose then
    object.choose, object.loss = choose, loss
    object.direction = choose == accuracy_for and "max" or "min"
  end
  -- the key in history is what was written: "mse"; the name of a class becomes its key
  if not spec:find "%u" then object.name = spec elseif choose then object.name = spec:lower() end
  return object
end

-- A label that the loss leaves out is no wrong label for its metrics.
function public.get(spec, loss)
  if type(loss) ~= "table" then loss = nil end
  local object = find(spec, loss)
  if loss and loss.sparse then object.ignored = loss.config.ignore_class end
  return object
end

return public
