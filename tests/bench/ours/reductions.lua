-- Many numbers to few, at every size that comes up. All read each number once.
local nn = require "nn"
local bench = ...

local rows = {
  {"sum", function(x) return x:sum() end},
  {"sum of columns", function(x) return x:sum(1) end},
  {"sum of rows", function(x) return x:sum(-1) end},
  {"max", function(x) return x:max() end},
  {"argmax of rows", function(x) return x:argmax(-1) end},
  {"mean", function(x) return x:mean() end},
  {"var", function(x) return x:var() end},
  {"norm", function(x) return x:norm() end},
  {"logsumexp", function(x) return x:logsumexp() end},
}

for _, m in ipairs(bench.matrices) do
  local function make() return nn.randn(m.rows, m.columns) end
  for _, row in ipairs(rows) do
    bench.add(("%s, %s"):format(row[1], m.name), row[2], make, m.bound(4, "read"))
  end
  bench.run()
end
