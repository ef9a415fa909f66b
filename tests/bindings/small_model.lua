-- What the suites run in their interpreters: a model that has everything of a user's own in it, built, trained with
-- validation, asked and evaluated. Gives its loss, and its weights as bytes. ...: the seed.
local nn = require "nn"
local seed = ...
nn.seed(seed or 7)

local double = nn.custom{
  forward = function(x) return x * 2 end,
  vjp = function(g) return g * 2 end,
}
local Scale = nn.Layer:extend("Scale", {factor = 1})
function Scale:build(shape) self.gain = self:add_weight{name = "gain", shape = shape, initializer = "ones"} end
function Scale:call(x) return double(x) * self.gain * self.factor end

local x = nn.rand(12, 3)
local y = x:sum(2):gt(1.5)
local model = nn.Sequential{
  nn.Dense(4, {activation = "relu", input_shape = {3}}),
  Scale{factor = 0.5},
  nn.Dense(4, {activation = function(z) return z:tanh() end}),
  nn.Dense(1, {activation = "sigmoid"}),
}
model:compile{optimizer = "adam", loss = "binary_crossentropy",
  metrics = {"accuracy", function(y_true, y_pred) return (y_true - y_pred):abs():mean(-1) end}}
local seen = 0
model:fit(x, y, {epochs = 2, batch_size = 6, validation_split = 0.25, verbose = 0,
  callbacks = {{on_epoch_end = function(_, epoch, logs) seen = seen + epoch + 0 * logs.val_loss end}}})
assert(seen == 3)
assert(model:predict(x, {batch_size = 5}).shape[1] == 12)
local loss = model:evaluate(x, y, {verbose = 0})
local weights = {}
for i, weight in ipairs(model:get_weights()) do weights[i] = weight:tostring_bytes() end
return loss, table.concat(weights)
