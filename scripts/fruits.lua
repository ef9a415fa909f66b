-- Three fruits by weight (g) and length (cm): a softmax over three classes, and what scaling the inputs changes.
--   nnlua scripts/fruits.lua             trains on raw and on scaled inputs
--   nnlua scripts/fruits.lua --seeds 20  repeats it with 20 seeds and counts how often all twelve are learnt
local nn = require "nn"

local names = {[0] = "apple", "banana", "orange"}
local X = nn.tensor{
  {150, 7.5}, {160, 8.0}, {140, 7.0}, {155, 7.4},       -- apples
  {118, 18.5}, {130, 20.0}, {105, 17.0}, {125, 19.0},   -- bananas
  {210, 8.6}, {225, 9.0}, {240, 9.4}, {218, 8.8},       -- oranges
}
local y = nn.tensor({0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2}, {dtype = "int64"})

local function train(inputs, optimizer, check)
  local model = nn.Sequential{
    nn.Dense(8, {activation = "relu", input_shape = {2}}),
    nn.Dense(8, {activation = "relu"}),
    nn.Dense(3, {activation = "softmax"}),
  }
  model:compile{optimizer = optimizer, loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
  model:fit(inputs, y, {epochs = 200, verbose = 0, check = check})
  local loss, accuracy = model:evaluate(inputs, y, {verbose = 0})
  return {model = model, loss = loss, accuracy = accuracy}
end

local mean, deviation = X:mean(1), X:std(1)
local function scaled(t) return (t - mean) / deviation end

local function run(seed, check)
  nn.seed(seed)
  local raw = train(X, "adam", check)
  local better = train(scaled(X), nn.optimizers.Adam{learning_rate = 0.01}, check)
  return raw, better
end

local seeds = arg and arg[1] == "--seeds" and math.tointeger(tonumber(arg[2]))
if arg and arg[1] and (not seeds or seeds < 1 or arg[3]) then
  io.stderr:write("usage: fruits.lua [--seeds N]\n")
  os.exit(1)
end
if seeds then
  local raws, betters = 0, 0
  for seed = 0, seeds - 1 do
    local raw, better = run(seed, false)
    if raw.accuracy == 1 then raws = raws + 1 end
    if better.accuracy == 1 then betters = betters + 1 end
  end
  local text = "all 12 right, of %d seeds: %d with raw inputs, %d with scaled inputs and Adam at 0.01"
  print(text:format(seeds, raws, betters))
  return
end

local raw, better = run(1)
print(("raw inputs, Adam at its default 0.001:  loss %.4f, accuracy %.2f"):format(raw.loss, raw.accuracy))
print(("scaled inputs, Adam at 0.01:            loss %.4f, accuracy %.2f"):format(better.loss, better.accuracy))
print("Grams drown centimetres until both have the same scale; then the same network tells all twelve apart.")

local basket = nn.tensor{{145, 7.2}, {120, 18.0}, {230, 9.1}}
local labels = better.model:predict_classes(scaled(basket))
for i = 1, #basket do
  print(("%3.0f g, %4.1f cm: %s"):format(basket[i][1], basket[i][2], names[labels[i]]))
end
