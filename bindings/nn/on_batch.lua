-- train_on_batch, test_on_batch and predict_on_batch: one batch as it is, not cut and not shuffled.

local nn, _, import = ...
local adapter = import "data_adapter"
local compile = import "compile"
local errors = import "errors"
local forward = import "forward"
local options = import "options"
local Plan = import "step"
local result = import "evaluation".result

local BATCH = {
  {name = "x", kind = "data", help = "a tensor or a list"},
  {name = "y", kind = "data", help = "the targets"},
  {name = "sample_weight", kind = "data", help = "a weight for each row"},
  {name = "class_weight", kind = "table", optional = true, help = "{[label] = weight}, 1 for the others"},
  {name = "return_dict", kind = "flag", default = false, help = "a table by name instead of several values"},
}
options.functions.train_on_batch = BATCH

local M = {}

-- The one batch of a source of all rows.
local function batch_of(call, model, given)
  if adapter.is_iterable(given.x) then errors.fail("%s: x must be a tensor; got %s", call, errors.show(given.x)) end
  given.x = adapter.tensor(call, "x", given.x)
  -- one batch holds all rows
  given.batch_size = math.max(1, given.x:size(1))
  local source = adapter.source(call, model, given)
  adapter.build(model, source)
  source:begin()
  return source:next()
end

-- The method of that name: a plan for this one step, whose metrics begin anew.
local function on_batch(call, method)
  return function(model, ...)
    local o = options.parse(call, BATCH, 2, ...)
    compile.check(model, call)
    local x, y, weight = batch_of(call, model, {x = o.x, y = o.y, weight = o.sample_weight,
      class_weight = o.class_weight})
    local plan, names, logs = Plan.new(model), {}, {}
    -- what is left from before, in metrics and gradients, does not count
    plan:reset()
    plan:clear()
    plan:results(plan[method](plan, x, y, weight), "", logs, names)
    return result(names, logs, o.return_dict)
  end
end

M.train_on_batch = on_batch("train_on_batch", "train")
M.test_on_batch = on_batch("test_on_batch", "test")

-- The outputs of all rows of x.
function M.predict_on_batch(model, x)
  if #model.layers == 0 then errors.fail("predict_on_batch: the model has no layers") end
  x = batch_of("predict_on_batch", model, {x = x, without_y = true})
  return nn.no_grad(function() return (forward(model.layers, #model.layers, x, false)) end)
end

return M
