-- nn.save and nn.load, weights in files, ModelCheckpoint.
local t = ...
local nn = require "nn"
local c = nn.callbacks

local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir " .. folder))
local path = folder .. "/x.safetensors"

local function read(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

local function names_in(where)
  local names, list = {}, io.popen("ls -A " .. where)
  for name in list:lines() do names[#names + 1] = name end
  list:close()
  return table.concat(names, " ")
end

t.test("a tensor, a list and a table come back as they were", function()
  for _, dtype in ipairs{"float32", "float64", "int64", "uint8"} do
    local x = nn.arange(1, 6, {dtype = dtype}):reshape(2, 3):t()
    nn.save(path, x)
    local y = nn.load(path)
    t.equal(y, x)
    t.equal(y.dtype, dtype)
  end
  nn.save(path, nn.tensor(7))
  t.equal(nn.load(path).shape, {})
  nn.save(path, {nn.ones(2), nn.zeros(3, 0)})
  local list = nn.load(path)
  t.equal(#list, 2)
  t.equal(list[2].shape, {3, 0})
  nn.save(path, {w = nn.ones(2, {requires_grad = true}), ["a/b"] = nn.tensor{1, 0 / 0}},
    {metadata = {who = "é", n = "1"}})
  local values, metadata = nn.load(path)
  t.equal(values.w.requires_grad, false)
  t.equal(values["a/b"]:totable()[1], 1.0)
  t.equal(metadata, {who = "é", n = "1"})
  nn.save(path, {})
  local nothing = nn.load(path)
  t.equal(next(nothing), nil)
end)

t.test("the same content is the same file", function()
  nn.save(path, {b = nn.ones(2), a = nn.zeros(1), c = nn.ones(3, {dtype = "uint8"})}, {metadata = {z = "1", y = "2"}})
  local first = read(path)
  nn.save(path, {c = nn.ones(3, {dtype = "uint8"}), a = nn.zeros(1), b = nn.ones(2)}, {metadata = {y = "2", z = "1"}})
  t.equal(read(path), first)
end)

t.test("idx files", function()
  for _, name in ipairs{"x.idx", "train-labels-idx1-ubyte"} do
    write(folder .. "/" .. name, "\0\0\8\1\0\0\0\2\1\2")
    t.equal(nn.load(folder .. "/" .. name), {1, 2})
    os.remove(folder .. "/" .. name)
  end
  t.fails(function() nn.save(folder .. "/x.idx", nn.ones(1)) end, "x.idx: .idx files can only be read")
  t.fails(function() nn.load(folder .. "/no.idx") end, "load: " .. folder .. "/no.idx: No such file")
end)

t.test("errors name call, path and reason, and leave no file", function()
  write(path, "old")
  local x = nn.ones(1)
  t.fails(function() nn.save("x.txt", x) end, "save: x.txt: the ending tells the format; there is .safetensors")
  t.fails(function() nn.load "x.txt" end, "load: x.txt: the ending tells the format; there are .safetensors, .idx")
  t.fails(function() nn.save(folder .. "/no/x.safetensors", x) end, "/no/x.safetensors: No such file or directory")
  t.fails(function() nn.load(folder .. "/no.safetensors") end, "load: " .. folder .. "/no.safetensors: No such file")
  t.fails(function() nn.load(path) end, "not a safetensors file: it holds 3 bytes")
  t.fails(function() nn.save(path) end, "a tensor or a table of tensors is expected; got nil")
  t.fails(function() nn.save(path, {x, 3}) end, "save: [2] must be a tensor; got 3")
  t.fails(function() nn.save(path, {a = {x}}) end, "save: a must be a tensor; got a table")
  t.fails(function() nn.save(path, {x, a = x}) end, "names must be strings; got 1")
  t.fails(function() nn.save(path, {["a\0"] = x}) end, "a name must not hold a 0 byte")
  t.fails(function() nn.save(path, {["a\xff"] = x}) end, "a name is not UTF-8")
  t.fails(function() nn.save(path, {a = x}, {metadata = {k = 1}}) end, "metadata is written {key = text}")
  t.fails(function() nn.save(path, x, {metdata = {}}) end, 'did you mean "metadata"')
  t.fails(function() nn.save(1, x) end, "path must be a string; got 1")
  t.equal(read(path), "old")
  t.equal(names_in(folder), "x.safetensors")
end)

local function has_numpy()
  return os.execute "/usr/bin/python3 -c 'import numpy' 2> /dev/null" == true
end

t.test("NumPy reads it", function()
  if not has_numpy() then return print "skipped: tests/lua/files.lua: there is no python3-numpy" end
  nn.save(path, {w = nn.tensor{{1, 2.5}, {3, -4}}, n = nn.tensor({1 << 40}, {dtype = "int64"}), ["é"] = nn.zeros(0, 2),
    s = nn.tensor(0.1, {dtype = "float64"}), u = nn.tensor({1, 2, 255}, {dtype = "uint8"})}, {metadata = {k = "v"}})
  local pipe = io.popen("PYTHONIOENCODING=utf-8 /usr/bin/python3 tests/reference/read_safetensors.py " .. path)
  t.equal(pipe:read "a", "text k v\ntext nnlua table\nn int64 [1] 1099511627776.0 1099511627776\n" ..
    "s float64 [] 0.1 0.1\nu uint8 [3] 258.0 255\nw float32 [2, 2] 2.5 -4.0\né float32 [0, 2] 0.0 -\n")
  t.equal(pipe:close(), true)
end)

local function model_of(units, names)
  local model = nn.Sequential{nn.Dense(units, {input_shape = {2}, activation = "relu", name = names and names[1]}),
    nn.BatchNormalization(), nn.Dense(1, {name = names and names[2]})}
  model:compile{optimizer = "sgd", loss = "mse"}
  return model
end

t.test("weights by name, in a model built a second time", function()
  local a, b = model_of(3), model_of(3)
  a:save_weights(path)
  local names = {}
  for name in pairs(nn.load(path)) do names[#names + 1] = name end
  table.sort(names)
  t.equal(names, {"batch_normalization/beta", "batch_normalization/gamma", "batch_normalization/moving_mean",
    "batch_normalization/moving_variance", "dense/bias", "dense/kernel", "dense_1/bias", "dense_1/kernel"})
  b:load_weights(path)
  for i, w in ipairs(a:get_weights()) do t.equal(b:get_weights()[i], w) end
  t.equal(b:parameters()[1].requires_grad, true)
  local x = nn.ones(4, 2)
  t.equal(b:predict(x), a:predict(x))
end)

t.test("layers within layers, names that were given, names that are taken", function()
  local Block = nn.Layer:extend("Block", {{name = "units", kind = "integer", required = true}})
  function Block:build() self.inner, self.gate = nn.Dense(self.units), nn.Dense(self.units, {name = "gate"}) end
  function Block:call(x, training) return self.inner(x, training) * self.gate(x, training) end
  local model = nn.Sequential{Block(2, {input_shape = {2}}), Block(2), nn.Dense(1, {name = "last"})}
  model:save_weights(path)
  local found = nn.load(path)
  for _, name in ipairs{"block/dense/kernel", "block/gate/bias", "block_1/dense/kernel", "last/kernel"} do
    t.equal(found[name] ~= nil and name, name)
  end
  local again = nn.Sequential{Block(2, {input_shape = {2}}), Block(2), nn.Dense(1, {name = "last"})}
  again:load_weights(path)
  t.equal(again(nn.ones(1, 2)), model(nn.ones(1, 2)))
  local layer = nn.Dense(2, {input_shape = {2}})
  local twice = nn.Sequential{layer, nn.ReLU{}, layer}
  twice:save_weights(path)
  t.equal(nn.load(path)["dense/kernel"].shape, {2, 2})
end)

t.test("weights that do not fit change nothing and are told", function()
  model_of(3):save_weights(path)
  local other = model_of(4)
  local before = other:get_weights()
  t.fails(function() other:load_weights(path) end, 'load_weights: ' .. path ..
    ': "dense/kernel" must have shape {2, 4}; got {2, 3}')
  for i, w in ipairs(other:get_weights()) do t.equal(w, before[i]) end
  t.fails(function() model_of(3, {"first"}):load_weights(path) end, path .. ' has no "first/kernel" {2, 3}')
  local short = nn.Sequential{nn.Dense(3, {input_shape = {2}})}
  t.fails(function() short:load_weights(path) end, 'which the model has not')
  local text = t.output("stderr", function() other:load_weights(path, {skip_mismatch = true}) end)
  t.equal(text:find 'warning: load_weights: .*"dense/kernel"' ~= nil, true)
  t.equal(other:get_weights()[1], before[1])
  t.equal(other:get_weights()[8]:item(), 0)
  t.fails(function() other:save_weights "w.h5" end, "save_weights: w.h5: weights are kept in .safetensors files")
  t.fails(function() other:load_weights "w.h5" end, "load_weights: w.h5")
  t.fails(function() nn.Sequential{nn.Dense(2)}:save_weights(path) end, "the model has no weights yet")
  t.fails(function() other.save_weights(path) end, "model:save_weights")
end)

t.test("float64 weights from a file of float32, and back", function()
  local wide = nn.Sequential{nn.Dense(2, {input_shape = {2}, dtype = "float64"})}
  local narrow = nn.Sequential{nn.Dense(2, {input_shape = {2}})}
  narrow:save_weights(path)
  wide:load_weights(path)
  t.equal(wide:get_weights()[1].dtype, "float64")
  t.equal(wide:get_weights()[1], narrow:get_weights()[1]:to "float64")
end)

-- Runs a checkpoint over epochs whose val_loss is in values; what it said.
local function run(callback, values, batches)
  local model = model_of(2)
  callback.model, callback.params = model, {}
  return t.output("stdout", function()
    local write_now = io.write
    rawset(io, "write", function(...) return io.stdout:write(...) end)
    callback:on_train_begin{}
    for epoch, value in ipairs(values) do
      callback:on_epoch_begin(epoch, {})
      for batch = 1, batches or 0 do callback:on_train_batch_end(batch, {loss = value + batch}) end
      callback:on_epoch_end(epoch, {loss = 2 * value, val_loss = value, accuracy = 0.5})
    end
    rawset(io, "write", write_now)
  end)
end

local function checkpoint(name, options)
  options = options or {}
  options.filepath, options.save_weights_only = folder .. "/c/" .. name, true
  return c.ModelCheckpoint(options)
end

local function saved()
  local names = names_in(folder .. "/c")
  os.execute("rm -r " .. folder .. "/c")
  return names
end

t.test("ModelCheckpoint: names, sentences, only the best", function()
  local said = run(checkpoint("{epoch:02d}-{val_loss:.3f}-{loss}.safetensors", {verbose = 1}), {0.5, 0.25})
  t.equal(said, ("Epoch 1: saving model to %s/c/01-0.500-1.0.safetensors\n"):format(folder) ..
    ("Epoch 2: saving model to %s/c/02-0.250-0.5.safetensors\n"):format(folder))
  t.equal(saved(), "01-0.500-1.0.safetensors 02-0.250-0.5.safetensors")
  said = run(checkpoint("b.safetensors", {verbose = 1, save_best_only = true}), {0.12345, 0.2, 0.111114})
  local to = ("saving model to %s/c/b.safetensors\n"):format(folder)
  t.equal(said, "Epoch 1: val_loss improved from inf to 0.12345, " .. to ..
    "Epoch 2: val_loss did not improve from 0.12345\nEpoch 3: val_loss improved from 0.12345 to 0.11111, " .. to)
  saved()
  run(checkpoint("{epoch}.safetensors", {save_best_only = true, mode = "max"}), {1, 3, 2, 4})
  t.equal(saved(), "1.safetensors 2.safetensors 4.safetensors")
  run(checkpoint("{epoch}.safetensors", {save_best_only = true, initial_value_threshold = 0.3}), {0.4, 0.2, 0.1})
  t.equal(saved(), "2.safetensors 3.safetensors")
  run(checkpoint("{epoch}-{batch:d}-{loss:.1f}.safetensors", {save_freq = 3}), {0, 0}, 4)
  t.equal(saved(), "1-3-3.0.safetensors 2-2-2.0.safetensors")
end)

t.test("ModelCheckpoint: the best weights of a fit", function()
  nn.seed(4)
  local x = nn.randn(40, 2)
  local y = x:sum(2, true)
  local model, best, weights = model_of(4), math.huge, nil
  model:fit(x, y, {epochs = 6, verbose = 0, validation_split = 0.25, callbacks = {
    checkpoint("best.safetensors", {save_best_only = true}), {on_epoch_end = function(self, _, logs)
      if logs.val_loss < best then best, weights = logs.val_loss, self.model:get_weights() end
    end}}})
  local other = model_of(4)
  other:load_weights(folder .. "/c/best.safetensors")
  for i, w in ipairs(other:get_weights()) do t.equal(w, weights[i]) end
  saved()
end)

t.test("ModelCheckpoint: errors and warnings", function()
  t.fails(function() c.ModelCheckpoint "w.safetensors" end,
    "ModelCheckpoint: whole models cannot be saved yet; say save_weights_only = true")
  t.fails(function() checkpoint "w.h5" end, "weights are kept in .safetensors files; got ")
  t.fails(function() checkpoint("w.safetensors", {save_freq = "batch"}) end, 'save_freq must be "epoch" or a number')
  t.fails(function() run(checkpoint "{val_acc}.safetensors", {1}) end,
    "names val_acc; there are epoch, accuracy, loss, val_loss")
  t.fails(function() run(checkpoint "{loss:d}.safetensors", {0.7}) end, "{loss:d} is for whole numbers; got 1.4")
  t.fails(function() run(checkpoint "{loss:.3q}.safetensors", {1}) end, "{loss:.3q} is no format")
  t.fails(function() run(checkpoint("w.safetensors", {save_best_only = true, monitor = "own"}), {1}) end, 'say mode = ')
  local text = t.output("stderr", function()
    run(checkpoint("w.safetensors", {save_best_only = true, monitor = "val_auc", mode = "max"}), {1, 2})
  end)
  t.equal(text, 'warning: ModelCheckpoint: there is no "val_auc" in the logs; available: accuracy, loss, val_loss\n')
end)

os.execute("rm -r " .. folder)
