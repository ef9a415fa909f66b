-- What there is, said in words: families with their classes, activations, functions with options, ops. help() prints
-- this and the reference (bindings/README.md) is made of it, so that both say what is declared and nothing else.

local nn, core, import = ...
local errors = import "errors"
local options = import "options"
local functions = options.functions

local M = {}

-- Families of classes, in the order of the reference. A class is written PREFIX .. class_name.
M.families = {"layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers", "schedules",
  "callbacks", "data"}

function M.prefix(family)
  return family == "layers" and "nn." or ("nn.%s."):format(family)
end

-- What is called with options and is no class: name, the file that declares them, how it is called, what it does, and
-- whose rows it has if not those of its own name. The call says what it belongs to.
M.functions = {
  {"compile", "compile", "model:compile{options}", "says how the model is trained and measured"},
  {"fit", "training", "model:fit(x, y, {options})", "trains, and gives the history of the numbers"},
  {"evaluate", "evaluation", "model:evaluate(x, y, {options})", "the loss and then each metric, as numbers"},
  {"predict", "evaluation", "model:predict(x, {options})", "the outputs of all rows"},
  {"predict_classes", "evaluation", "model:predict_classes(x, {options})", "the label of each row, from 0, int64",
    "predict"},
  {"train_on_batch", "on_batch", "model:train_on_batch(x, y, {options})", "one update: its loss and metrics"},
  {"test_on_batch", "on_batch", "model:test_on_batch(x, y, {options})", "loss and metrics of one batch",
    "train_on_batch"},
  {"summary", "summary", "model:summary{options}", "prints a table of the layers, shapes and numbers of weights"},
  {"load_weights", "weight_files", "model:load_weights(path, {options})", "the weights that save_weights(path) kept"},
  {"add_weight", "layer", "layer:add_weight{options}", "in build of a layer of one's own: a tensor that is learnt"},
  {"Dataset", "data", "nn.data.Dataset(x, y, {options})", "batches of tensors, or of what a function gives"},
  {"batches", "data", "nn.data.batches(x, y, {options})", "one pass: for xb, yb in nn.data.batches(x, y) do",
    "Dataset"},
  {"train_test_split", "data", "nn.data.train_test_split(x, y, {options})",
    "rows parted at random: x_train, x_test, y_train, y_test"},
  {"normalize", "data", "nn.data.normalize(x, {options})", "vectors of length 1"},
  {"read_csv", "csv", "nn.data.read_csv(path, {options})",
    "columns of numbers as float32 {rows, columns}, their names, and columns of strings by name"},
  {"mnist", "datasets", "nn.datasets.mnist{options}",
    "70000 handwritten digits, uint8 {N, 28, 28}: x_train, y_train, x_test, y_test"},
  {"save", "files", "nn.save(path, value, {options})", "a tensor or a table of tensors in a .safetensors file"},
}

-- The public table of a family; layers are in nn itself.
local function public(family)
  if family ~= "layers" then return nn[family] end
  local layers = {Layer = nn.Layer, Sequential = nn.Sequential}
  for name, class in pairs(import "layers") do layers[name] = class end
  return layers
end

-- The classes of a family, by name; each once, under its own name.
function M.classes(family)
  local list = {}
  for name, class in pairs(public(family)) do
    if type(class) == "table" and class.class_name == name and not M.named(name) then list[#list + 1] = class end
  end
  table.sort(list, function(a, b) return a.class_name < b.class_name end)
  return list
end

function M.options(class) return class.declared or class.options or {} end

-- Activations as rows of C: name, alias, help, options.
function M.activations()
  return core.rows "activation"
end

-- The function of that name: {call =, of = "model", help =, options =}, or nil.
function M.named(name)
  for _, row in ipairs(M.functions) do
    if row[1] == name then
      import(row[2])
      return {name = name, call = row[3], of = row[3]:match "^([%w.]+)[:.]", help = row[4], like = row[5],
        options = functions[row[5] or name]}
    end
  end
end

-- Options in words

local WORDS = {flag = "boolean", text = "string", shape = "integers", data = "tensor", any = false}

local function value_text(value)
  if type(value) == "table" and next(value) == nil then return "{}" end
  return math.type(value) == "float" and ("%.14g"):format(value) or errors.show(value)
end

local function default_text(option)
  if option.required then return "required" end
  return option.default ~= nil and "default " .. value_text(option.default) or nil
end

-- The kind in words, or the choices; nil where anything may be given.
local function word_of(option)
  if option.choices then return '"' .. table.concat(option.choices, '"|"') .. '"' end
  if WORDS[option.kind] == nil then return option.kind end
  return WORDS[option.kind] or nil
end

-- "number, 0..1, default 0.9: what it is"; an option that is neither required nor has a default may stay nil.
function M.describe(option)
  local facts = {word_of(option)}
  facts[#facts + 1] = options.range_in_words(option, "%s..%s", ", ")
  facts[#facts + 1] = default_text(option)
  local text = table.concat(facts, ", ")
  return text .. (#facts > 0 and option.help and ": " or "") .. (option.help or "")
end

-- How things are called

-- Dense(units, {options}); the natural arguments are the first options.
function M.call(class)
  local declared, arguments = M.options(class), {}
  for i = 1, class.positional or 0 do arguments[i] = declared[i] and declared[i].name end
  if #arguments == 0 then return class.class_name .. "{options}" end
  return ("%s(%s, {options})"):format(class.class_name, table.concat(arguments, ", "))
end

function M.activation_call(row)
  local names, required = {"x"}, false
  for _, option in ipairs(row.options) do
    if option.required then names[#names + 1], required = option.name, true end
  end
  return ("%s(%s%s)"):format(row.name, table.concat(names, ", "),
    #row.options > 0 and not required and ", {options}" or "")
end

-- The arguments of an op in their order, and from which on they may be left out.
local function arguments_of(op)
  local inputs, arguments, optional = {}, {}, nil
  for name in op.inputs:gmatch "[^, ]+" do inputs[#inputs + 1] = name end
  local function add(text, may_miss)
    arguments[#arguments + 1] = text
    if may_miss then optional = optional or #arguments end
  end
  local before = op.before > 0 and op.before or #inputs
  for i = 1, before do add(inputs[i], op.arity > 0 and i > op.arity - op.optional) end
  for _, attr in ipairs(op.attrs) do
    local given = attr.default ~= nil and ("%s = %s"):format(attr.name, value_text(attr.default)) or attr.name
    add(given, not attr.required and attr.default == nil)
  end
  for i = before + 1, #inputs do add(inputs[i]) end
  -- einsum's text stands before its tensors
  if op.arity < 0 and op.attrs[1].required then table.insert(arguments, 1, table.remove(arguments)) end
  return arguments, optional or #arguments + 1
end

-- softmax(x, dim = -1), linear(x, w[, b]), cat(list, dim = 1), gather(x, dim, positions); as a method x:linear(w[, b])
function M.op_call(op, as_method)
  local arguments, optional = arguments_of(op)
  local first = as_method and 2 or 1
  local last, given = table.concat(arguments, ", ", optional), table.concat(arguments, ", ", first, optional - 1)
  if last ~= "" then last = (optional > first and "[, " or "[") .. last .. "]" end
  return ("%s%s(%s%s)"):format(as_method and arguments[1] .. ":" or "", op.name, given, last)
end

return M
