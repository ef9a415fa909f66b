-- nn.optimizers.LBFGS: functions with known minima, through fit, in a loop of one's own; wrong uses. A logistic
-- regression beside NumPy is in trajectories.lua.
local t = ...
local nn = require "nn"

local function vector(values)
  return nn.tensor(values, {dtype = "float64", requires_grad = true})
end

-- The minimum from p; how many evaluations and iterations it took.
local function minimum(f, p, options)
  local optimizer, calls = nn.optimizers.LBFGS(options), 0
  local reached = optimizer:minimize(function()
    calls = calls + 1
    return f(p)
  end, {p})
  return p:detach(), reached, calls, optimizer.iterations
end

t.test("a quadratic in few iterations", function()
  nn.seed(1)
  local root = nn.randn(6, 6, {dtype = "float64"})
  local curvature = root:matmul(root:t()) + nn.eye(6, {dtype = "float64"})
  local wanted = nn.randn(6, {dtype = "float64"})
  local function f(p)
    local d = p - wanted
    return nn.dot(d, curvature:matmul(d)) / 2
  end
  local p, reached, calls, iterations = minimum(f, vector{0, 0, 0, 0, 0, 0}, {max_iterations = 50, tolerance = 1e-9})
  t.close(p, wanted, 1e-8)
  t.close(reached, 0, 1e-12)
  t.equal(iterations <= 20, true)
  t.equal(calls <= 30, true)
end)

t.test("Rosenbrock's valley; steps that end early go on", function()
  local function f(p)
    local a, b = p[1], p[2]
    return (1 - a) ^ 2 + 100 * (b - a * a) ^ 2
  end
  local p, _, calls = minimum(f, vector{-1.2, 1}, {max_iterations = 100})
  t.close(p, {1, 1}, 1e-7)
  t.equal(calls < 80, true)
  local optimizer
  optimizer, p = nn.optimizers.LBFGS{max_iterations = 5, history_size = 4}, vector{-1.2, 1}
  for _ = 1, 12 do optimizer:minimize(function() return f(p) end, {p}) end
  t.close(p:detach(), {1, 1}, 1e-7)
  t.equal(optimizer.iterations <= 60, true)
  t.equal(p.grad, nil)
end)

t.test("losses that are no numbers far out, flat, or already at their minimum", function()
  local p = minimum(function(x) return (x - x:log()):sum() end, vector{9, 0.01}, {max_iterations = 60})
  t.close(p, {1, 1}, 1e-6)
  local _, reached, calls, iterations = minimum(function(x) return (x * x):sum() end, vector{0, 0})
  t.equal({reached, calls, iterations}, {0, 1, 0})
  p, reached = minimum(function(x) return (x * 0):sum() end, vector{3})
  t.equal({p:item(), reached}, {3, 0})
end)

t.test("several parameters, of both dtypes, one that is not used", function()
  local a, b = vector{{1, 2}, {3, 4}}, nn.tensor({5}, {requires_grad = true})
  local unused = nn.tensor({7}, {requires_grad = true})
  local optimizer = nn.optimizers.LBFGS()
  local reached = optimizer:minimize(function()
    return (a - 1):square():sum() + (b:to "float64" + 2):square():sum()
  end, {a, b, unused})
  t.close(reached, 0, 1e-9)
  t.close(a:detach(), {{1, 1}, {1, 1}}, 1e-6)
  t.close(b:detach(), {-2}, 1e-6)
  t.equal(unused:detach(), {7})
end)

local function regression(optimizer)
  local model = nn.Sequential{nn.Dense(1, {input_shape = {2}})}
  model:compile{optimizer = optimizer, loss = "mse"}
  return model
end

t.test("through fit: all rows are one batch, whatever their number", function()
  nn.seed(2)
  local x = nn.randn(100, 2)
  local y = x:matmul(nn.tensor{{3}, {-1}}) + 0.5
  local model = regression "lbfgs"
  local history = model:fit(x, y, {epochs = 2, verbose = 0})
  t.equal(history.params.steps, 1)
  t.close(history.loss[2], 0, 1e-9)
  t.close(model:get_weights()[1], {{3}, {-1}}, 1e-4)
  t.close(model:get_weights()[2], {0.5}, 1e-4)
  t.fails(function() model:fit(x, y, {batch_size = 32, verbose = 0}) end,
    "fit: LBFGS minimizes the loss of all rows together, so they must be one batch: leave batch_size out, or make " ..
    "it 100")
  t.fails(function() model:fit(function() return nn.data.batches(x, y) end, {verbose = 0}) end,
    "so they must be one batch: give tensors instead of batches")
  model:fit(x, y, {batch_size = 100, verbose = 0})
  t.close(model:train_on_batch(x, y), 0, 1e-9)
end)

