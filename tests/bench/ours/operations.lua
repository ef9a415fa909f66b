-- Ops that are more than one pass over numbers, each at three sizes.
local nn = require "nn"
local bench = ...

local function matrix(m, n) return function() return nn.randn(m, n) end end
local function vector(n) return function() return nn.randn(n) end end

local loss_of = nn.losses.SparseCategoricalCrossentropy{from_logits = true}
local function labelled(m, n)
  return function() return {logits = nn.randn(m, n, {requires_grad = true}), labels = nn.randint(0, n - 1, {m})} end
end
local function square(n) return function() return {a = nn.randn(n, n), b = nn.randn(n, n)} end end
local function batch(count, n)
  return function() return {a = nn.randn(count, n, n), b = nn.randn(count, n, n)} end
end
local function pair(m, n) return function() return {a = nn.randn(m, n), b = nn.randn(m, n)} end end
local function picked(m, n)
  return function() return {a = nn.randn(m, n), columns = nn.randint(1, n, {m, n}), rows = nn.randperm(m)} end
end

local function softmax(x) return x:softmax(-1) end
local function log_softmax(x) return x:log_softmax(-1) end
local function crossentropy(x)
  local loss <close> = loss_of(x.labels, x.logits)
  loss:backward()
  x.logits:zero_grad()
end
local function sort(x) return x:sort() end
local function topk(x) return x:topk(10) end
local function cumsum(x) return x:cumsum(1) end
local function gather(x) return x.a:gather(2, x.columns) end
local function index_select(x) return x.a:index_select(1, x.rows) end
local function matmul(x) return x.a:matmul(x.b) end
local function einsum(spec) return function(x) return nn.einsum(spec, x.a, x.b) end end

-- name, size, what makes the operands, call; whether gradients are recorded
local rows = {
  {"softmax", "32x10", matrix(32, 10), softmax},
  {"softmax", "128x1000", matrix(128, 1000), softmax},
  {"softmax", "1000x10000", matrix(1000, 10000), softmax},
  {"log_softmax", "32x10", matrix(32, 10), log_softmax},
  {"log_softmax", "128x1000", matrix(128, 1000), log_softmax},
  {"log_softmax", "1000x10000", matrix(1000, 10000), log_softmax},
  {"cross-entropy and back", "32x10", labelled(32, 10), crossentropy, true},
  {"cross-entropy and back", "128x1000", labelled(128, 1000), crossentropy, true},
  {"cross-entropy and back", "1000x10000", labelled(1000, 10000), crossentropy, true},
  {"sort", "1e3", vector(1000), sort},
  {"sort", "1e5", vector(100000), sort},
  {"sort", "1e6", vector(1000000), sort},
  {"topk of 10", "1e3", vector(1000), topk},
  {"topk of 10", "1e5", vector(100000), topk},
  {"topk of 10", "1e6", vector(1000000), topk},
  {"cumsum", "1e3", vector(1000), cumsum},
  {"cumsum", "1e5", vector(100000), cumsum},
  {"cumsum", "1e7", vector(10000000), cumsum},
  {"gather", "100x100", picked(100, 100), gather},
  {"gather", "1000x1000", picked(1000, 1000), gather},
  {"gather", "1000x10000", picked(1000, 10000), gather},
  {"index_select", "100x100", picked(100, 100), index_select},
  {"index_select", "1000x1000", picked(1000, 1000), index_select},
  {"index_select", "1000x10000", picked(1000, 10000), index_select},
  {"matmul", "64", square(64), matmul},
  {"matmul", "256", square(256), matmul},
  {"matmul", "1024", square(1024), matmul},
  {"einsum ij,jk->ik", "64", square(64), einsum "ij,jk->ik"},
  {"einsum ij,jk->ik", "256", square(256), einsum "ij,jk->ik"},
  {"einsum ij,jk->ik", "1024", square(1024), einsum "ij,jk->ik"},
  {"einsum bij,bjk->bik", "16x16x16", batch(16, 16), einsum "bij,bjk->bik"},
  {"einsum bij,bjk->bik", "32x64x64", batch(32, 64), einsum "bij,bjk->bik"},
  {"einsum bij,bjk->bik", "64x128x128", batch(64, 128), einsum "bij,bjk->bik"},
  {"einsum ij,ij->i", "100x100", pair(100, 100), einsum "ij,ij->i"},
  {"einsum ij,ij->i", "1000x1000", pair(1000, 1000), einsum "ij,ij->i"},
  {"einsum ij,ij->i", "1000x10000", pair(1000, 10000), einsum "ij,ij->i"},
}

for i, row in ipairs(rows) do
  local name, size, make, call, records = table.unpack(row, 1, 5)
  bench.add(("%s %s"):format(name, size), call, make, {records = records})
  if not rows[i + 1] or rows[i + 1][1] ~= name then bench.run() end   -- the operands of one op at a time in memory
end
