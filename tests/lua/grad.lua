-- Gradients from Lua: backward, grad, custom ops, no_grad, scope, value_and_grad, gradcheck, and what happens when a
-- user's function fails inside.
local t = ...
local nn = require "nn"

local function leaf(values) return nn.tensor(values, {requires_grad = true, dtype = "float64"}) end

t.test("backward accumulates into leaves", function()
  local w = leaf{1, 2, 3}
  nn.sum(w * w):backward()
  t.equal(w.grad, {2, 4, 6})
  nn.sum(w * 2):backward()
  t.equal(w.grad, {4, 6, 8})
  w:zero_grad()
  t.equal(w.grad, nil)
  w.grad = nn.tensor({1, 1, 1}, {dtype = "float64"})
  t.equal(w.grad, {1, 1, 1})
  w.grad = nil
  t.equal(w.grad, nil)
  t.fails(function() w.grad = nn.zeros(2) end, "grad: a gradient has its tensor's shape and dtype")
end)

t.test("a gradient to start from", function()
  local w = leaf{1, 2}
  local y = w * w
  t.fails(function() y:backward() end, "needs a gradient to start from")
  y:backward(nn.tensor{1, 10}, {retain_graph = true})
  t.equal(w.grad, {2, 40})
  y:backward{1, 1}
  t.equal(w.grad, {4, 44})
  t.fails(function() y:backward(nn.tensor{1, 1}) end, "already freed")
end)

t.test("create_graph", function()
  local w = leaf{2}
  local y = (w ^ 3):sum()
  y:backward{create_graph = true}
  t.equal(w.grad, {12})
  t.equal(w.grad.requires_grad, true)
end)

t.test("grad of a tensor and of a list", function()
  local x, y = leaf{1, 2}, leaf{3, 4}
  local z = (x * y):sum()
  t.equal(nn.grad(z, x, {retain_graph = true}), {3, 4})
  local gs = nn.grad(z, {x, y})
  t.equal({gs[1]:totable(), gs[2]:totable()}, {{3, 4}, {1, 2}})
  t.equal(x.grad, nil)
  t.fails(function() nn.grad(x:sum(), y) end, "unused")
  t.equal(nn.grad(x:sum(), y, {allow_unused = true}), {0, 0})
end)

t.test("derivatives of any order", function()
  local x = leaf{2}
  local y = (x ^ 5):sum()
  local wanted = {5 * 16, 20 * 8, 60 * 4, 120 * 2, 120}
  for _, value in ipairs(wanted) do
    y = nn.grad(y, x, {create_graph = true}):sum()
    t.close(y:item(), value, 1e-12)
  end
end)

t.test("no_grad", function()
  local w = leaf{1}
  local a, b, c = nn.no_grad(function(p, q) return (p * 2).requires_grad, q, nil end, w, "x")
  t.equal({a, b, c}, {false, "x"})
  t.equal((w * 2).requires_grad, true)
  local object = {}
  local ok, got = pcall(nn.no_grad, function() error(object) end)
  t.equal({ok, got == object}, {false, true})
  t.equal((w * 2).requires_grad, true)
  nn.no_grad(function() w:add_(1) end)
  t.equal(w, {2})
  t.fails(function() w:add_(1) end, "a leaf that requires gradients is not changed in place")
end)

t.test("a yield across no_grad is an error and recording goes on", function()
  local w = leaf{1}
  for call, run in pairs{no_grad = nn.no_grad, scope = nn.scope} do
    local line = debug.getinfo(1, "l").currentline + 1
    local co = coroutine.create(function() run(coroutine.yield, 1) end)
    local ok, message = coroutine.resume(co)
    t.equal(ok, false)
    t.equal(message, ("tests/lua/grad.lua:%d: %s: a coroutine cannot yield inside; let the function end first"):format(
      line, call))
  end
  t.equal((w * 2).requires_grad, true)
end)

local square = nn.custom{
  forward = function(x) return x * x end,
  vjp = function(g, _, x) return g * 2 * x end,
}

t.test("a custom op", function()
  local x = leaf{1, 2, 3}
  local y = square(x)
  t.equal(y, {1, 4, 9})
  y:sum():backward()
  t.equal(x.grad, {2, 4, 6})
  t.equal(square(nn.tensor{3}).requires_grad, false)
  t.equal(nn.gradcheck(square, x), true)
end)

