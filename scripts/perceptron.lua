-- Rosenblatt's perceptron (1958) learns AND and OR, cannot learn XOR, and a hidden layer can.
local nn = require "nn"

if arg and arg[1] then
  io.stderr:write("usage: perceptron.lua (it takes no arguments)\n")
  os.exit(1)
end

local inputs = nn.tensor{{0, 0}, {0, 1}, {1, 0}, {1, 1}}
local tables = {
  {name = "AND", y = {0, 0, 0, 1}},
  {name = "OR",  y = {0, 1, 1, 1}},
  {name = "XOR", y = {0, 1, 1, 0}},
}

-- The rule: for each row that the line w x + b puts on the wrong side, move the line towards it.
local function perceptron(targets)
  local w, b = nn.zeros(2), 0
  for epoch = 1, 25 do
    local mistakes = 0
    for i, target in ipairs(targets) do
      local x = inputs[i]
      local says = (x:dot(w):item() + b) > 0 and 1 or 0
      if says ~= target then
        w:add_(x * (target - says))
        b = b + (target - says)
        mistakes = mistakes + 1
      end
    end
    if mistakes == 0 then return epoch, w, b end
  end
end

print("One perceptron, a straight line between 0 and 1:")
for _, case in ipairs(tables) do
  local epoch, w, b = perceptron(case.y)
  if epoch then
    print(("  %-3s learnt in %d passes: %g x1 %+g x2 %+g > 0"):format(case.name, epoch, w[1], w[2], b))
  else
    print(("  %-3s not learnt in 25 passes: no straight line has both 1s on one side"):format(case.name))
  end
end

print("A hidden layer of four units bends the line:")
nn.seed(3)
local model = nn.Sequential{
  nn.Dense(4, {activation = "tanh", input_shape = {2}}),
  nn.Dense(1, {activation = "sigmoid"}),
}
model:compile{optimizer = nn.optimizers.Adam{learning_rate = 0.1}, loss = "binary_crossentropy", metrics = {"accuracy"}}
model:fit(inputs, nn.tensor{0, 1, 1, 0}, {epochs = 200, verbose = 0})
local answer = model:predict(inputs, {verbose = 0})
for i = 1, #inputs do
  print(("  %d XOR %d = %.3f"):format(inputs[i][1], inputs[i][2], answer[i][1]))
end
