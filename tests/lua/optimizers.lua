-- nn.optimizers: Keras's numbers after three steps, clipping, decay, schedules; nn.schedules, nn.initializers,
-- nn.regularizers, nn.constraints, nn.activations.
local t = ...
local nn = require "nn"

local GRADIENTS = {0.1, -0.2, 0.3}

-- w after each of three steps from 1, by apply_gradients and by .grad
local STEPS = {
  {"SGD", {}, 0.9990000000, 1.0010000000, 0.9980000000},
  {"SGD", {momentum = 0.9}, 0.9990000000, 1.0001000000, 0.9980900000},
  {"SGD", {momentum = 0.9, nesterov = true}, 0.9981000000, 1.0010900000, 0.9962810000},
  {"RMSprop", {}, 0.9968378804, 0.9996949941, 0.9971043650},
  {"RMSprop", {centered = true, momentum = 0.5}, 0.9966668518, 0.9978933344, 0.9958760177},
  {"Adam", {}, 0.9990000316, 0.9993661300, 0.9990228918},
  {"Adam", {amsgrad = true}, 0.9990000316, 0.9993661300, 0.9990228918},
  {"AdamW", {}, 0.9989960316, 0.9993581340, 0.9990108984},
  {"Adamax", {}, 0.9990000010, 0.9992894745, 0.9990422421},
  {"Nadam", {}, 0.9989372133, 0.9998188784, 0.9989871558},
  {"Adagrad", {}, 0.9996984888, 1.0002148864, 0.9996025141},
  {"Adadelta", {}, 0.9999985859, 1.0000003837, 0.9999982194},
  {"Lion", {}, 0.9990000000, 1.0000000000, 0.9990000000},
  {"Ftrl", {}, 0.0462358994, 0.0467522972, 0.0461399248},
}

local function parameter(value, dtype)
  return nn.tensor({value or 1}, {dtype = dtype or "float64", requires_grad = true})
end

for _, row in ipairs(STEPS) do
  t.test("fields that an optimizer has not are errors", function()
  local adam = nn.optimizers.Adam{}
  adam.learning_rate, adam.iterations, adam.name = 0.5, 3, "mine"
  t.equal({adam.learning_rate, adam.iterations, adam.name}, {0.5, 3, "mine"})
  t.fails(function() adam.learningrate = 1 end, 'it has no field "learningrate" that may be set; did you mean "learn')
  t.fails(function() adam.color = 1 end, 'no field "color" that may be set; there are learning_rate and iterations')
  t.fails(function() adam.beta_1 = 0.5 end, "Adam: beta_1 is fixed when it is made; learning_rate and iterations may")
  local lbfgs = nn.optimizers.LBFGS{}
  lbfgs.learning_rate = 0.5
  t.fails(function() lbfgs.max_iterations = 5 end, "LBFGS: max_iterations is fixed when it is made")
  t.fails(function() lbfgs.learning_rat = 5 end, 'did you mean "learning_rate"?')
end)

t.test(("%s takes Keras's steps"):format(row[1]), function()
    for _, dtype in ipairs{"float64", "float32"} do
      local optimizer = nn.optimizers[row[1]](row[2])
      local w = parameter(1, dtype)
      for i, g in ipairs(GRADIENTS) do
        if i == 2 then
          (w * g):sum():backward()
          optimizer:step{w}
          t.equal(w.grad, nil)
        else
          optimizer:apply_gradients{{nn.tensor({g}, {dtype = dtype}), w}}
        end
        t.close(w:detach()[1], row[2 + i], dtype == "float64" and 1e-9 or 1e-6)
      end
      t.equal(optimizer.iterations, 3)
    end
  end)
end

local function sgd_step(options, g, w)
  options.learning_rate = 1
  w = w or parameter(1)
  nn.optimizers.SGD(options):apply_gradients{{nn.tensor(g, {dtype = "float64"}), w}}
  return w:detach()
end

t.test("clipping and decay", function()
  t.close(sgd_step({clipvalue = 0.5}, {3})[1], 0.5, 1e-12)
  local w = nn.zeros(2, {dtype = "float64", requires_grad = true})
  t.close(sgd_step({clipnorm = 1}, {3, 4}, w)[1], -0.6, 1e-7)
  w = nn.zeros(2, {dtype = "float64", requires_grad = true})
  t.close(sgd_step({global_clipnorm = 1}, {3, 4}, w)[2], -0.8, 1e-7)
  t.close(sgd_step({weight_decay = 0.1}, {0})[1], 0.9, 1e-12)
  t.fails(function() sgd_step({clipnorm = 1, clipvalue = 1}, {1}) end, "clip")
end)

t.test("gradient accumulation counts updates", function()
  local optimizer = nn.optimizers.SGD{learning_rate = 1, gradient_accumulation_steps = 2}
  local w = parameter(0)
  for _, g in ipairs{1, 3, 2, 2} do optimizer:apply_gradients{{nn.tensor({g}, {dtype = "float64"}), w}} end
  t.close(w:detach()[1], -4, 1e-12)
  t.equal(optimizer.iterations, 2)
end)

