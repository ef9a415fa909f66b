-- The tutorials against float64 NumPy: from equal initial weights, the loss of every epoch.
local t = ...
local nn = require "nn"

local function read(path)
  local cases, order = {}, {}
  for line in io.lines(path) do
    local fields = {}
    for field in (line .. ","):gmatch("([^,]*),") do fields[#fields + 1] = field end
    local case, what = fields[1], fields[2]
    if not cases[case] then
      cases[case] = {weights = {}}
      order[#order + 1] = case
    end
    local shape, values = {}, {}
    for size in fields[3]:gmatch("%d+") do shape[#shape + 1] = math.tointeger(tonumber(size)) end
    for i = 4, #fields do values[i - 3] = tonumber(fields[i]) end
    local tensor = nn.tensor(values, {dtype = "float64"}):reshape(shape)
    if what:match("^w%d+$") then
      table.insert(cases[case].weights, tensor:to("float32"))
    else
      cases[case][what] = tensor
    end
  end
  return cases, order
end

local cases, order = read("tests/data/tutorials.csv")
for _, name in ipairs(order) do
  t.test(name .. ": the loss of every epoch as in NumPy", function()
    local case = cases[name]
    local layers, classes = {}, case.weights[#case.weights]:size(1)
    for i = 1, #case.weights, 2 do
      local last = i == #case.weights - 1
      local activation = not last and "relu" or classes == 1 and "sigmoid" or "softmax"
      layers[#layers + 1] = nn.Dense(case.weights[i]:size(2), {activation = activation})
    end
    local model = nn.Sequential(layers)
    model:build{2}
    model:set_weights(case.weights)
    local rate = name:find("raw", 1, true) and 1e-3 or 1e-2
    model:compile{optimizer = nn.optimizers.Adam{learning_rate = rate},
      loss = classes == 1 and "binary_crossentropy" or "sparse_categorical_crossentropy"}
    local losses = case.loss:totable()
    local history = model:fit(case.x:to("float32"), case.y, {epochs = #losses, verbose = 0, check = false})
    t.equal(#history.loss, #losses)
    for epoch, loss in ipairs(losses) do t.close(history.loss[epoch], loss, 1e-4) end
  end)
end
