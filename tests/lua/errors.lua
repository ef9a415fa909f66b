-- Wrong calls and what they say: one line, which starts with the user's own place, the call, what was expected, what
-- came.
local t = ...
local nn = require "nn"

local a, b = nn.zeros(2, 3), nn.zeros(2, 4)
local v = nn.tensor{1, 2, 3}
local i = nn.tensor({1, 2}, {dtype = "int64"})

local wrong = {
  {function() nn.relu() end, "relu: expected a tensor; got nil"},
  {function() nn.relu(3) end, "relu: expected a tensor; got number"},
  {function() nn.relu("x") end, "relu: expected a tensor; got string"},
  {function() nn.relu(io.stdout) end, "relu: expected a tensor; got FILE*"},
  {function() nn.relu{a = 1} end, "relu: expected a tensor or a number; got table"},
  {function() nn.relu(a, 1) end, "relu: unexpected argument: 1"},
  {function() return a + "x" end, "add: argument 2: expected a tensor or a number; got string"},
  {function() return nil + a end, "add: argument 1: expected a tensor or a number; got nil"},
  {function() nn.add(1, 2) end, "add: expected a tensor among the arguments; got numbers only"},
  {function() return a + b end, "add: shapes do not broadcast: {2, 3} and {2, 4}"},
  {function() return a .. "x" end, "a tensor is not text; use tostring(t)"},
  {function() return a < b end, "<: gives one boolean, so it compares tensors of one element; got {2, 3}: use a:lt"},
  {function() return #nn.tensor(1) end, "#: a tensor of rank 0 has no length"},
  {function() nn.matmul(a, b) end, "matmul: inner dimensions differ: {2, 3} x {2, 4}"},
  {function() a:sum("x") end, "sum: dims must be an integer or a list of integers; got string"},
  {function() a:sum(1.5) end, "sum: dims must be an integer; got 1.5"},
  {function() a:sum(3) end, "sum: dimension 3 is outside {2, 3}"},
  {function() a:sum(1, 2) end, "sum: keepdim must be true or false; got 2"},
  {function() a:sum(1, {keepdims = true}) end, 'sum: unknown option "keepdims"; did you mean "keepdim"?'},
  {function() a:sum(1, {dims = 2}) end, "sum: dims is given twice"},
  {function() a:sum(1, true, {}, 4) end, "sum: unexpected argument: 4"},
  {function() a:reshape() end, "reshape: shape is missing"},
  {function() a:reshape(4) end, "reshape: {2, 3} of 6 elements does not fit into {4}"},
  {function() a:reshape(-1, -1) end, "reshape: only one size may be -1; got {-1, -1}"},
  {function() a:reshape{2, "x"} end, "reshape: shape must be integers; [2] is string"},
  {function() a:transpose(1) end, "transpose: dim2 is missing"},
  {function() a:transpose(1, 5) end, "transpose: dimension 5 is outside {2, 3}"},
  {function() a:pad{1, 2} end, "pad: pairs[1] must be {before, after}"},
  {function() a:index_select(1, {3}) end, "index_select: position 3 is outside"},
  {function() a:index_select(1, {0}) end, "index_select: position 0 is outside"},
  {function() a:to "float16" end, 'to: unknown dtype "float16"; did you mean "float32"?'},
  {function() a:to(1) end, "to: dtype must be a name; got 1"},
  {function() nn.tensor{1, 300}:to "uint8" end, "300"},
  {function() nn.tensor{0 / 0}:to "int64" end, "NaN at {1} does not fit into int64"},
  {function() nn.cat() end, "cat: expected a list of tensors; got nil"},
  {function() nn.cat{} end, "cat: expected a list of tensors; got table"},
  {function() nn.cat{a, 1} end, "cat: the list holds tensors; [2] is 1"},
  {function() nn.cat({a, b}, 1) end, "cat:"},
  {function() nn.einsum(a, a) end, "einsum: spec is missing"},
  {function() nn.topk(v, 2.5) end, "topk: k must be an integer; got 2.5"},
  {function() nn.leaky_relu(v, {slop = 1}) end, 'leaky_relu: unknown option "slop"; did you mean "slope"?'},

  {function() return v[4] end, "index: position 4 is outside dimension 1 of {3}"},
  {function() return v[0] end, "index: positions count from 1 (or -1, the last); got 0"},
  {function() return v[1.5] end, "index: positions are integers; got 1.5"},
  {function() return v[true] end, "index: expected a position or {...}; got true"},
  {function() return v[v] end, "index: a tensor is no position; use masked_select(mask) or index_select(dim, "},
  {function() return a[{1, 2, 3}] end, "index: 3 positions for {2, 3}"},
  {function() return a[{1, {2, 5}}] end, "index: position 5 is outside dimension 2 of {2, 3}"},
  {function() return a[{1, {0, 2}}] end, "index: positions count from 1"},
  {function() return a[{1, {2, 0}}] end, "index:"},
  {function() return a[{"x"}] end, "index: expected a position, {first, last} or {}; got string"},
  {function() return a[{{1, 2, 3}}] end, "index: a range is {first, last}; got 3 values"},
  {function() v[4] = 1 end, "index: position 4 is outside"},
  {function() v[1] = "x" end, "index: expected a tensor or a number; got string"},
  {function() a[1] = {1, 2} end, "{2}"},
  {function() a.shape = {6} end, 'a tensor has no field "shape" that can be set'},
  {function() a.requires_grad = 1 end, "requires_grad_: the argument must be true or false; got 1"},
  {function() i:requires_grad_() end, "requires_grad_: only floats have gradients; this tensor is int64"},
  {function() a:item() end, "item: expected a tensor of one element; got {2, 3}"},
  {function() a:size(3) end, "size: dimension 3 is outside {2, 3}"},
  {function() a:split(0) end, "split: size must be at least 1; got 0"},
  {function() a:split{1, 2} end, "split: the sizes must add up to 2"},
  {function() a:chunk(0) end, "chunk: n must be at least 1; got 0"},
  {function() a:fill_() end, "fill_: expected a tensor or a number; got nil"},
  {function() a:add_(b) end, "add: shapes do not broadcast: {2, 3} and {2, 4}"},
  {function() v:add_(a) end, "add_:"},
  {function() v:clamp_("x") end, "clamp_: lo must be a number; got string"},

  {function() nn.tensor() end, "tensor: expected a number, a table of numbers or a tensor; got nil"},
  {function() nn.tensor "x" end, "tensor: expected a number, a table of numbers or a tensor; got string"},
  {function() nn.tensor{1, "x"} end, "tensor: [2] is string; expected a number as in the first row"},
  {function() nn.tensor{{1, 2, 3}, {1, 2, 3}, {1, 2}} end, "tensor: row 3 has 2 values, row 1 has 3"},
  {function() nn.tensor{{{1, 2}}, {{1}}} end, "tensor: row [2][1] has 1 values, row [1][1] has 2"},
  {function() nn.tensor{1, {2}} end, "tensor: [2] is a table; expected a number as in the first row"},
  {function() nn.tensor{{1}, 2} end, "tensor: [2] is 2; expected a table as in the first row"},
  {function() nn.tensor{v, v} end, "tensor: [1] is a tensor (nn.stack joins tensors); expected a number"},
  {function() nn.tensor{x = 1} end, "tensor: expected numbers; got a table with names in it"},
  {function() nn.tensor{1, 2, dtype = "int64"} end,
    'tensor: "dtype" stands in a list; options go into a table of their own'},
  {function() nn.zeros{2, 3, dtype = "int64"} end, 'zeros: "dtype" stands in a list'},
  {function() a:sum{1, keepdim = true} end, 'sum: "keepdim" stands in a list'},
  {function() nn.tensor({1}, {dtyp = "int64"}) end, 'tensor: unknown option "dtyp"; did you mean "dtype"?'},
  {function() nn.tensor({1}, {dtype = "int32"}) end, 'tensor: unknown dtype "int32"; did you mean "int64"?'},
  {function() nn.tensor({1}, {dtype = "int64", requires_grad = true}) end,
    "tensor: only floats have gradients; the dtype is int64"},
  {function() nn.tensor({1, 300}, {dtype = "uint8"}) end, "tensor: [2] = 300 does not fit into uint8"},
  {function() nn.tensor({-1}, {dtype = "uint8"}) end, "tensor: [1] = -1 does not fit into uint8"},
  {function() nn.tensor({1e300}, {dtype = "int64"}) end, "tensor: [1] = 1e+300 does not fit into int64"},
  {function() nn.tensor({0 / 0}, {dtype = "int64"}) end, "does not fit into int64"},
  {function() local x = {} x[1] = x nn.tensor(x) end, "tensor: the table is more than 8 levels deep"},
  {function() nn.zeros() end, "zeros: expected a shape, such as 2, 3 or {2, 3}"},
  {function() nn.zeros(-1) end, "zeros: sizes must not be negative; got {-1}"},
  {function() nn.zeros(2.5) end, "zeros: sizes must be integers; got 2.5"},
  {function() nn.zeros("x") end, "zeros: sizes must be integers; got string"},
  {function() nn.zeros(2, "float32") end, "zeros: sizes must be integers; got string"},
  {function() nn.zeros(1 << 32, 1 << 32) end, "zeros:"},
  {function() nn.zeros(1 << 62, 4) end, "zeros:"},
  {function() nn.zeros(1 << 43) end, "out of memory"},
  {function() nn.zeros(1e300) end, "zeros: sizes must be integers; got 1e+300"},
  {function() nn.zeros(1, 1, 1, 1, 1, 1, 1, 1, 1) end, "zeros: rank 9 is above 8, the highest"},
  {function() nn.eye(-1) end, "eye:"},
  {function() nn.rand(2, {dtype = "int64"}) end, "rand: draws floats; the dtype is int64: use randint"},
  {function() nn.full({2}) end, "full: value must be a number; got nil"},
  {function() nn.full({2}, 1.5, {dtype = "int64"}) end,
    "full: the value of an integer tensor must be an integer; got 1.5"},
  {function() nn.full({2}, 300, {dtype = "uint8"}) end, "300"},
  {function() nn.arange(1) end, "arange: last must be a number; got nil"},
  {function() nn.arange(1, 2, 0) end, "arange:"},
  {function() nn.arange(0, 1e19, 1e18, {dtype = "int64"}) end, "arange: 0 to 1e+19 does not fit into int64"},
  {function() v:narrow(1, 2, math.maxinteger) end,
    "narrow: 9223372036854775807 positions from 2 on do not fit into dimension 1 of {3}"},
  {function() v:narrow(1, -5, 1) end, "narrow: 1 positions from -5 on do not fit into dimension 1 of {3}"},
  {function() i:add_(0.5) end, 'add_: the result is float32 and does not fit into int64; use to("float32") first'},
  {function() i:div_(2) end, "div_: the result is float32"},
  {function() a:unsqueeze(4 + 1) end, "unsqueeze: dimension 5 is outside 1..3 of the result for {2, 3}"},
  {function() nn.stack({a, a}, 4) end, "stack: dimension 4 is outside 1..3 of the result for {2, 3}"},
  {function() a:expand(3, 3) end, "expand:"},
  {function() a:std(3) end, "std: dimension 3 is outside {2, 3}"},
  {function() nn.topk(v, 1, 2) end, "topk: dimension 2 is outside {3}"},
  {function() a:sort(3) end, "sort: dimension 3 is outside {2, 3}"},
  {function() a:max(3) end, "max: dimension 3 is outside {2, 3}"},
  {function() nn.arange(1, math.huge) end, "arange:"},
  {function() nn.linspace(0, 1, -1) end, "linspace:"},
  {function() nn.randint(3, 1, {2}) end, "randint:"},
  {function() nn.randperm(-1) end, "randperm:"},
  {function() nn.seed "x" end, "seed: the seed must be an integer; got string"},
  {function() nn.from_string("abc", "float32", {1}) end, "from_string: {1} of float32 takes 4 bytes; got 3"},
  {function() nn.from_string(1, "uint8") end, "from_string: expected a string of bytes; got number"},

  {function() a:backward() end, "backward: nothing to differentiate"},
  {function() a:backward{retain = true} end, 'backward: unknown option "retain"'},
  {function() local w = nn.ones(3, {requires_grad = true}) nn.grad(w * 2, w) end,
    "grad: a tensor of shape {3} needs a reduction such as sum() first"},
  {function() nn.grad(a, nn.ones(1, {requires_grad = true})) end, "grad: nothing to differentiate"},
  {function() nn.ones(3, {requires_grad = true}):mul(2):backward() end,
    "backward: a tensor of shape {3} needs a gradient to start from, or a reduction"},
  {function() nn.grad(a, {}) end, "grad: no inputs given"},
  {function() nn.grad(a, {1}) end, "grad: input 1 is no tensor but 1"},
  {function() nn.grad(a) end, "grad: argument 2: expected a tensor or a list of tensors; got nil"},
  {function() nn.grad(a, a) end, "grad: input 1 does not require gradients"},
  {function() nn.custom(1) end, "custom: expected {forward = f, vjp = v}; got number"},
  {function() nn.custom{forward = print} end, "custom: vjp must be a function; got nil"},
  {function() nn.custom{forward = print, vjp = print, backward = print} end, 'custom: unknown option "backward"'},
  {function() nn.no_grad() end, "no_grad: expected a function; got nil"},
  {function() nn.scope() end, "scope: expected a function; got nil"},
  {function() nn.keep(1) end, "keep: expected a tensor; got number"},
  {function() nn.set_threads(0) end, "set_threads: n must be within 1..64; got 0"},
}

for n, case in ipairs(wrong) do
  t.test("wrong call " .. n .. ": " .. case[2], function()
    local message = t.fails(case[1], case[2])
    if not message:find "^[^%s:]*errors.lua:%d+: " then error("no place in front: " .. message) end
  end)
end

-- A call with the wrong one of . and : says so, whatever else is wrong with it.
local metric, optimizer = nn.metrics.Precision{}, nn.optimizers.Adam{}
local layer, dataset = nn.Dense(3), nn.data.Dataset(a, a)
local methods = {
  ["t:sum"] = {function() return a.sum() end, function() return a.sum(1) end}, ["t:item"] = function() a.item() end,
  ["t:totable"] = function() a.totable() end, ["t:reshape"] = function() return a.reshape(3, 2) end,
  ["t:backward"] = function() a.backward() end, ["t:add_"] = function() return a.add_(1) end,
  ["metric:update_state"] = {function() metric.update_state(a, a) end, function() metric.update_state({1}, {1}) end},
  ["metric:result"] = {function() metric.result() end, function() nn.metrics.get("accuracy").result() end},
  ["metric:reset_state"] = function() metric.reset_state() end,
  ["optimizer:apply_gradients"] = function() optimizer.apply_gradients{{a, a}} end,
  ["optimizer:step"] = function() optimizer.step{a} end,
  ["optimizer:minimize"] = function() nn.optimizers.LBFGS{}.minimize(print, {}) end,
  ["layer:adapt"] = function() nn.Normalization().adapt(a) end, ["layer:build"] = function() layer.build{3} end,
  ["layer:get_config"] = function() layer.get_config() end,
  ["layer:add_weight"] = function() layer.add_weight{name = "w"} end,
  ["vectorizer:adapt"] = function() nn.data.TextVectorizer{}.adapt{"a"} end,
  ["lookup:adapt"] = function() nn.data.StringLookup{}.adapt{"a"} end,
  ["dataset:batches"] = function() dataset.batches() end,
  ["nn.Layer:extend"] = function() nn.Layer.extend("Foo", {}) end,
  ["nn.callbacks.Callback:extend"] = function() nn.callbacks.Callback.extend("Foo", {}) end,
}
local functions = {
  ["nn.tensor"] = function() local _ = nn:tensor{1, 2} end, ["nn.zeros"] = function() local _ = nn:zeros(2) end,
  ["nn.relu"] = function() local _ = nn:relu(a) end, ["nn.matmul"] = function() local _ = nn:matmul(a, a) end,
  ["nn.cat"] = function() local _ = nn:cat({a, a}, 1) end, ["nn.no_grad"] = function() local _ = nn:no_grad(print) end,
  ["nn.value_and_grad"] = function() nn:value_and_grad(print) end, ["nn.save"] = function() nn:save("x", a) end,
  ["nn.Dense"] = function() local _ = nn:Dense(3) end,
  ["nn.Sequential"] = function() local _ = nn:Sequential{layer} end,
  ["nn.losses.MeanSquaredError"] = function() local _ = nn.losses:MeanSquaredError{} end,
  ["nn.losses.mean_squared_error"] = function() local _ = nn.losses:mean_squared_error(a, a) end,
  ["nn.optimizers.Adam"] = {function() local _ = nn.optimizers:Adam{} end, function() nn.optimizers:Adam(1) end},
  ["nn.activations.relu"] = function() local _ = nn.activations:relu(a) end,
  ["nn.data.batches"] = function() local _ = nn.data:batches(a, a) end,
  ["nn.datasets.mnist"] = function() local _ = nn.datasets:mnist{} end,
}
local function said(calls, message)
  for call, cases in pairs(calls) do
    for _, case in ipairs(type(cases) == "table" and cases or {cases}) do
      t.test(call .. " is written so", function() t.fails(case, message(call, call:match "^(.*)[.:](.*)$")) end)
    end
  end
end
said(methods, function(_, object, name)
  return ("errors.lua:%%d+: %s: call it with a colon, %s:%s%%(...%%) instead of %s.%s%%(...%%)$"):format(name, object,
    name, object, name)
end)
said(functions, function(_, space, name)
  return ("errors.lua:%%d+: %s: call it with a dot, %s.%s%%(...%%) instead of %s:%s%%(...%%)$"):format(name, space,
    name, space, name)
end)

-- What was said in words of the inside, or of Lua.
local auc, regularizer = nn.metrics.AUC{}, nn.regularizers.OrthogonalRegularizer{}
local model = nn.Sequential{nn.Dense(2, {input_shape = {3}})}
local odd = {
  {function() metric:update_state({1}, {1}, print) end, "update_state: sample_weight must be a tensor; got a function"},
  {function() auc:update_state(io.stdout, {1}) end, "update_state: y_true must be a tensor; got an object"},
  {function() nn.metrics.Mean{}:update_state(true) end, "update_state: values must be a tensor; got true"},
  {function() nn.metrics.get("accuracy"):update_state(1, print) end, "update_state: y_pred must be a tensor"},
  {function() nn.losses.Crossentropy{}(nil, a) end, "crossentropy: y_true must be a tensor; got nil"},
  {function() layer(io.stdout) end, "Dense: expected a tensor; got an object"},
  {function() nn.Dense(2):build(3) end, "build: the shape of one input is expected; got 3"},
  {function() nn.Dense(2):compute_output_shape() end, "build: the shape of one input is expected; got nil"},
  {function() model:build{nil, 2} end, "build: the sizes of a shape are integers from 0 on; got nil"},
  {function() model:build(2, "x") end, 'build: the sizes of a shape are integers from 0 on; got "x"'},
  {function() model:predict(io.stdout) end, "predict: x must be a tensor; got an object"},
  {function() nn.data.batches(io.stdout, a) end, "batches: x must be a tensor; got an object"},
  {function() nn.data.Dataset(1) end, "Dataset: x must have rows; got a single number"},
  {function() optimizer:apply_gradients(3) end, "apply_gradients: a list of pairs {gradient, parameter} is expected"},
  {function() optimizer:step({}, 3) end, "step: the gradients must be a list of tensors; got 3"},
  {function() nn.optimizers.LBFGS{}:minimize(1, {}) end, "minimize: a function that gives the loss is expected; got 1"},
  {function() nn.optimizers.LBFGS{}:minimize(print, {i}) end, "minimize: parameters must be float tensors; [1] is a t"},
  {function() optimizer.learning_rate = a end, "learning_rate must be a number >= 0 or a schedule; got a tensor {2"},
  {function() nn.regularizers.L2(0.1)(print) end, "L2: the weight must be a tensor; got a function"},
  {function() regularizer(1) end, "OrthogonalRegularizer: a matrix is expected; got rank 0"},
  {function() nn.constraints.NonNeg{}(print) end, "NonNeg: the weight must be a tensor; got a function"},
  {function() nn.schedules.CosineDecay(1, 10)(print) end, "CosineDecay: the number of updates made is expected; got a"},
  {function() nn.callbacks.LearningRateScheduler{} end, "LearningRateScheduler: schedule is missing"},
  {function() nn.callbacks.LearningRateScheduler{schedule = {}} end, "schedule must be a function; got a table"},
  {function() model:summary{print_fn = {}} end, "summary: print_fn must be a function; got a table"},
  {function() nn.metrics.AUC{num_thresholds = math.maxinteger} end, "num_thresholds must be an integer from 2 to 1000"},
  {function() nn.metrics.R2Score{num_regressors = "none"} end, 'num_regressors must be an integer >= 0; got "none"'},
  {function() nn.Dense(2, {activation = nn.Dense}) end, "Dense: activation: a name or a function is expected; got a"},
  {function() nn.Dense(2, {kernel_initializer = {}}) end, "Dense: kernel_initializer: a name, an object or a function"},
  {function() nn.value_and_grad(1) end, "value_and_grad: a function is expected; got 1"},
}
for n, case in ipairs(odd) do
  t.test("odd call " .. n .. ": " .. case[2], function()
    local message = t.fails(case[1], case[2])
    if not message:find "^[^%s:]*errors.lua:%d+: " then error("no place in front: " .. message) end
  end)
end

t.test("a name is suggested where it is near, else those that there are", function()
  local function unit(name) return function() nn.Dense{[name] = 1} end end
  t.fails(unit "unit", 'unknown option "unit"; did you mean "units"?')
  t.fails(unit "untis", 'unknown option "untis"; did you mean "units"?')
  t.fails(unit "kernel_init", 'unknown option "kernel_init"; did you mean "kernel_initializer"?')
  t.fails(unit "colour", 'Dense: unknown option "colour"; help "Dense" lists them')
  t.fails(function() nn.optimizers.SGD{lr = 1} end, 'unknown option "lr"; did you mean "learning_rate"?')
  t.fails(function() nn.losses.get "relu" end, 'loss: there is no "relu"; help(nn.losses) lists them')
  t.fails(function() nn.constraints.get "relu" end, 'constraint: there is no "relu"; there are ')
  t.fails(function() nn.custom{forward = print, vjp = print, backwards = print} end,
    'custom: unknown option "backwards"; there are forward and vjp')
end)

t.test("full takes sizes one after the other; < compares integers as integers", function()
  t.equal(tostring(nn.full(2, 2, 7)), tostring(nn.full({2, 2}, 7)))
  t.equal(tostring(nn.full(3, 7)), tostring(nn.full({3}, 7)))
  local large = nn.tensor({(1 << 53) + 1}, {dtype = "int64"})
  t.equal(large > (1 << 53), true)
  t.equal(large <= (1 << 53), false)
  t.equal(nn.tensor{1} < 2, true)
end)

t.test("the position is that of the user's line, also under pcall", function()
  local line = debug.getinfo(1, "l").currentline + 1
  local _, message = pcall(nn.relu, nil)
  t.equal(message:match ":(%d+):", tostring(line))
end)

t.test("writes into what was broadcast are refused", function()
  local wide = nn.ones(1, 3):expand(2, 3)
  t.fails(function() wide:add_{{1, 2, 3}, {10, 20, 30}} end, "add_: elements of {2, 3} share one place in memory")
  t.fails(function() wide:copy_{{1, 2, 3}, {10, 20, 30}} end, "share one place in memory")
  local p = nn.ones(1, 2):expand(2, 2):requires_grad_(true)
  t.fails(function() nn.optimizers.SGD(1):step({p}, {nn.ones(2, 2)}) end, "share one place in memory")
end)

t.test("functions of the user's get targets of the predictions' rank", function()
  local x, y = nn.linspace(-1, 1, 32):reshape(32, 1), nn.linspace(-2, 2, 32)
  local line = nn.Sequential{nn.Dense(1, {input_shape = {1}})}
  local function error_of(truth, guess) return (truth - guess):square():mean() end
  line:compile{loss = error_of, optimizer = nn.optimizers.SGD(0.5), metrics = {error_of}}
  line:fit(x, y, {epochs = 50, verbose = 0, check = false})
  local loss, measured = line:evaluate(x, y, {verbose = 0})
  t.equal(loss < 1e-6 and measured < 1e-6, true)
end)

t.test("a model is no layer of itself, NaN is among no greatest", function()
  local empty = nn.Sequential{}
  t.fails(function() empty:add(empty) end, "add: a model cannot be a layer of itself")
  local top = nn.metrics.TopKCategoricalAccuracy{k = 2}
  top:update_state({{0, 1, 0}}, {{0 / 0, 0 / 0, 0 / 0}})
  t.equal(top:result(), 0)
end)