t.test("the learning rate can be read and set; integers will do", function()
  local optimizer = nn.optimizers.SGD{learning_rate = 1}
  t.close(optimizer.learning_rate, 1, 0)
  optimizer.learning_rate = 0.5
  t.close(optimizer.learning_rate, 0.5, 0)
  local w = parameter(1)
  optimizer:apply_gradients{{nn.ones(1, {dtype = "float64"}), w}}
  t.close(w:detach()[1], 0.5, 1e-12)
  t.close(nn.optimizers.SGD(0.25).learning_rate, 0.25, 0)
  t.close(nn.optimizers.get "adam".learning_rate, 0.001, 0)
  t.close(nn.optimizers.get "sgd".learning_rate, 0.01, 0)
  t.fails(function() optimizer.learning_rate = "fast" end, "learning_rate")
end)

t.test("schedules move the rate before each step", function()
  local halving = nn.schedules.ExponentialDecay{initial_learning_rate = 1, decay_steps = 1, decay_rate = 0.5}
  local w, optimizer = parameter(0), nn.optimizers.SGD{learning_rate = halving}
  for _ = 1, 3 do optimizer:apply_gradients{{nn.ones(1, {dtype = "float64"}), w}} end
  t.close(w:detach()[1], -1.75, 1e-12)
  t.equal(optimizer.learning_rate, halving)
  t.close(optimizer:current_learning_rate(), 0.125, 1e-12)
  local again = nn.optimizers.get{class_name = "SGD", config = optimizer:get_config()}
  t.close(again.learning_rate(2), 0.25, 1e-12)
  optimizer.learning_rate = 0.1
  t.close(optimizer.learning_rate, 0.1, 1e-12)
  optimizer.learning_rate = function(step) return step end
  t.close(optimizer:current_learning_rate(), 3, 0)
end)

t.test("schedules have Keras's numbers", function()
  local s = nn.schedules
  t.close(s.ExponentialDecay(0.1, 100, 0.5)(50), 0.0707106781, 1e-9)
  t.close(s.ExponentialDecay(0.1, 100, 0.5, {staircase = true})(199), 0.05, 1e-12)
  t.close(s.CosineDecay(0.1, 100, {alpha = 0.1})(25), 0.0868198052, 1e-9)
  t.close(s.CosineDecay(0.1, 100, {alpha = 0.1})(500), 0.01, 1e-12)
  t.close(s.PolynomialDecay(0.1, 100, {end_learning_rate = 0.01, power = 2})(50), 0.0325, 1e-12)
  t.close(s.PolynomialDecay(0.1, 100)(1000), 1e-4, 1e-12)
  t.close(s.PolynomialDecay(1, 100, {cycle = true, end_learning_rate = 0})(150), 0.25, 1e-12)
  t.close(s.InverseTimeDecay(0.1, 100, 0.5)(50), 0.08, 1e-12)
  local steps = s.PiecewiseConstantDecay({10, 20}, {1, 0.5, 0.1})
  t.close(steps(10), 1, 0)
  t.close(steps(11), 0.5, 0)
  t.close(steps(21), 0.1, 0)
  local warm = s.CosineDecay{initial_learning_rate = 0, decay_steps = 100, warmup_target = 1, warmup_steps = 10}
  t.close(warm(5), 0.5, 1e-12)
  t.close(warm(60), 0.5, 1e-12)
  local restarts = s.CosineDecayRestarts(1, 10, {m_mul = 0.5})
  t.close(restarts(5), 0.5, 1e-12)
  t.close(restarts(10), 0.5, 1e-12)
  t.close(restarts(20), 0.25, 1e-12)
  t.close(s.CosineDecayRestarts(1, 10, {t_mul = 1})(15), 0.5, 1e-12)
  t.fails(function() s.PiecewiseConstantDecay({1, 2}, {1}) end, "one more")
  t.fails(function() s.ExponentialDecay{initial_learning_rate = 1} end, "decay_steps is missing")
end)

t.test("names of optimizers: any case; nearest name", function()
  t.equal(nn.optimizers.get "RMSPROP".class_name, "RMSprop")
  t.equal(nn.optimizers.get(nn.optimizers.Adam).class_name, "Adam")
  t.fails(function() nn.optimizers.get "adamm" end, 'did you mean "adam"')
  t.fails(function() nn.optimizers.Adam{lr = 1} end, "unknown option")
end)

