-- Every declared option of every layer, loss, optimizer, metric, callback, schedule, initializer, regularizer,
-- constraint and activation, and of compile and fit: a wrong name, a wrong type and a value out of range are errors of
-- one line that name the class, the option, and what is allowed or the nearest name.
local t = ...
local nn = require "nn"

-- What is of no use as a value of a kind. Kinds that take anything are not here.
local WRONG = {
  number = {"much", true, {1}}, integer = {1.5, "three", {1}}, flag = {1, "yes"}, text = {5, {}},
  choice = {"nonsense", 5}, shape = {"wide", 1.5, {1, "x"}}, numbers = {"much", {1, "x"}}, dtype = {"float16", 5},
  tensor = {true}, ["function"] = {5, "f"}, list = {5, "x"}, table = {5, "x"},
  activation = {5, true}, initializer = {5, true}, regularizer = {5, true}, constraint = {5, true},
}

-- Names that are members of a family, misspelt, and the nearest.
local MISSPELT = {
  activation = {"relu6x", "relu6"}, initializer = {"he_normall", "he_normal"}, regularizer = {"l1_l22", "l1_l2"},
  constraint = {"max_nrom", "max_norm"},
}

-- What the options that must be there are given, by kind.
local NEEDED = {
  number = 1, integer = 2, text = "x", shape = {2}, numbers = {1}, ["function"] = print, list = {}, any = print,
  activation = "relu",
}

-- Where the class is particular about what it needs.
local PARTICULAR = {
  PiecewiseConstantDecay = {boundaries = {1}, values = {1, 2}}, AlphaDropout = {rate = 0.5},
  GaussianDropout = {rate = 0.5},
}

local function arguments(class, declared, given)
  local all = {}
  for _, option in ipairs(declared) do
    if option.required then all[option.name] = NEEDED[option.kind] end
  end
  for name, value in pairs(PARTICULAR[class] or {}) do all[name] = value end
  for name, value in pairs(given) do all[name] = value end
  return all
end

-- call(options) fails with a message that has all these texts.
local function complains(call, options, ...)
  local message = t.fails(function() call(options) end)
  for _, text in ipairs{...} do
    if not message:find(text, 1, true) then error(("the error %q does not say %q"):format(message, text)) end
  end
end

-- The options of one class: call makes an object of a table of them.
local function walk(class, declared, call)
  local function with(given) return arguments(class, declared, given) end
  for _, option in ipairs(declared) do
    local name = option.name
    complains(call, with{[name .. "x"] = 1}, class .. ": ", ('unknown option "%sx"'):format(name),
      ('did you mean "%s"?'):format(name))
    for _, value in ipairs(WRONG[option.kind] or {}) do
      complains(call, with{[name] = value}, ("%s: %s must be "):format(class, name), "got ")
    end
    for _, choice in ipairs(option.choices or {}) do
      complains(call, with{[name] = "nonsense"}, ('"%s"'):format(choice))
    end
    local misspelt = MISSPELT[option.kind]
    if misspelt then
      complains(call, with{[name] = misspelt[1]}, class .. ": " .. name, ('there is no "%s"'):format(misspelt[1]),
        ('did you mean "%s"?'):format(misspelt[2]))
    end
    local low, high = option.min, option.max
    if low ~= high and low and low > -math.huge then
      local least = low == 0x1p-1022 and "> 0" or ("%.14g"):format(low)
      complains(call, with{[name] = low - 1}, ("%s: %s must be "):format(class, name), least, "got ")
    end
    if low ~= high and high and high < math.huge then
      complains(call, with{[name] = high + 1}, ("%s: %s must be "):format(class, name), ("%.14g"):format(high), "got ")
    end
    if option.required then
      local options = with{}
      -- a table with nothing in it would be a shape
      options[name], options.name = nil, option.kind == "shape" and "n" or nil
      complains(call, options, ("%s: %s is missing"):format(class, name))
    end
  end
end

-- All layers, by the names that complete after "nn.".
local count = 0
for name in pairs(getmetatable(nn).__names()) do
  local class = name:find "^%u" and nn[name]
  if class then
    count = count + 1
    t.test("nn." .. name, function() walk(name, class.declared, function(o) return class(o) end) end)
  end
end
t.test("layers were found", function() t.equal(count >= 28, true) end)

