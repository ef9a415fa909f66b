-- nn.constraints: what a weight is brought back to after each update. c(weight) -> a tensor of the same shape.
-- Formulas and defaults are Keras's; axis counts from 1 (a kernel's first dimension is its inputs) and may be a list.
local _, _, import = ...
local family = import "family"
local given = import "given"

local EPSILON = 1e-7
local constraints = family.new("constraint", {
  check = function(call, weight) return given.tensor(call, "the weight", weight) end})

local AXIS = {name = "axis", kind = "shape", default = {1}, help = "the dimensions of one norm"}

local function number(name, default, help)
  return {name = name, kind = "number", default = default, min = 0, help = help}
end

local function norms(weight, axis)
  return weight:square():sum(axis, true):sqrt()
end

constraints:class{class_name = "NonNeg", name = "non_neg", help = "negative weights become 0",
  __call = function(_, weight) return weight:clamp(0) end}

constraints:class{class_name = "MaxNorm", name = "max_norm", help = "norms at most max_value", positional = 1,
  options = {number("max_value", 2, "the longest norm"), AXIS},
  __call = function(self, weight)
    local n = norms(weight, self.config.axis)
    return weight * (n:clamp(0, self.config.max_value) / (n + EPSILON))
  end}

constraints:class{class_name = "UnitNorm", name = "unit_norm", help = "norms of 1", options = {AXIS},
  __call = function(self, weight) return weight / (norms(weight, self.config.axis) + EPSILON) end}

constraints:class{class_name = "MinMaxNorm", name = "min_max_norm", positional = 2,
  help = "norms between two bounds, approached at a rate",
  options = {number("min_value", 0, "the shortest norm"), number("max_value", 1, "the longest norm"),
    number("rate", 1, "the part of the way to the bound that one update goes"), AXIS},
  __call = function(self, weight)
    local c = self.config
    local n = norms(weight, c.axis)
    local wanted = n:clamp(c.min_value, c.max_value) * c.rate + n * (1 - c.rate)
    return weight * (wanted / (n + EPSILON))
  end}

return constraints.public
