-- What one batch goes through: forward, loss, gradients, update, metrics. A plan holds all that a step needs, looked up
-- once per fit, so that a step is a handful of crossings into C and makes no tables.

local nn, core, import = ...
local forward = import "forward"

local Plan = {}
Plan.__index = Plan

-- How the model ends, if in a sigmoid or softmax of its own: the name, and whether the last layer is nothing else.
function Plan.ending(layers)
  local last = layers[#layers]
  if not last.direct or last.activity_regularizer then return end
  if last.class_name == "Softmax" and last.axis == -1 then return "softmax", true end
  return core.layer_ends_in(last.handle), false
end

-- Where the loss stands behind its own activation it is computed from the logits: the same number to float precision,
-- without the clipping and its dead zone. Users see the activation's output everywhere else.
local function fuse(plan)
  local loss = plan.loss
  if not loss.behind or loss.from_logits then return end
  local name, alone = Plan.ending(plan.layers)
  if name ~= loss.behind then return end
  plan.loss = loss:with_logits()
  plan.logits = not alone
  plan.count = alone and plan.count - 1 or plan.count
  plan.activation = import "activations".get(name).handle
end

-- Whether all that is given tensors in a step is ours, and so keeps none of them: then the step may close them.
local function all_ours(plan)
  local function ours(object) return object.family ~= nil and object.class_name ~= "Function" end
  local all = ours(plan.loss)
  for _, metric in ipairs(plan.metrics) do all = all and ours(metric) end
  for _, weight in ipairs(plan.regularized or {}) do all = all and ours(weight.regularizer) end
  for _, layer in ipairs(plan.layers) do
    all = all and (not layer.activity_regularizer or ours(layer.activity_regularizer))
  end
  return all
end

-- The weights that have a regularizer, or a constraint and are trained; nil: none, so that a step skips them.
local function with_penalty(weights, field)
  local list = {}
  for _, weight in ipairs(weights) do
    if weight[field] and not (field == "constraint" and weight.frozen) then list[#list + 1] = weight end
  end
  return #list > 0 and list or nil
end

-- Whether a layer has a penalty on its output.
local function any_activity(layers)
  for _, layer in ipairs(layers) do
    if layer.activity_regularizer then return true end
  end
  return false
end

-- The handles of layers that are one crossing into C together: all built in, and nothing between them that Lua has to
-- see to; nil where that is not so.
local function handles_of(layers, count)
  local handles = {}
  for i = 1, count do
    local layer = layers[i]
    if not layer.direct or not layer.built or layer.rests or layer.makes_mask or layer.activity_regularizer then
      return nil
    end
    handles[i] = layer.handle
  end
  return count > 0 and handles or nil
end

-- The plan of a model that is built and compiled.
function Plan.new(model)
  local layers = model.layers
  local plan = setmetatable({model = model, layers = layers, count = #layers, logits = false, loss = model.loss,
    optimizer = model.optimizer, metrics = model.metrics, weighted = model.weighted}, Plan)
  plan.parameters = model:parameters()
  local weights = model:all_weights()
  plan.regularized, plan.constrained = with_penalty(weights, "regularizer"), with_penalty(weights, "constraint")
  plan.activity, plan.minimizes = any_activity(layers), model.optimizer.minimize ~= nil
  plan.closes, plan.closes_x = all_ours(plan), layers[1].direct
  fuse(plan)
  plan.handles = handles_of(layers, plan.count)
  plan.steps_alone = rawget(model.optimizer, "handle")
  -- the loss and its gradients are one crossing where nothing is added to it
  plan.at_once = plan.loss.row_index and plan.loss.reduction ~= "none" and not plan.regularized and not plan.activity
  plan.row, plan.values, plan.reduction = plan.loss.row_index, plan.loss.values, plan.loss.reduction
  return plan
end

-- Gradients of the model's parameters that somebody left there are not ours to add to.
function Plan:clear()
  for _, parameter in ipairs(self.parameters) do parameter:zero_grad() end
end

-- loss + penalty; what was added is closed where nobody can have kept it.
local function add(plan, loss, penalty)
  local sum = loss + penalty
  if plan.closes then core.release(loss, penalty) end
  return sum
end

-- The loss of a batch as a tensor of rank 0, penalties included.
local function loss_of(plan, y, out, weight, penalties)
  local loss
  if plan.row then
    loss = core.loss(plan.row, plan.values, y, out, weight, plan.reduction)
  else
    loss = plan.loss(y, out, weight)
  end
  if plan.reduction == "none" then loss = loss:mean() end
  for _, w in ipairs(plan.regularized or {}) do loss = add(plan, loss, w.regularizer(w.tensor)) end
  for _, penalty in ipairs(penalties or {}) do loss = add(plan, loss, penalty) end
  return loss
end

-- The metrics take the activation's output, cut from the graph.
local function measure(plan, y, out, weight)
  local raw = out:detach()
  local _ <close> = plan.closes and raw or nil
  local prediction = plan.activation and core.activate(plan.activation, raw) or raw
  local _ <close> = plan.activation and plan.closes and prediction or nil
  for i, metric in ipairs(plan.metrics) do
    if plan.weighted[i] then
      metric:update_state(y, prediction, weight)
    else
      metric:update_state(y, prediction)
    end
  end
end

-- Brings weights back to where they may be, after each update.
local function constrain(plan)
  for _, w in ipairs(plan.constrained) do w.tensor:copy_(w.constraint(w.tensor)) end
end

-- The model's output, and whether it may be closed.
local function output(plan, x, training, penalties)
  if plan.handles then return core.layers_call(plan.handles, x, training, plan.logits), true end
  return forward(plan.layers, plan.count, x, training, plan.logits, penalties)
end

-- The loss of a batch as a number; its gradients are left in the parameters. measured: the metrics hear of it.
local function differentiate(plan, x, y, weight, measured)
  local penalties = plan.activity and {} or nil
  local out, closable = output(plan, x, true, penalties)
  if plan.at_once then
    local value = core.differentiate(plan.row, plan.values, y, out, weight, plan.reduction)
    if measured and #plan.metrics > 0 then measure(plan, y, out, weight) end
    if closable and plan.closes then core.release(out) end
    return value
  end
  local _ <close> = closable and plan.closes and out or nil
  local loss = loss_of(plan, y, out, weight, penalties)
  local _ <close> = plan.closes and loss or nil
  local value = loss:item()
  -- a model with nothing to train still has a loss
  if #plan.parameters > 0 then loss:backward() end
  if measured and #plan.metrics > 0 then measure(plan, y, out, weight) end
  return value
end

-- A step of an optimizer that evaluates the loss itself, with the same noise in layers each time. What is told is the
-- first evaluation: as of every optimizer, before the update.
local function minimize(plan, x, y, weight)
  local key, counter = core.generator()
  local draws = plan.model:draws()
  local value
  plan.optimizer:minimize(function()
    core.generator(key, counter)
    plan.model:draws(draws)
    local f = differentiate(plan, x, y, weight, value == nil)
    value = value or f
    return f
  end, plan.parameters)
  return value
end

-- The optimizer's step: without a schedule, and if it is built in, there is nothing that Lua has to see to.
function Plan:update()
  local optimizer = self.optimizer
  if self.steps_alone and rawget(optimizer, "schedule") == false then
    core.optimizer_step(self.steps_alone, self.parameters)
  else
    optimizer:step(self.parameters)
  end
end

-- One step of training on a batch; the loss as a number.
function Plan:train(x, y, weight)
  local value
  if self.minimizes then
    value = minimize(self, x, y, weight)
  else
    value = differentiate(self, x, y, weight, true)
    if #self.parameters > 0 then self:update() end
  end
  if self.constrained then nn.no_grad(constrain, self) end
  return value
end

-- As train, without gradients; runs inside no_grad.
local function test(plan, x, y, weight)
  local penalties = plan.activity and {} or nil
  local out, closable = output(plan, x, false, penalties)
  local _ <close> = closable and plan.closes and out or nil
  local loss = loss_of(plan, y, out, weight, penalties)
  local _ <close> = plan.closes and loss or nil
  if #plan.metrics > 0 then measure(plan, y, out, weight) end
  return loss:item()
end

-- The loss of a batch as a number, nothing changed but the metrics.
function Plan:test(x, y, weight)
  return nn.no_grad(test, self, x, y, weight)
end

-- Metrics begin anew.
function Plan:reset()
  for _, metric in ipairs(self.metrics) do metric:reset_state() end
end

-- Adds the metrics' values to logs, and the names to names in the order in which they are shown.
function Plan:results(loss, prefix, logs, names)
  local first, metrics = prefix .. "loss", self.metrics
  names[#names + 1], logs[first] = first, loss
  for i = 1, #metrics do
    local name = prefix .. metrics[i].name
    names[#names + 1], logs[name] = name, metrics[i]:result()
  end
end

return Plan
