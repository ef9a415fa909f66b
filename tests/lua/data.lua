-- nn.data and nn.datasets.
local t = ...
local nn = require "nn"
local d = nn.data

local x = nn.arange(1, 10):reshape(10, 1)
local y = nn.arange(1, 10, {dtype = "int64"})

local function collect(iterator)
  local sizes, values = {}, {}
  for xb, yb in iterator do
    sizes[#sizes + 1] = #xb
    for i = 1, #xb do
      values[#values + 1] = xb[{i, 1}]
      t.equal(math.tointeger(xb[{i, 1}]), yb and yb[i])
    end
  end
  return sizes, values
end

t.test("batches: in order, the last short or left out", function()
  local sizes, values = collect(d.batches(x, y, {batch_size = 4}))
  t.equal(table.concat(sizes, " "), "4 4 2")
  t.equal(values[10], 10)
  sizes = collect(d.batches(x, y, {batch_size = 4, drop_last = true}))
  t.equal(table.concat(sizes, " "), "4 4")
  sizes = collect(d.batches(x, y))
  t.equal(table.concat(sizes, " "), "10")
  local count = 0
  for xb, yb in d.batches(x, {batch_size = 5}) do
    count = count + #xb
    t.equal(yb, nil)
  end
  t.equal(count, 10)
end)

t.test("shuffled batches are a permutation, another at each pass, the same from the same seed", function()
  nn.seed(3)
  local _, first = collect(d.batches(x, y, {batch_size = 3, shuffle = true}))
  local _, second = collect(d.batches(x, y, {batch_size = 3, shuffle = true}))
  nn.seed(3)
  local _, again = collect(d.batches(x, y, {batch_size = 3, shuffle = true}))
  t.equal(table.concat(first, " "), table.concat(again, " "))
  t.equal(table.concat(first, " ") ~= table.concat(second, " "), true)
  table.sort(first)
  for i = 1, 10 do t.equal(first[i], i + 0.0) end
end)

t.test("Dataset of tensors and of a function", function()
  local set = d.Dataset(x, y, {batch_size = 4})
  t.equal(#set, 3)
  t.equal(#d.Dataset(x, y, {batch_size = 4, drop_last = true}), 2)
  t.equal(table.concat((collect(set:batches())), " "), "4 4 2")
  t.equal(table.concat((collect(set:batches())), " "), "4 4 2")
  local own = d.Dataset(function() return d.batches(x, y, {batch_size = 5}) end)
  t.equal(table.concat((collect(own:batches())), " "), "5 5")
  t.fails(function() return #own end, "not known")
end)

t.test("errors of batches", function()
  t.fails(function() d.batches(x, nn.zeros(9)) end, "10 and 9")
  t.fails(function() d.batches(x, y, {batchsize = 4}) end, 'did you mean "batch_size"')
  t.fails(function() d.batches(x, y, {batch_size = 0}) end, ">= 1")
  t.fails(function() d.batches(nil, y) end, "x must be a tensor")
  t.fails(function() d.Dataset(x, nn.zeros(9)) end, "10 and 9")
end)

t.test("train_test_split", function()
  local a, b, ya, yb = d.train_test_split(x, y, {seed = 1})
  t.equal(#a, 7)
  t.equal(#b, 3)
  t.equal(ya.dtype, "int64")
  local seen = {}
  for _, part in ipairs{ya:totable(), yb:totable()} do
    for _, value in ipairs(part) do seen[value] = true end
  end
  t.equal(#seen, 10)
  t.close((a:reshape(-1) - ya):abs():sum():item(), 0, 0)
  local c = d.train_test_split(x, y, {seed = 1})
  t.equal(a:eq(c):all():item() ~= 0, true)
  local first, second = d.train_test_split(x, {test_size = 4})
  t.equal(#first, 6)
  t.equal(#second, 4)
  t.fails(function() d.train_test_split(x, y, {test_size = 10}) end, "both parts")
end)

t.test("a seed leaves the generator where it was", function()
  nn.seed(5)
  d.train_test_split(x, y, {seed = 1})
  local a = nn.rand(1)[1]
  nn.seed(5)
  t.equal(nn.rand(1)[1], a)
end)

t.test("stratified split keeps the proportions", function()
  local labels = {}
  for i = 1, 100 do labels[i] = i <= 70 and 0 or i <= 90 and 1 or 2 end
  local values = nn.arange(1, 100)
  local function count(part)
    local counts = {[0] = 0, 0, 0}
    for _, label in ipairs(part:totable()) do counts[label] = counts[label] + 1 end
    return table.concat({counts[0], counts[1], counts[2]}, " ")
  end
  local _, _, train, test = d.train_test_split(values, nn.tensor(labels, {dtype = "int64"}), {test_size = 0.2,
    stratify = true})
  t.equal(count(train), "56 16 8")
  t.equal(count(test), "14 4 2")
  _, _, train, test = d.train_test_split(values, nn.tensor(labels, {dtype = "int64"}), {stratify = labels})
  t.equal(#train + #test, 100)
  labels[100] = 3
  t.fails(function() d.train_test_split(values, labels, {stratify = true}) end, "label 3")
end)

t.test("to_categorical and normalize", function()
  local hot = d.to_categorical(nn.tensor{0, 2, 1})
  t.equal(hot.dtype, "float32")
  t.equal(table.concat(hot.shape, " "), "3 3")
  t.equal(hot[{2, 3}], 1.0)
  t.equal(hot:sum():item(), 3.0)
  t.equal(d.to_categorical({{1}, {0}}, 4).shape[2], 4)
  t.fails(function() d.to_categorical(nn.tensor{0, 5}, 3) end, "5")
  t.fails(function() d.to_categorical(nn.tensor{0, 1.5}, 3) end, "whole")
  local n = d.normalize(nn.tensor{{3, 4}, {0, 0}})
  t.close(n[{1, 2}], 0.8, 1e-6)
  t.close(n[{2, 1}], 0, 0)
  t.close(d.normalize(nn.tensor{{3, 1}}, {order = 1})[{1, 1}], 0.75, 1e-6)
  t.close(d.normalize(nn.tensor{{3, 1}, {4, 1}}, {axis = 1})[{2, 1}], 0.8, 1e-6)
end)

t.test("digits are inside", function()
  local x_train, y_train, x_test, y_test = nn.datasets.digits()
  t.equal(table.concat(x_train.shape, " "), "1437 8 8")
  t.equal(table.concat(x_test.shape, " "), "360 8 8")
  t.equal(x_train.dtype, "uint8")
  t.equal(#y_train + #y_test, 1797)
  t.equal(x_train:max():item(), 16)
  t.equal(y_train:max():item(), 9)
  t.equal(y_train[1], 0)
  -- the first digit is a zero: its first two rows, as scikit-learn prints them
  t.equal(table.concat(x_train[1][1]:totable(), " "), "0 0 5 13 9 1 0 0")
  t.equal(table.concat(x_train[1][2]:totable(), " "), "0 0 13 15 10 15 5 0")
end)

t.test("mnist: not found without a download, wrong files are refused", function()
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute(("mkdir %s"):format(folder)))
  local names = {"train-images-idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte"}
  for _, name in ipairs(names) do
    local file = assert(io.open(folder .. "/" .. name, "wb"))
    file:write "\0\0\8\1\0\0\0\2\1\2" -- two labels
    file:close()
  end
  t.fails(function() nn.datasets.mnist(folder) end, "must hold uint8 {60000, 28, 28}")
  t.fails(function() nn.datasets.mnist{path = folder, donwload = false} end, "download")
  for _, name in ipairs(names) do os.remove(folder .. "/" .. name) end
  os.remove(folder)
end)
