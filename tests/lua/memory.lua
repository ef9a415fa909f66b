-- Every allocation fails in turn, once and for good: the error is clean, nothing stays live, the next run works.
local t = ...
local nn = require "nn"

-- The private table of C functions, an upvalue of a function in Lua.
local function find_core()
  for i = 1, 20 do
    local name, value = debug.getupvalue(nn.gradcheck, i)
    if name == "core" then return value end
  end
end
local core = find_core()

local w = nn.rand(4, 3, {requires_grad = true})
local square = nn.custom{forward = function(x) return x * x end, vjp = function(g, _, x) return g * x * 2 end}
local dense = nn.Dense(2, {activation = function(x) return x:relu() + 1 end, input_shape = {3}})
dense(nn.ones(1, 3))

local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir " .. folder))
local path, csv = folder .. "/x.safetensors", folder .. "/x.csv"
do
  local file <close> = assert(io.open(csv, "w"))
  file:write("n,word\n1,one\n2,two\n")
end

local works = {
  {"making", function() return nn.tensor{{1, 2}, {3, 4}}, nn.zeros(3), nn.eye(2), nn.arange(1, 3), nn.randperm(4) end},
  {"operators", function() return 2 - nn.ones(2, 3) * 3 ^ nn.tensor{1, 2, 3} end},
  {"two results", function() return nn.rand(3, 3):sort(1), nn.rand(3, 3):max(2) end},
  {"lists", function()
    local list = nn.cat({nn.ones(2), nn.zeros(2)}, 1):split(3)
    return list, nn.einsum("ij,jk->ik", nn.ones(2, 2), w:t():narrow(2, 1, 2):t())
  end},
  {"positions", function()
    local a = nn.zeros(3, 3)
    a[2] = 1
    a[{{}, 1}] = {1, 2, 3}
    return a[{1, {1, 2}}], a:totable()
  end},
  {"in place", function() return nn.ones(3):add_(1):mul_({1, 2, 3}):clamp_(0, 2):zero_() end},
  {"backward", function() ((w * 2):relu():sum(1):softmax()):sum():backward() end, function() w:zero_grad() end},
  {"grad", function() return nn.grad(nn.grad((w ^ 3):sum(), w, {create_graph = true}):sum(), {w}) end},
  {"custom", function() return nn.grad(nn.grad(square(w):sum(), w, {create_graph = true}):sum(), w) end},
  {"a layer with a function", function() return dense(nn.ones(2, 3)) end},
  {"scope", function() return nn.scope(function() return nn.ones(3) + 1, {nn.ones(2)} end) end},
  {"text", function() return tostring(nn.ones(3, 3)), nn.ones(2, 2):t():tostring_bytes() end},
  {"files", function()
    nn.save(path, {a = nn.ones(2, 3), b = nn.zeros(3, {dtype = "int64"})})
    return nn.load(path), nn.data.read_csv(csv, {text = "word"})
  end},
  {"a run that is kept", function()
    nn.seed(1)
    local model = nn.Sequential{nn.Dense(2, {input_shape = {3}})}
    model:compile{optimizer = "adam", loss = "mse"}
    model:fit(nn.rand(4, 3), nn.rand(4, 2), {epochs = 2, batch_size = 4, verbose = 0, check = false,
      callbacks = {nn.callbacks.BackupAndRestore{dir = folder, delete_checkpoint = false}}})
    model:save_weights(path)
    model:load_weights(path)
  end, function() os.remove(folder .. "/backup.safetensors") end},
  {"training", function()
    nn.seed(1)
    local model = nn.Sequential{nn.Dense(4, {activation = "relu", input_shape = {3}}), nn.Dense(1)}
    model:compile{optimizer = "adam", loss = "mse"}
    model:fit(nn.rand(8, 3), nn.rand(8, 1), {epochs = 1, batch_size = 4, verbose = 0, check = false})
    return model:predict(nn.rand(2, 3), {verbose = 0})
  end},
}

local function settle()
  collectgarbage()
  collectgarbage()
  return nn.memory().tensors
end

-- Without the results, which would stay live.
local function run(work)
  local ok, message = pcall(work)
  return ok, not ok and tostring(message)
end

-- Runs work with the n-th allocation failing until none fails; how many had to be tried.
local function each_fails(work, clean, for_good)
  work()
  if clean then clean() end
  local before = settle()
  for n = 1, 20000 do
    core.fail_at(n, for_good)
    local ok, message = run(work)
    local asked = core.fail_at(0)
    if clean then clean() end
    if not ok and not message:find "out of memory" then error("allocation " .. n .. ": " .. message, 0) end
    if not core.recording() then error("allocation " .. n .. ": recording was left off", 0) end
    if asked < n then return n end
    if for_good and ok then error("allocation " .. n .. " failed silently", 0) end
    local after = settle()
    if after > before then error(("allocation %d: %d tensors stay live"):format(n, after - before), 0) end
  end
  error("it never ended", 0)
end

for _, case in ipairs(works) do
  for _, for_good in ipairs{false, true} do
    t.test(("%s, allocations fail %s"):format(case[1], for_good and "for good" or "once"), function()
      each_fails(case[2], case[3], for_good)
      case[2]()
    end)
  end
end

t.test("a limit on tensors is a clean error, and garbage is collected before it", function()
  settle()
  core.memory_limit(nn.memory().live + 8000000)
  for _ = 1, 100 do local _ = nn.zeros(1000000) end
  local ok, message = pcall(nn.zeros, 10000000)
  core.memory_limit(0)
  t.equal(ok, false)
  t.equal(message:find "out of memory: %d+ bytes wanted, %d+ in use, the limit is %d+" ~= nil, true)
  t.equal(#nn.zeros(10000000), 10000000)
end)

os.execute("rm -r " .. folder)

t.test("a fit leaves nothing behind that grows with the rows", function()
  local model = nn.Sequential{nn.Dense(1, {input_shape = {1}})}
  model:compile{optimizer = "sgd", loss = "mse"}
  local x, y = nn.zeros(100000, 1), nn.zeros(100000, 1)
  local function fit() model:fit(x, y, {batch_size = 50000, verbose = 0, check = false}) end
  fit()
  collectgarbage()
  collectgarbage "stop"
  local before = nn.memory().live
  fit()
  local left = nn.memory().live - before
  collectgarbage "restart"
  t.equal(left < 100000, true)
end)