t.test("initializers: spread, seeds, functions", function()
  local i = nn.initializers
  local glorot = i.get "glorot_uniform"({784, 128})
  t.equal(glorot:abs():max():item() <= 0.0811107106 + 1e-7, true)
  t.close(glorot:std():item(), 0.0811107106 / math.sqrt(3), 5e-4)
  local he = i.HeNormal{seed = 3}({784, 128})
  t.close(he:std():item(), math.sqrt(2 / 784), 5e-4)
  t.equal(he:abs():max():item() <= 0.1148389127 + 1e-6, true)
  t.equal(i.RandomNormal{seed = 7}({3, 3}):eq(i.RandomNormal{seed = 7}({3, 3})):all():item() ~= 0, true)
  t.equal(i.RandomNormal{}({3, 3}):eq(i.RandomNormal{}({3, 3})):all():item(), 0)
  t.close(i.Constant(3)({2})[2], 3, 0)
  t.close(i.Constant{value = 4}({2}, "float64")[1], 4, 0)
  t.equal(i.get "zeros"({2}, "float64").dtype, "float64")
  t.close(i.zeros({2})[1], 0, 0)
  local sizes = i.Zeros()(2, 3, "float64")
  t.equal({sizes.shape, sizes.dtype, i.Ones()(4).shape}, {{2, 3}, "float64", {4}})
  t.equal(i.get(function(shape, dtype) return nn.full(shape, 5, {dtype = dtype}) end)(2, 1), {{5}, {5}})
  t.fails(function() i.Zeros()(2, 3, {}) end, "zeros: dtype must be a name")
  t.equal(i.get "normal".class_name, "RandomNormal")
  local q = i.Orthogonal{}({4, 3})
  t.close((q:t():matmul(q) - nn.eye(3)):abs():max():item(), 0, 1e-6)
  t.close(i.get(function(shape) return nn.full(shape, 5) end)({2, 2}):sum():item(), 20, 0)
  t.equal(i.get{class_name = "Constant", config = {value = 2}}({1})[1], 2)
  t.fails(function() i.get "glorot_unifrom" end, "glorot_uniform")
end)

t.test("regularizers", function()
  local r = nn.regularizers
  local w = nn.tensor({{1, -2}, {3, -4}}, {requires_grad = true})
  t.close(r.L1(0.1)(w):item(), 1, 1e-6)
  t.close(r.L2{l2 = 0.1}(w):item(), 3, 1e-6)
  t.close(r.L1L2(0.1, 0.2)(w):item(), 7, 1e-6)
  t.close(r.get "l2"(w):item(), 0.3, 1e-6)
  t.close(r.L1L2()(w):item(), 0, 0)
  t.close(r.get(function(x) return x:sum() end)(w):item(), -2, 1e-6)
  r.L2(0.5)(w):backward()
  t.close(w.grad[{2, 1}], 3, 1e-6)
  t.close(r.OrthogonalRegularizer{}(nn.eye(3)):item(), 0, 1e-7)
  t.close(r.OrthogonalRegularizer(1)(nn.tensor{{1, 0}, {1, 0}}):item(), 1, 1e-6)
  t.equal(r.get{class_name = "L1", config = r.L1(0.3):get_config()}.config.l1, 0.3)
  t.fails(function() r.L1(-1) end, ">= 0")
end)

t.test("constraints", function()
  local c = nn.constraints
  local w = nn.tensor{{3, 0}, {-4, 0.5}}
  t.close(c.MaxNorm(2)(w)[{1, 1}], 1.2, 1e-6)
  t.close(c.MaxNorm{max_value = 2}(w)[{2, 2}], 0.5, 1e-6)
  t.close(c.MaxNorm{axis = 2}(w)[{1, 1}], 2, 1e-6)
  t.close(c.UnitNorm{}(w)[{2, 1}], -0.8, 1e-6)
  t.close(c.NonNeg{}(w):sum():item(), 3.5, 1e-6)
  t.close(c.get "min_max_norm"(w)[{1, 1}], 0.6, 1e-6)
  t.close(c.MinMaxNorm{min_value = 1, max_value = 1, rate = 0.5}(w)[{2, 2}], 0.75, 1e-6)
  t.close(c.get(function(x) return x * 2 end)(w)[{1, 1}], 6, 0)
  t.fails(function() c.get "maxnrom" end, "max_norm")
end)

t.test("activations: functions, options, specs", function()
  local a = nn.activations
  local x = nn.tensor{-2, 0.5}
  t.close(a.relu(x)[1], 0, 0)
  t.close(a.relu(x, {negative_slope = 0.1})[1], -0.2, 1e-7)
  t.close(a.leaky_relu(x)[1], -0.4, 1e-7)
  t.close(a.threshold(x, 0, 7)[1], 7, 0)
  t.close(a.get "tanh"(x)[2], 0.46211715726, 1e-6)
  t.equal(a.get "HardSigmoid".name, "hard_sigmoid")
  t.equal(rawequal(a.get(a.relu), a.get "relu"), true)
  t.close(a.get{class_name = "elu", config = {alpha = 2}}(x)[1], 2 * (math.exp(-2) - 1), 1e-6)
  t.close(a.get(function(v) return v * 3 end)(x)[2], 1.5, 1e-6)
  t.equal(a.get(nil), nil)
  t.fails(function() a.get "relu6x" end, 'did you mean "relu6"')
  t.fails(function() a.relu(x, {slope = 1}) end, "unknown option")
end)
