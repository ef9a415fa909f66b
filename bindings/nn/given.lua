-- What users give where tensors, weights and shapes are expected: checked, and brought into one form. Nested lists may
-- stand for tensors everywhere.

local nn, core, import = ...
local errors = import "errors"

local M = {}

-- value as a tensor: itself, or made of a list or a number.
function M.tensor(call, name, value)
  if core.is_tensor(value) then return value end
  if type(value) == "number" or type(value) == "table" and not getmetatable(value) then return nn.tensor(value) end
  errors.fail("%s: %s must be a tensor; got %s", call, name, errors.show(value))
end

-- The same with rows: one number alone is none.
function M.rows(call, name, value)
  value = M.tensor(call, name, value)
  if value.ndim == 0 then errors.fail("%s: %s must have rows; got a single number", call, name) end
  return value
end

-- A sample weight: nil, a number or a tensor.
function M.weight(call, value)
  if value == nil or type(value) == "number" then return value end
  return M.tensor(call, "sample_weight", value)
end

-- The shape of a sample, {28, 28}: a list of sizes.
function M.shape(call, value)
  if type(value) ~= "table" or getmetatable(value) then
    errors.fail("%s: the shape of one input is expected; got %s", call, errors.show(value))
  end
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > #value then
      errors.fail("%s: a shape is a list of sizes; got the key %s", call, errors.show(key))
    end
  end
  for i = 1, #value do
    if math.type(value[i]) ~= "integer" or value[i] < 0 then
      errors.fail("%s: the sizes of a shape are integers from 0 on; got %s", call, errors.show(value[i]))
    end
  end
  return value
end

return M
