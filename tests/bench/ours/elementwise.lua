-- One number in, one number out, at every size that comes up.
local nn = require "nn"
local bench = ...

-- name, bytes that move for an element, the loop of stream.c that moves them so, what is done
local rows = {
  {"add", 12, "add", function(x) return x.a + x.b end},
  {"add in place", 12, "update", function(x) x.sum:add_(x.b) end},
  {"add of a row", 8, "copy", function(x) return x.a + x.row end},
  {"mul by a number", 8, "copy", function(x) return x.a * 1.5 end},
  {"relu", 8, "copy", function(x) return x.a:relu() end},
  {"exp", 8, "copy", function(x) return x.a:exp() end},
  {"tanh", 8, "copy", function(x) return x.a:tanh() end},
  {"sigmoid", 8, "copy", function(x) return x.a:sigmoid() end},
  {"gelu", 8, "copy", function(x) return x.a:gelu() end},
  {"sqrt", 8, "copy", function(x) return x.b:sqrt() end},
  {"gt", 9, "add", function(x) return x.a:gt(x.b) end},
  {"where", 13, "add", function(x) return nn.where(x.mask, x.a, x.b) end},
  {"transposed copy", 8, "copy", function(x) return x.a:t():contiguous() end},
  {"uint8 to float32", 5, "copy", function(x) return x.bytes:to("float32") end},
}

for _, m in ipairs(bench.matrices) do
  local function make()
    local a, b = nn.randn(m.rows, m.columns), nn.rand(m.rows, m.columns)
    return {a = a, b = b, sum = a:clone(), row = nn.rand(m.columns), mask = a:gt(0), bytes = a:abs():to("uint8")}
  end
  for _, row in ipairs(rows) do
    local name, bytes, loop, call = table.unpack(row)
    bench.add(("%s, %s"):format(name, m.name), call, make, m.bound(bytes, loop))
  end
  bench.run()
end
