-- nn.regularizers: penalties added to the loss. r(weight) -> a tensor of rank 0. Formulas and defaults are Keras's.
local nn, _, import = ...
local errors = import "errors"
local family = import "family"
local given = import "given"

local regularizers = family.new("regularizer", {
  check = function(call, weight) return given.tensor(call, "the weight", weight) end})

local function factor(name, default, help)
  return {name = name, kind = "number", default = default, min = 0, help = help}
end

-- Either part, only where its factor is not 0.
local function penalty(weight, l1, l2)
  local first = l1 ~= 0 and weight:abs():sum() * l1
  local second = l2 ~= 0 and weight:square():sum() * l2
  if first and second then return first + second end
  return first or second or nn.tensor(0)
end

regularizers:class{class_name = "L1", name = "l1", help = "l1 * sum |w|", positional = 1,
  options = {factor("l1", 0.01, "weight of the sum of magnitudes")},
  __call = function(self, weight) return penalty(weight, self.config.l1, 0) end}

regularizers:class{class_name = "L2", name = "l2", help = "l2 * sum w^2", positional = 1,
  options = {factor("l2", 0.01, "weight of the sum of squares")},
  __call = function(self, weight) return penalty(weight, 0, self.config.l2) end}

regularizers:class{class_name = "L1L2", name = "l1_l2", help = "l1 * sum |w| + l2 * sum w^2", positional = 2,
  options = {factor("l1", 0, "weight of the sum of magnitudes"), factor("l2", 0, "weight of the sum of squares")},
  __call = function(self, weight) return penalty(weight, self.config.l1, self.config.l2) end}

-- The mean over all pairs of rows (or columns) of |cos| of the angle between them.
regularizers:class{class_name = "OrthogonalRegularizer", name = "orthogonal_regularizer", alias = "orthogonal",
  help = "factor * mean |cos| of the angles between rows (or columns) of a matrix", positional = 2,
  options = {factor("factor", 0.01, "weight of the penalty"),
    {name = "mode", kind = "choice", default = "rows", choices = {"rows", "columns"}, help = "the vectors meant"}},
  __call = function(self, weight)
    if weight.ndim ~= 2 then
      errors.fail("OrthogonalRegularizer: a matrix is expected; got rank %d", weight.ndim)
    end
    local rows = self.config.mode == "rows" and weight or weight:t()
    local n = rows.shape[1]
    local unit = rows * rows:square():sum(2, true):clamp(1e-14):rsqrt()
    local pairs_sum = (unit:matmul(unit:t()) * (1 - nn.eye(n))):abs():sum()
    return pairs_sum * (self.config.factor * 0.5 / math.max(n * (n - 1) / 2, 1))
  end}

return regularizers.public