t.test("penalties, constraints, noise that stays the same within a step, layers without weights", function()
  nn.seed(3)
  local x, y = nn.randn(50, 2), nn.ones(50, 1)
  local function bounded(b) return b:clamp(0, 0.5) end
  local model = nn.Sequential{nn.Dropout(0.5, {input_shape = {2}, seed = 2}),
    nn.Dense(1, {kernel_regularizer = nn.regularizers.L2(0.1), bias_constraint = bounded})}
  model:compile{optimizer = "lbfgs", loss = "mse"}
  local history = model:fit(x, y, {epochs = 3, verbose = 0})
  t.equal(history.loss[2] < history.loss[1], true)
  t.equal(model:get_weights()[2], {0.5})
  for _, seed in ipairs{"none", 2} do
    local masks, evaluations = {}, 0
    local function look(v, training)
      if training then
        evaluations = evaluations + 1
        masks[v:sum():item()] = true
      end
      return v
    end
    local noisy = nn.Sequential{nn.Dropout(0.5, {input_shape = {2}, seed = seed}), nn.Lambda(look), nn.Dense(1)}
    noisy:compile{optimizer = "lbfgs", loss = "mse"}
    noisy:fit(x, y, {verbose = 0})
    t.equal(evaluations > 2, true)
    t.equal(next(masks, next(masks)), nil)
  end
  local empty = nn.Sequential{nn.Flatten{input_shape = {2}}}
  empty:compile{optimizer = "lbfgs", loss = "mse"}
  t.close(empty:fit(x, x, {verbose = 0}).loss[1], 0, 0)
end)

t.test("schedules of callbacks find the rate; options and config", function()
  local model = regression(nn.optimizers.LBFGS(0.5, {history_size = 3}))
  t.equal(model.optimizer.learning_rate, 0.5)
  model:fit(nn.randn(8, 2), nn.randn(8, 1), {epochs = 2, verbose = 0,
    callbacks = {nn.callbacks.LearningRateScheduler(function(_, rate) return rate / 2 end)}})
  t.equal(model.optimizer.learning_rate, 0.125)
  t.equal(model.optimizer:get_config().learning_rate, 0.125)
  local again = nn.optimizers.get{class_name = "LBFGS", config = model.optimizer:get_config()}
  t.equal(again.config.history_size, 3)
  t.fails(function() nn.optimizers.LBFGS{history = 3} end, 'did you mean "history_size"?')
  t.fails(function() nn.optimizers.get "lbfg" end, 'did you mean "lbfgs"?')
end)

t.test("what it remembers is part of a backup: a run that was stopped ends as if it had not been", function()
  local folder = os.tmpname()
  os.remove(folder)
  local function run(...)
    nn.seed(1)
    local x = nn.randn(60, 4)
    local y = (x:sum(2) + nn.randn(60)):gt(0):to "float32"
    local model = nn.Sequential{nn.Dense(5, {activation = "tanh", input_shape = {4}}), nn.BatchNormalization(),
      nn.Dense(1, {activation = "sigmoid"})}
    model:compile{optimizer = nn.optimizers.LBFGS{max_iterations = 3}, loss = "binary_crossentropy"}
    model:fit(x, y, {epochs = 6, verbose = 0, callbacks = {...}})
    return model:get_weights()
  end
  local whole = run()
  local backup = nn.callbacks.BackupAndRestore{backup_dir = folder, delete_checkpoint = true}
  local stopper = {on_epoch_end = function(_, epoch)
    if epoch == 3 then error "stopped" end
  end}
  t.fails(function() run(backup, stopper) end, "stopped")
  for i, weight in ipairs(run(nn.callbacks.BackupAndRestore{backup_dir = folder})) do t.equal(weight, whole[i]) end
end)

t.test("wrong uses", function()
  local optimizer, p = nn.optimizers.LBFGS(), vector{1}
  t.fails(function() optimizer:step{p} end, "step: LBFGS evaluates the loss several times; call optimizer:minimize(")
  t.fails(function() optimizer:apply_gradients{{p, p}} end, "apply_gradients: LBFGS evaluates the loss several times")
  t.fails(function() optimizer:minimize(function() end, {p}) end,
    "minimize: the function must return the loss; got nil")
end)
