-- Pass or fail? A student's hours of study and attendance in percent, and what scaling the inputs changes.
--   nnlua scripts/students.lua             trains on raw and on scaled inputs
--   nnlua scripts/students.lua --seeds 20  repeats it with 20 seeds and counts how often all eight are learnt
local nn = require "nn"

local X = nn.tensor{{2,60},{10,95},{4,70},{15,98},{1,40},{8,85},{12,90},{3,55}}  -- hours, attendance
local y = nn.tensor{0, 1, 0, 1, 0, 1, 1, 0}                                      -- 0 fail, 1 pass

local function train(inputs, optimizer, options)
  local model = nn.Sequential{
    nn.Dense(8, {activation = "relu", input_shape = {2}}),
    nn.Dense(4, {activation = "relu"}),
    nn.Dense(1, {activation = "sigmoid"}),
  }
  model:compile{optimizer = optimizer, loss = "binary_crossentropy", metrics = {"accuracy"}}
  local history = model:fit(inputs, y, {epochs = 100, verbose = 0, check = options.check})
  local loss, accuracy = model:evaluate(inputs, y, {verbose = 0})
  return {model = model, history = history, loss = loss, accuracy = accuracy}
end

-- Each column to mean 0 and standard deviation 1: a weight then means the same for hours as for percent.
local mean, deviation = X:mean(1), X:std(1)
local function scaled(t) return (t - mean) / deviation end

local function run(seed, check)
  nn.seed(seed)
  local raw = train(X, "adam", {check = check})
  local better = train(scaled(X), nn.optimizers.Adam{learning_rate = 0.01}, {check = check})
  return raw, better
end

local seeds = arg and arg[1] == "--seeds" and math.tointeger(tonumber(arg[2]))
if arg and arg[1] and (not seeds or seeds < 1 or arg[3]) then
  io.stderr:write("usage: students.lua [--seeds N]\n")
  os.exit(1)
end
if seeds then
  local raws, betters = 0, 0
  for seed = 0, seeds - 1 do
    local raw, better = run(seed, false)
    if raw.accuracy == 1 then raws = raws + 1 end
    if better.accuracy == 1 then betters = betters + 1 end
  end
  local text = "all 8 right, of %d seeds: %d with raw inputs, %d with scaled inputs and Adam at 0.01"
  print(text:format(seeds, raws, betters))
  return
end

local raw, better = run(1)
print(("raw inputs, Adam at its default 0.001:  loss %.4f, accuracy %.2f"):format(raw.loss, raw.accuracy))
print(("scaled inputs, Adam at 0.01:            loss %.4f, accuracy %.2f"):format(better.loss, better.accuracy))
print("The same network: raw percentages are fifty times larger than what its first weights are made for, and a")
print("hundred small steps are too few to make up for it. Scaled inputs and larger steps learn the table.")

local newcomer = nn.tensor{{9, 88}, {2, 45}}
local passes = better.model:predict(scaled(newcomer), {verbose = 0})
print(("9 hours, 88 %% attendance: passes with probability %.2f"):format(passes[1][1]))
print(("2 hours, 45 %% attendance: passes with probability %.2f"):format(passes[2][1]))