t.test("a custom op differentiated twice", function()
  local x = leaf{1, 2, 3}
  local g = nn.grad(square(square(x)):sum(), x, {create_graph = true})
  t.equal(g, {4, 32, 108})
  t.equal(nn.grad(g:sum(), x), {12, 48, 108})
end)

t.test("a custom op of many inputs, some without a gradient", function()
  local sum = nn.custom{
    forward = function(...)
      local total = 0
      for i, x in ipairs{...} do total = total + x * i end
      return total
    end,
    vjp = function(g, _, ...)
      local grads = {}
      for i = 1, select("#", ...) do if i ~= 3 then grads[i] = g * i end end
      return table.unpack(grads, 1, select("#", ...))
    end,
  }
  local xs = {}
  for i = 1, 12 do xs[i] = leaf{i} end
  sum(table.unpack(xs)):backward{1}
  for i = 1, 12 do t.equal(xs[i].grad, i ~= 3 and {i} or nil) end
end)

t.test("a custom op sees its result", function()
  local exp = nn.custom{forward = nn.exp, vjp = function(g, y) return g * y end}
  local x = leaf{0.5}
  t.equal(nn.gradcheck(exp, x), true)
  local g = nn.grad(exp(x):sum(), x, {create_graph = true})
  t.close(nn.grad(g:sum(), x):item(), math.exp(0.5), 1e-12)
end)

t.test("what a custom op's functions do wrong", function()
  local x = leaf{1, 2}
  local function op(forward, vjp) return nn.custom{forward = forward, vjp = vjp}(x) end
  local object = setmetatable({}, {__tostring = function() return "mine" end})
  local ok, got = pcall(op, function() error(object) end, print)
  t.equal({ok, got == object}, {false, true})
  t.fails(function() op(function() return 1 end, print) end, "custom: forward must give a tensor; result 1 is 1")
  t.fails(function() op(function(a) return a * 1 end, function() return 1 end):sum():backward() end,
    "custom: vjp must give a tensor or nil for each input; result 1 is 1")
  t.fails(function() op(function(a) return a * 1 end, function(g) return g:sum() end):sum():backward() end,
    "custom: the gradient of input 1 must have its shape, {2}; got {}")
  ok, got = pcall(function() op(function(a) return a * 1 end, function() error(object, 0) end):sum():backward() end)
  t.equal({ok, got == object}, {false, true})
  t.equal((x * 2).requires_grad, true)
  t.fails(function() nn.custom{forward = print, vjp = print}() end, "custom: expected tensors; got nothing")
  t.fails(function() nn.custom{forward = print, vjp = print}(x, 1) end,
    "custom: argument 2: expected a tensor; got number")
end)

t.test("a custom op whose functions close what they were given", function()
  local op = nn.custom{
    forward = function(x)
      local input <close> = x
      return input * 3
    end,
    vjp = function(g, y, x)
      local result <close> = y
      local input <close> = x
      return g * 3, result.shape, input.shape
    end,
  }
  local x = leaf{1}
  op(x):backward()
  t.equal(x.grad, {3})
end)

t.test("a custom op that gives its input back", function()
  local same = nn.custom{forward = function(x) return x end, vjp = function(g) return g end}
  local x = leaf{1, 2}
  local y = same(x)
  t.equal(y == x, false)
  y:sum():backward()
  t.equal(x.grad, {1, 1})
end)

t.test("scope frees what is not a result", function()
  local escaped, kept
  local result, list = nn.scope(function()
    local a = nn.ones(10)
    escaped = a + 1
    kept = nn.keep(a + 2)
    return a + 3, {deep = {a + 4}, nothing = 1}
  end)
  t.equal(result[1], 4)
  t.equal(list.deep[1][1], 5)
  t.equal(kept[1], 3)
  t.fails(function() return escaped + 1 end, "add: tensor was freed")
end)

t.test("scopes inside each other", function()
  local inner, outer
  local result = nn.scope(function()
    outer = nn.scope(function()
      inner = nn.ones(1)
      return inner + 1
    end)
    t.equal(outer, {2})
    return outer * 2
  end)
  t.equal(result, {4})
  t.fails(function() return outer + 1 end, "freed")
  t.fails(function() return inner + 1 end, "freed")
end)

