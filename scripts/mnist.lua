-- Handwritten digits: a dense network on MNIST, or on nnlua's own small digits where MNIST cannot be had.
--   nnlua scripts/mnist.lua [--epochs N] [--hidden 128] [--batch-size 128] [--seed 1] [--data FOLDER]
-- Epochs are 5 on MNIST; 60 on the small digits, which have 50 times fewer rows.
local nn = require "nn"

local options = {epochs = 0, hidden = 128, ["batch-size"] = 128, seed = 1, data = ""}
local i = 1
while arg[i] do
  local name = arg[i]:match("^%-%-(.+)$")
  local value = arg[i + 1]
  if name ~= "data" then value = math.tointeger(tonumber(value)) end
  if not options[name] or not value then
    io.stderr:write("usage: mnist.lua [--epochs N] [--hidden N] [--batch-size N] [--seed N] [--data FOLDER]\n")
    os.exit(1)
  end
  options[name], i = value, i + 2
end
nn.seed(options.seed)

local folder = options.data ~= "" and options.data or nil
local found, x_train, y_train, x_test, y_test = pcall(nn.datasets.mnist, {path = folder})
if not found then
  print("MNIST cannot be had here; training on nnlua's own 8x8 digits (1,437 to learn from, 360 to test) instead.")
  x_train, y_train, x_test, y_test = nn.datasets.digits()
end
local epochs = options.epochs > 0 and options.epochs or found and 5 or 60
local rows, columns = x_train:size(2), x_train:size(3)
local brightest = x_train:max():item()

local model = nn.Sequential{
  nn.Input{rows, columns},
  nn.Rescaling(1 / brightest),
  nn.Flatten(),
  nn.Dense(options.hidden, {activation = "relu"}),
  nn.Dense(10, {activation = "softmax"}),
}
model:compile{optimizer = "adam", loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
model:summary()
local start = nn.time()
model:fit(x_train, y_train, {epochs = epochs, batch_size = options["batch-size"]})
print(("trained in %.1f s"):format(nn.time() - start))

local loss, accuracy = model:evaluate(x_test, y_test, {verbose = 0})
print(("test accuracy %.4f, loss %.4f"):format(accuracy, loss))

-- Rows: what it is; columns: what the network says.
local says = model:predict_classes(x_test)
local wrong, confusion = {}, {}
for true_label = 0, 9 do
  local picked = says:masked_select(y_test:eq(true_label))
  confusion[true_label] = nn.one_hot(picked, 10):sum(1)
end
print("\nconfusion: a row for each digit, a column for what the network said")
print("      " .. ("%6d"):rep(10):format(0, 1, 2, 3, 4, 5, 6, 7, 8, 9))
for label = 0, 9 do
  print(("%6d"):format(label) .. ("%6.0f"):rep(10):format(table.unpack(confusion[label]:totable())))
end

-- A few that it got wrong, as shades of characters.
local miss = says:ne(y_test:to("int64"))
for position = 1, #says do
  if miss[position] == 1 then wrong[#wrong + 1] = position end
  if #wrong == 3 then break end
end
local shades = {" ", "░", "▒", "▓", "█"}
for _, position in ipairs(wrong) do
  print(("\ntest image %d is a %d; the network says %d"):format(position, y_test[position], says[position]))
  local image = x_test[position]:totable()
  for _, line in ipairs(image) do
    local text = {}
    for c, value in ipairs(line) do text[c] = shades[1 + (value * 4 + brightest - 1) // brightest]:rep(2) end
    print(table.concat(text))
  end
end
