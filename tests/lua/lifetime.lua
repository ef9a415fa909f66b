-- Memory and errors across the border: loops in bounded memory, long graphs, coroutines, scopes, error objects that
-- come back unchanged, interpreters that end with graphs alive. What has to be measured runs in a process of its own.
local t = ...
local nn = require "nn"

-- The interpreter is the first of all arguments.
local first = -1
while arg[first - 1] do first = first - 1 end

-- The value of a field of /proc/self/status in kB, or nil where there is no such file.
local STATUS = [[
local function status(name)
  local file = io.open "/proc/self/status"
  if not file then return nil end
  for line in file:lines() do
    local value = line:match("^" .. name .. ":%s*(%d+) kB")
    if value then file:close() return tonumber(value) end
  end
end
]]
local status = load(STATUS .. "return status")()

-- Sanitizers take terabytes of addresses for themselves: there counts are smaller, and resident memory tells nothing.
local sanitized = (status "VmSize" or 0) > 1e9
local SHARE = sanitized and 50 or 1

-- Runs code in a fresh process, in a shell after `before`; fails with what it said unless it ended well.
local function child(code, before)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write("local nn, N = require 'nn', ...\nN = tonumber(N)\n", STATUS, code)
  file:close()
  local run = assert(io.popen(("%s '%s' '%s' %d 2>&1"):format(before or "", arg[first], path, 1000000 // SHARE)))
  local output = run:read "a"
  local ok = run:close()
  os.remove(path)
  if not ok then error("the other process failed: " .. output, 2) end
  return output
end

-- The same, and its resident memory was never above 64 MB.
local function stays_small(code)
  local output = child(code .. "\nprint(status 'VmHWM' or 'unknown')")
  local peak = output:match "(%d+)%s*$"
  if sanitized or not peak then
    print("lifetime: peak resident memory is not known here, a loop ran without looking at it")
  elseif tonumber(peak) > 64 * 1024 then
    error(("%.1f MB resident"):format(peak / 1024), 2)
  end
end

-- What may be in flight follows from Lua's own heap, which is small here and not in the process of all suites. The
-- largest is asked for after each result: at the end of a loop everything may just have been collected.
t.test("loops run in bounded memory", function()
  child [[
    local function most(n, f)
      local top = 0
      for _ = 1, n do
        f()
        top = math.max(top, nn.memory().live)
      end
      return top
    end
    local x, w, big = nn.rand(1000), nn.rand(1000, {requires_grad = true}), nil
    local values = most(20000, function() return (x * 2 + 1):sum() end)
    local graphs = most(10000, function() return (w * 2 + 1):relu() end)
    assert(values < 4e6 and graphs < 4e6, values .. " " .. graphs)
    big = nn.rand(1000000)
    local replaced = most(100, function() big = big + 1 end)
    assert(replaced < 24e6, replaced)
  ]]
end)

t.test("a million results are collected as they come", function()
  stays_small [[
    local x = nn.rand(1000)
    for _ = 1, N do local y = (x * 2 + 1):sum() end
  ]]
end)

t.test("so are graphs", function()
  stays_small [[
    local w = nn.rand(100, 100, {requires_grad = true})
    for _ = 1, N // 50 do
      local y = (w:matmul(w):tanh() * 2):sum()
      y:backward()
      w:zero_grad()
    end
  ]]
end)

t.test("training in which layers, callbacks and metrics of the user's keep a tensor or two", function()
  stays_small [[
    local Keeper = nn.Layer:extend("Keeper", {})
    function Keeper:call(x)
      rawset(self, "before", self.last)
      rawset(self, "last", x)
      return x * 1
    end
    local kept, seen = {}, {}
    local function metric(y_true, y_pred)
      seen = {y_true, y_pred}
      return (y_true - y_pred):abs():mean(-1)
    end
    local x, y = nn.rand(2048, 64), nn.rand(2048, 8)
    local model = nn.Sequential{nn.Dense(128, {activation = "relu", input_shape = {64}}), Keeper(), nn.Dense(8)}
    model:compile{optimizer = "sgd", loss = function(a, b) return (a - b):square():mean(-1) end, metrics = {metric}}
    model:fit(x, y, {epochs = math.max(1, N // 10000), verbose = 0, callbacks = {{
      on_train_batch_end = function(self, batch)
        kept[batch % 2 + 1] = self.model.layers[2].last
      end,
    }}})
    assert(#kept == 2 and kept[1]:sum() and seen[1])
  ]]
end)

t.test("predicting one by one", function()
  stays_small [[
    local model = nn.Sequential{nn.Dense(64, {activation = "relu", input_shape = {64}}), nn.Dense(8)}
    local x = nn.rand(16, 64)
    for _ = 1, N // 10 do local y = model:predict(x) end
  ]]
end)

t.test("a million chained additions, built, differentiated and freed on a small stack", function()
  child([[
    local one = nn.ones(1, {requires_grad = true})
    local sum = one
    for _ = 1, N do sum = sum + one end
    assert(sum:item() == N + 1)
    sum:backward()
    assert(one.grad:item() == N + 1)
    sum, one = nil, nil
    collectgarbage()
    assert(nn.memory().tensors == 0)
  ]], "ulimit -s 256;")
end)

t.test("a chain that is never differentiated, alive at the end of the process", function()
  child([[
    chain = nn.ones(1, {requires_grad = true})
    for _ = 1, N // 2 do chain = chain + 1 end
  ]], "ulimit -s 256;")
end)

-- Tensors alive after a collection, the one number of each kind among them that is kept to stand beside tensors.
local function alive()
  local _ = nn.ones(1) * 2 * 0.5
  collectgarbage()
  collectgarbage()
  return nn.memory().tensors
end

t.test("coroutines compute, differentiate and are dropped", function()
  local before = alive()
  do
    local x = nn.tensor({1, 2, 3}, {requires_grad = true})
    local step = coroutine.wrap(function()
      local y = x * 2
      coroutine.yield(y)
      local z = (y * x):sum()
      z:backward()
      coroutine.yield(z)
    end)
    t.equal(step(), {2, 4, 6})
    t.equal(step(), 28)
    t.equal(x.grad, {4, 8, 12})
    for _ = 1, 1000 do
      local abandoned = coroutine.wrap(function()
        local y <close> = x + 1
        coroutine.yield(y)
      end)
      abandoned()
    end
    local co = coroutine.create(function()
      local y <close> = x + 1
      coroutine.yield(y)
    end)
    local _, y = coroutine.resume(co)
    coroutine.close(co)
    t.fails(function() return y + 1 end, "add: tensor was freed")
  end
  t.equal(alive(), before)
end)

t.test("training inside a coroutine may pause at each epoch", function()
  local model = nn.Sequential{nn.Dense(1, {input_shape = {2}})}
  model:compile{optimizer = "sgd", loss = "mse"}
  local x, y, epochs = nn.rand(8, 2), nn.rand(8, 1), {}
  local training = coroutine.wrap(function()
    local pause = {on_epoch_end = function(_, epoch) coroutine.yield(epoch) end}
    model:fit(x, y, {epochs = 3, verbose = 0, callbacks = {pause}})
    return "done"
  end)
  for i = 1, 4 do epochs[i] = training() end
  t.equal(epochs, {1, 2, 3, "done"})
end)

t.test("a yield across the border is an error, and nothing is broken by it", function()
  local x = nn.rand(2)
  local across = {
    function() nn.no_grad(coroutine.yield) end,
    function() nn.scope(coroutine.yield) end,
    function() nn.custom{forward = coroutine.yield, vjp = coroutine.yield}(x) end,
  }
  for _, f in ipairs(across) do
    local ok, message = coroutine.resume(coroutine.create(f))
    t.equal(ok, false)
    t.equal(message:find "yield" ~= nil, true)
  end
  local w = nn.rand(2, {requires_grad = true})
  t.equal((w * 2).requires_grad, true)
end)

t.test("scopes free what is made in them and not among the results", function()
  local before = alive()
  do
    local lost, kept
    local sum, list = nn.scope(function()
      local a, b = nn.ones(3), nn.ones(3)
      lost, kept = a + 1, nn.keep(b + 2)
      local results = {deep = {inner = a + b}, [nn.ones(1)] = true}
      results.itself = results
      return (a + b):sum(), results
    end)
    t.equal(sum, 6)
    t.equal(list.deep.inner, {2, 2, 2})
    t.equal(kept, {3, 3, 3})
    t.fails(function() return lost + 1 end, "add: tensor was freed")
    t.fails(function() return lost:sum() end, "sum: tensor was freed")
    t.equal(tostring(lost), "tensor (freed)")
    -- a result of an inner scope belongs to the outer one
    local inner
    nn.scope(function() inner = nn.scope(function() return nn.ones(2) end) end)
    t.fails(function() return inner * 2 end, "mul: tensor was freed")
    nn.scope(function() inner = nn.scope(function() return nn.keep(nn.ones(2)) end) end)
    t.equal(inner, {1, 1})
  end
  t.equal(alive(), before)
end)

t.test("an error passes through a scope, which still frees", function()
  local object, lost = {}, nil
  local ok, message = pcall(nn.scope, function()
    lost = nn.ones(3)
    object[1] = lost
    error(object)
  end)
  t.equal(ok, false)
  t.equal(rawequal(message, object), true)
  t.fails(function() return lost + 1 end, "add: tensor was freed")
  t.equal(nn.scope(function(...) return select("#", ...) end, nil, nil), 2)
end)

t.test("a scope in which garbage is collected", function()
  local sum = nn.scope(function()
    local total = nn.zeros(1)
    for _ = 1, 2000 do
      total = total + nn.ones(1)
      if total:item() % 500 == 0 then collectgarbage() end
    end
    return total
  end)
  t.equal(sum, {2000})
end)

t.test("<close> frees at the end of the block, also after an error", function()
  local outer
  do
    local y <close> = nn.ones(2)
    outer = y
    t.equal(outer + 1, {2, 2})
  end
  t.fails(function() return outer + 1 end, "add: tensor was freed")
  pcall(function()
    local y <close> = nn.ones(2)
    outer = y
    error "no"
  end)
  t.fails(function() return -outer end, "neg: tensor was freed")
end)

-- Places where a function of the user's is called from inside; each raises object.
local function raising(object)
  local function raise() error(object) end
  local x, y = nn.rand(4, 2), nn.rand(4, 1)
  local function fit(given, options)
    local model = nn.Sequential{nn.Dense(1, {input_shape = {2}, kernel_initializer = given.initializer,
      kernel_regularizer = given.regularizer, activation = given.activation})}
    model:compile{optimizer = given.optimizer or "sgd", loss = given.loss or "mse", metrics = {given.metric}}
    options = options or {}
    options.verbose = 0
    model:fit(given.x or x, not given.x and y or nil, options)
  end
  local Bad = nn.Layer:extend("Bad", {})
  Bad.call = raise
  local w = nn.rand(2, {requires_grad = true})
  return {
    forward = function() nn.custom{forward = raise, vjp = raise}(w) end,
    vjp = function() nn.custom{forward = function(a) return a * 1 end, vjp = raise}(w):sum():backward() end,
    ["vjp in grad"] = function()
      nn.grad(nn.custom{forward = function(a) return a * 1 end, vjp = raise}(w):sum(), w)
    end,
    activation = function() fit{activation = raise} end,
    initializer = function() fit{initializer = raise} end,
    regularizer = function() fit{regularizer = raise} end,
    loss = function() fit{loss = raise} end,
    metric = function() fit{metric = raise} end,
    layer = function() nn.Sequential{Bad()}(x) end,
    ["a layer while shapes are found"] = function() nn.Sequential{Bad{input_shape = {2}}} end,
    batches = function() fit{x = raise} end,
    ["a batch"] = function() fit{x = function() return raise end} end,
    ["on_train_begin"] = function() fit({}, {callbacks = {{on_train_begin = raise}}}) end,
    ["on_epoch_end"] = function() fit({}, {callbacks = {{on_epoch_end = raise}}}) end,
    ["on_train_batch_end"] = function() fit({}, {callbacks = {{on_train_batch_end = raise}}}) end,
    ["on_test_batch_end"] = function()
      fit({}, {validation_data = {x, y}, callbacks = {{on_test_batch_end = raise}}})
    end,
    no_grad = function() nn.no_grad(raise) end,
    scope = function() nn.scope(raise) end,
  }
end

t.test("what a user's function raises comes back unchanged", function()
  local object = setmetatable({}, {__tostring = function() return "an object" end})
  local before
  for _ = 1, 2 do
    before = alive()
    for name, f in pairs(raising(object)) do
      local ok, message = pcall(f)
      if ok or not rawequal(message, object) then error(("%s: got %s"):format(name, tostring(message))) end
      -- gradients are recorded as before
      if not (nn.ones(1, {requires_grad = true}) * 2).requires_grad then error(name .. ": recording stopped") end
    end
  end
  t.equal(alive(), before)
  for name, f in pairs(raising(nil)) do
    local ok, message = pcall(f)
    if ok or message ~= nil then error(("%s: got %s for nil"):format(name, tostring(message))) end
  end
end)

t.test("an op that calls itself for ever ends in an error", function()
  local op
  op = nn.custom{forward = function(a) return op(a) end, vjp = function(g) return g end}
  local ok, message = pcall(op, nn.ones(1))
  t.equal(ok, false)
  t.equal(tostring(message):find "overflow" ~= nil, true)
  t.equal(nn.ones(1) + 1, {2})
end)

t.test("functions of ops are let go with their graphs", function()
  local weak = setmetatable({}, {__mode = "v"})
  local before = alive()
  do
    local x = nn.rand(3, {requires_grad = true})
    for i = 1, 100 do
      local big = {}
      weak[i] = big
      local op = nn.custom{forward = function(a) return a * 2, big end, vjp = function(g) return g * 2 end}
      op(x):sum():backward()
    end
  end
  local count = 0
  alive()
  -- references that graphs held are given back at the next op
  nn.custom{forward = function(a) return a * 1 end, vjp = function(g) return g end}(nn.ones(1))
  alive()
  for _ in pairs(weak) do count = count + 1 end
  t.equal(count, 0)
  t.equal(alive(), before)
end)

t.test("finalizers that use the library", function()
  child [[
    local x = nn.ones(1000, {requires_grad = true})
    for i = 1, N // 100 do
      setmetatable({}, {__gc = function() local y = (x * i):sum() y:backward() end})
      local z = x + i
    end
    collectgarbage()
    -- at the end of the interpreter too: there it may refuse
    last = setmetatable({}, {__gc = function() pcall(function() return x + 1 end) end})
  ]]
end)
