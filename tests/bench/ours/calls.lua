-- What a call costs when there is next to nothing to compute.
local nn = require "nn"
local bench = ...

local function sixteen(options)
  return function() return {a = nn.rand(16, options), b = nn.rand(16)} end
end
local function thousand_adds(x)
  local a, b = x.a, x.b
  for _ = 1, 1000 do local _ = a + b end
end
local function chain(x)
  local y, b = x.a, x.b
  for _ = 1, 1000 do y = y + b end
  y:sum():backward()
end

local recorded = sixteen{requires_grad = true}
bench.add("add of 16", thousand_adds, sixteen(), {records = true, per = 1000})
bench.add("add of 16, recorded", thousand_adds, recorded, {records = true, per = 1000})
bench.add("chain of 1000 adds and back, an add", chain, recorded, {records = true, per = 1000})
bench.run()