-- Initializers under their other names are functions of a shape.
for family, least in pairs{losses = 16, optimizers = 11, metrics = 30, callbacks = 7, schedules = 6,
  initializers = 12, regularizers = 4, constraints = 4} do
  count = 0
  for name, class in pairs(nn[family]) do
    if type(class) == "table" and class.class_name == name then
      count = count + 1
      t.test(("nn.%s.%s"):format(family, name), function()
        walk(name, class.options, function(o) return class(o) end)
      end)
    end
  end
  t.test(family .. " were found", function() t.equal(count >= least, true) end)
  -- a name that is none of the family's
  t.test("names of " .. family, function()
    for name, class in pairs(nn[family]) do
      if type(class) == "table" and class.options then
        t.fails(function() nn[family].get(name .. "q") end, ('there is no "%sq"; did you mean "'):format(name))
      end
    end
  end)
end

local x, y = nn.randn(8, 2), nn.randn(8, 1)
local function compiled()
  local model = nn.Sequential{nn.Dense(1, {input_shape = {2}})}
  model:compile{optimizer = "sgd", loss = "mse"}
  return model
end

t.test("names in compile", function()
  local model = compiled()
  t.fails(function() model:compile{optimiser = "adam"} end, 'did you mean "optimizer"?')
  t.fails(function() model:compile{optimizer = "adamm"} end, 'optimizer: there is no "adamm"; did you mean "adam"?')
  t.fails(function() model:compile{loss = "msee"} end, 'loss: there is no "msee"; did you mean "mse"?')
  t.fails(function() model:compile{loss = "mse", metrics = {"acuracy"}} end, 'did you mean "accuracy"?')
  t.fails(function() model:compile{loss = 5} end, "loss: a name, an object or a function is expected; got 5")
  t.fails(function() model:compile{optimizer = true} end, "optimizer: a name or an object is expected; got true")
end)

-- The options of fit and its kin are in no public list: these are their ranges.
t.test("options of fit, evaluate and predict", function()
  local model = compiled()
  local fit = {
    {"batch_size", 0, ">= 1"}, {"batch_size", "all", "an integer"}, {"epochs", -1, ">= 0"},
    {"epochs", 1.5, "an integer"},
    {"validation_split", 1.5, "from 0 to 1"}, {"validation_split", "x", "a number"}, {"shuffle", 1, "true or false"},
    {"initial_epoch", -1, ">= 0"}, {"steps_per_epoch", 0, ">= 1"}, {"validation_steps", 0, ">= 1"},
    {"validation_freq", 0, ">= 1"}, {"seconds", -1, ">= 0"}, {"check", "no", "true or false"},
    {"class_weight", 5, "a table"}, {"validation_batch_size", 0, ">= 1"},
  }
  for _, case in ipairs(fit) do
    complains(function(o) model:fit(x, y, o) end, {[case[1]] = case[2]}, "fit: " .. case[1] .. " must be ", case[3])
    complains(function(o) model:fit(x, y, o) end, {[case[1] .. "x"] = 1}, ('did you mean "%s"?'):format(case[1]))
  end
  complains(function(o) model:evaluate(x, y, o) end, {batch_size = 0}, "evaluate: batch_size must be", ">= 1")
  complains(function(o) model:evaluate(x, y, o) end, {batch = 1}, 'did you mean "batch_size"?')
  complains(function(o) model:predict(x, o) end, {batch_size = 0}, "predict: batch_size must be", ">= 1")
  complains(function(o) model:predict(x, o) end, {batchsize = 1}, 'did you mean "batch_size"?')
end)

t.test("options of activations", function()
  local v = nn.ones(2, 2)
  for _, case in ipairs{{"relu", "negative_slope"}, {"relu", "max_value"}, {"relu", "threshold"}, {"elu", "alpha"},
    {"leaky_relu", "negative_slope"}, {"gelu", "approximate"}, {"softmax", "axis"}, {"celu", "alpha"},
    {"hard_shrink", "threshold"}, {"soft_shrink", "threshold"}, {"squareplus", "b"}, {"glu", "axis"},
    {"log_softmax", "axis"}} do
    local name, option = case[1], case[2]
    local f = nn.activations[name]
    complains(function(o) f(v, o) end, {[option] = "x"}, ("%s: %s must be "):format(name, option), 'got "x"')
    complains(function(o) f(v, o) end, {[option .. "x"] = 1}, ('did you mean "%s"?'):format(option))
  end
end)