t.test("scope passes errors on and frees all", function()
  local made
  t.fails(function() nn.scope(function() made = nn.ones(1) error("stop", 0) end) end, "stop")
  t.fails(function() return made + 1 end, "freed")
  t.equal(nn.scope(function(...) return select("#", ...), ... end, 1, nil, nil), 3)
  collectgarbage()
  local before = nn.memory().tensors
  nn.scope(function() for _ = 1, 100 do local _ = nn.ones(10) * 2 end end)
  t.equal(nn.memory().tensors, before)
end)

t.test("cyclic tables as results of a scope", function()
  local list = nn.scope(function()
    local l = {nn.ones(2)}
    l.me = l
    return l
  end)
  t.equal(list[1], {1, 1})
end)

t.test("value_and_grad", function()
  local f = nn.value_and_grad(function(x, k) return (x * x):sum() * k end)
  local value, gradient = f(nn.tensor{1, 2}, 3)
  t.equal(value, 15)
  t.equal(gradient, {6, 12})
  local g = nn.value_and_grad(function(p) return (p.w * p.b[1]):sum() end)
  value, gradient = g{w = nn.tensor{1, 2}, b = {nn.tensor{3, 4}}}
  t.equal(value, 11)
  t.equal(gradient.w, {3, 4})
  t.equal(gradient.b[1], {1, 2})
  local second = nn.value_and_grad(function(x)
    local _, d = nn.value_and_grad(function(z) return (z ^ 3):sum() end)(x)
    return d:sum()
  end)
  value, gradient = second(nn.tensor{2})
  t.equal({value:item(), gradient:item()}, {12, 12})
  t.fails(function() f("x") end, "value_and_grad: the first argument must be a tensor or a table of tensors")
  t.fails(function() nn.value_and_grad(function() return 1 end)(nn.ones(1)) end, "must return a tensor")
end)

t.test("gradcheck", function()
  t.equal(nn.gradcheck(function(x, y) return x:matmul(y):tanh() end, {leaf{{1, 2}}, leaf{{0.5}, {-0.25}}}), true)
  local wrong = nn.custom{forward = function(x) return x * x end, vjp = function(g, _, x) return g * x end}
  local ok, message = nn.gradcheck(wrong, {leaf{{1, 2}}})
  t.equal(ok, nil)
  t.equal(message:find "gradcheck: input 1 at {1, 1}: the gradient is .*, central differences give " ~= nil, true)
  t.fails(function() nn.gradcheck(nn.relu, nn.ones(1)) end, "gradcheck: input 1 must be float64; got float32")
  t.fails(function() nn.gradcheck(nn.relu, {}) end, "gradcheck: inputs must be a tensor or a list of tensors")
  t.fails(function() nn.gradcheck(nn.relu, leaf{1}, {tol = 1}) end, 'gradcheck: unknown option "tol"')
end)

t.test("changes in place that backward would not survive", function()
  local w = leaf{1, 2}
  local x = nn.tensor({1, 2}, {dtype = "float64"})
  local y = (w * x):sum()
  x:add_(1)
  t.fails(function() y:backward() end, "changed in place")
  local c = nn.tensor({1, 2}, {dtype = "float64"})
  local z = square(w * c)
  local s = z:sum()
  nn.no_grad(function() z:add_(1) end)
  t.fails(function() s:backward() end, "changed in place")
end)

t.test("an activation that fails inside a layer passes its error on", function()
  local object = {}
  local layer = nn.Dense(2, {activation = function() error(object) end})
  local ok, got = pcall(layer, nn.ones(1, 2))
  t.equal({ok, got == object}, {false, true})
  local number = nn.Dense(2, {activation = function() return 1 end})
  t.fails(function() number(nn.ones(1, 2)) end, "must give a tensor; got 1")
end)

t.test("a graph of 100,000 nodes", function()
  local w = nn.tensor({1}, {requires_grad = true})
  local y = w
  for _ = 1, 100000 do y = y + 1 end
  y:backward()
  t.equal(w.grad, {1})
end)
