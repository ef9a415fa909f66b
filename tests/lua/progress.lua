-- What is shown: the line of an epoch, the table of a model, History.
local t = ...
local nn = require "nn"

local function small()
  local model = nn.Sequential{nn.Dense(1, {input_shape = {1}, kernel_initializer = "ones", name = "one"}), name = "m"}
  model:compile{optimizer = nn.optimizers.SGD(0), loss = "mse", metrics = {"mae"}}
  return model
end

local x, y = nn.tensor{{1}, {2}}, nn.tensor{0, 0}

t.test("one line an epoch where there is no terminal", function()
  local model = small()
  local text = t.output("stdout", function()
    model:fit(x, y, {epochs = 2, verbose = 2, batch_size = 1, validation_data = {x, y}})
  end)
  local line = "2/2 %- 0s %- %d+[mu]?s/step %- loss: 2.5000 %- mae: 1.5000 %- val_loss: 2.5000 %- val_mae: 1.5000\n"
  t.equal(text:find("^Epoch 1/2\n" .. line .. "Epoch 2/2\n" .. line .. "$") ~= nil, true)
end)

t.test("verbose 0 shows nothing, one epoch has no header", function()
  local model = small()
  t.equal(t.output("stdout", function()
    model:fit(x, y, {epochs = 2, verbose = 0})
    model:predict(x)
  end), "")
  local text = t.output("stdout", function() model:fit(x, y, {verbose = 2}) end)
  t.equal(text:find "^1/1 %- 0s %- %d+[mu]s/step %- loss: 2.5000 %- mae: 1.5000\n$" ~= nil, true)
  text = t.output("stdout", function() model:evaluate(x, y, {verbose = 2}) end)
  t.equal(text:find "^1/1 %- 0s %- %d+[mu]s/step %- loss: 2.5000 %- mae: 1.5000\n$" ~= nil, true)
end)

t.test("small numbers have exponents, the order is that of compile", function()
  local model = nn.Sequential{nn.Dense(1, {input_shape = {1}, kernel_initializer = "ones"})}
  model:compile{optimizer = nn.optimizers.SGD(0), loss = "mse", metrics = {"mse", "mae"}}
  local text = t.output("stdout", function() model:fit({{0.01}}, {0}, {verbose = 2}) end)
  t.equal(text:find("loss: 1.0000e-04 - mse: 1.0000e-04 - mae: 0.0100", 1, true) ~= nil, true)
end)

local TABLE = [[
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ (None, 128)            │       100,480 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 10)             │         1,290 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 101,770 (397.54 KB)
 Trainable params: 101,770 (397.54 KB)
 Non-trainable params: 0 (0.00 B)]]

local function summary(model, options)
  local text
  options = options or {line_length = 76}
  options.print_fn = function(s) text = s end
  model:summary(options)
  return text
end

t.test("the table of a model", function()
  local model = nn.Sequential{nn.Input{784}, nn.Dense(128, {name = "dense"}), nn.Dense(10, {name = "dense_1"}),
    name = "sequential"}
  t.equal(summary(model), TABLE)
  model:compile{optimizer = "adam", loss = "mse"}
  model:train_on_batch(nn.zeros(2, 784), nn.zeros(2, 10))
  local text = summary(model)
  t.equal(text:find(" Total params: 305,312 (1.16 MB)\n Trainable params: 101,770 (397.54 KB)\n" ..
    " Non-trainable params: 0 (0.00 B)\n Optimizer params: 203,542 (795.09 KB)", 1, true) ~= nil, true)
end)

t.test("wide, unbuilt, frozen, with long names", function()
  local name = "a_layer_whose_name_takes_all_of_it"
  local model = nn.Sequential{nn.Dense(2, {name = name}), nn.Dense(3, {name = "b", trainable = false})}
  local text = summary(model)
  t.equal(text:find("│ " .. name:sub(1, 31) .. " │ ?                      │   0 (unbuilt) │", 1, true) ~= nil, true)
  t.equal(text:find("│ " .. name:sub(32) .. " (Dense)", 1, true) ~= nil, true)
  model:build{4}
  text = summary(model, {line_length = 88})
  t.equal(text:find("Trainable params: 10 (40.00 B)\n Non-trainable params: 9 (36.00 B)", 1, true) ~= nil, true)
  t.equal(text:find("┏" .. ("━"):rep(38) .. "┳" .. ("━"):rep(29) .. "┳" .. ("━"):rep(17) .. "┓", 1, true) ~= nil, true)
end)

t.test("History prints its last numbers", function()
  t.equal(tostring(small():fit(x, y, {epochs = 2, verbose = 0})), "History: 2 epochs, loss 2.5, mae 1.5")
end)

-- The interpreter is the first of all arguments.
local first = -1
while arg[first - 1] do first = first - 1 end

-- On a terminal so many columns wide, where there is a program that makes one.
local function on_terminal(columns, script)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  local command = "script -qefc 'stty cols %d; %s %s' /dev/null 2>&1 < /dev/null"
  local pipe = assert(io.popen(command:format(columns, arg[first], path)))
  local text = pipe:read "a"
  pipe:close()
  os.remove(path)
  return (text:gsub("\27%[%d*m", ""):gsub("\r\n", "\n"))
end

local FIT = [[
local nn = require "nn"
local model = nn.Sequential{nn.Dense(1, {input_shape = {1}, kernel_initializer = "ones"})}
model:compile{optimizer = nn.optimizers.SGD(0), loss = "mse", metrics = {"mae"}}
model:fit({{1}, {2}}, {0, 0}, {batch_size = 1, validation_data = {{{1}, {2}}, {0, 0}}})]]

local has_terminal = on_terminal(80, "print(1)"):find "^1\n" ~= nil

t.test("the bar gives way on a narrow terminal, then the numbers go on in a second line", function()
  if not has_terminal then return end
  local wide, narrow = on_terminal(120, FIT), on_terminal(44, FIT)
  local bar, last = ("━"):rep(20), " %- loss: 2.5000 %- mae: 1.5000 %- val_loss: 2.5000 %- val_mae: 1.5000\n$"
  t.equal(wide:find("\r\27%[K2/2 " .. bar .. " 0s %d+[mu]s/step" .. last) ~= nil, true)
  t.equal(narrow:find("\r\27%[K2/2 0s %d+[mu]s/step %- loss: 2.5000\n    %- mae: 1.5000 %- val_loss: 2.5000\n" ..
    "    %- val_mae: 1.5000\n$") ~= nil, true)
  for line in narrow:gsub("\27%[K", ""):gmatch "[^\r\n]+" do t.equal((utf8.len(line) or #line) < 44, true) end
  -- the bar is there as long as there is room for some of it
  t.equal(on_terminal(92, FIT):find "2/2 [━]+ 0s" ~= nil, true)
end)
