-- A layer on a batch: forward in training, and back to its parameters and its input.
local nn = require "nn"
local bench = ...

local function batch(m, n) return function() return nn.randn(m, n, {requires_grad = true}) end end
local function ids(count, m, n) return function() return nn.randint(0, count - 1, {m, n}) end end

local rows = {
  {"batch norm 128x512", nn.BatchNormalization(), batch(128, 512)},
  {"layer norm 32x64", nn.LayerNormalization(), batch(32, 64)},
  {"layer norm 128x512", nn.LayerNormalization(), batch(128, 512)},
  {"layer norm 1024x4096", nn.LayerNormalization(), batch(1024, 4096)},
  {"dropout 128x512", nn.Dropout(0.5), batch(128, 512)},
  {"alpha dropout 128x512", nn.AlphaDropout(0.5), batch(128, 512)},
  {"embedding 1000x16, 32 ids", nn.Embedding(1000, 16), ids(1000, 1, 32)},
  {"embedding 10000x64, 128x32 ids", nn.Embedding(10000, 64), ids(10000, 128, 32)},
  {"embedding 50000x256, 128x64 ids", nn.Embedding(50000, 256), ids(50000, 128, 64)},
}

-- What the call needs: input, gradient of the output, all that gets a gradient.
local function prepared(layer, make)
  return function()
    local x = make()
    local y = layer(x)
    local trained = layer:parameters()
    if x.dtype == "float32" then trained[#trained + 1] = x end
    return {layer = layer, x = x, g = nn.rand(y.shape), trained = trained}
  end
end

local function there_and_back(s)
  local y <close> = s.layer(s.x, true)
  y:backward(s.g)
  for _, parameter in ipairs(s.trained) do parameter:zero_grad() end
end

for _, row in ipairs(rows) do
  local name, layer, make = table.unpack(row)
  bench.add("layer: " .. name, there_and_back, prepared(layer, make), {records = true})
  bench.run()
end
