-- Sample weights beside values: {N} weights belong to the first dimension of {N, T, ...} values.
local weights = {}

-- weight (a number or a tensor) in a shape that broadcasts over values as Keras does: {N} for {N, T} becomes {N, 1},
-- {N, 1} for {N} becomes {N}.
function weights.aligned(weight, values)
  if type(weight) == "number" or weight.ndim == values.ndim then return weight end
  if weight.ndim == values.ndim + 1 and weight:size(-1) == 1 then return weight:squeeze(-1) end
  local shape = weight.shape
  for d = #shape + 1, values.ndim do shape[d] = 1 end
  return weight:reshape(shape)
end

-- sum(values * weight) and sum(weight over the values), as numbers.
function weights.totals(values, weight)
  local n = values:numel()
  if weight == nil then return values:sum():item(), n end
  if type(weight) == "number" then return values:sum():item() * weight, n * weight end
  weight = weights.aligned(weight, values)
  -- uint8 times uint8 would not hold the products
  if weight.dtype == "uint8" then weight = weight:to "float32" end
  return (values * weight):sum():item(), weight:sum():item() * (n / weight:numel())
end

return weights
