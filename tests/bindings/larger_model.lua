-- Training whose products are large enough to be cut over threads. Gives the loss, and the weights as bytes. ...: the
-- seed.
local nn = require "nn"
nn.set_threads(2)
nn.seed((...))
local x = nn.randn(1024, 128)
local y = nn.randint(0, 9, {1024})
local model = nn.Sequential{
  nn.Dense(256, {activation = "relu", input_shape = {128}}),
  nn.Dropout(0.2),
  nn.Dense(10, {activation = "softmax"}),
}
model:compile{optimizer = "adam", loss = "sparse_categorical_crossentropy"}
model:fit(x, y, {epochs = 2, batch_size = 128, verbose = 0, check = false})
local weights = {}
for i, weight in ipairs(model:get_weights()) do weights[i] = weight:tostring_bytes() end
return (model:evaluate(x, y, {verbose = 0})), table.concat(weights)
