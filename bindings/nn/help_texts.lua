-- What help() says of functions and methods without options, and of topics: name -> "call: sentence", by what they
-- belong to. Functions with options are in declared.lua, ops in the table of ops.

local M = {}

M.topics = {
  dtypes = [[
dtypes: "float32" (the default), "float64", "int64", "uint8" (also what comparisons give).
Two tensors: the greater of uint8 < int64 < float32 < float64; a number never raises a float tensor's dtype, and with an
integer tensor a whole number gives int64, another one float32. x / y is always a float. Sums of integers are int64.
Integers wrap around: uint8 with uint8 stays uint8, modulo 256 (200 + 100 is 44, 1 - 2 is 255); use x:to("int64") first
where that can happen. t:to(dtype) cuts fractions, and refuses what does not fit.]],
  masks = [[
masks: nn.Embedding(n, k, {mask_zero = true}) tells the layers behind it which steps {batch, steps} count (id not 0).
GlobalAveragePooling1D leaves the others out; Dense, activations, dropout, noise, normalization and models let the mask
through; any other layer ends it. Losses and metrics do not see it. A class of your own: Class.takes_mask = true gets it
as call(self, x, training, mask), Class.supports_masking = true lets it through.]],
  seeds = [[
seeds: nn.seed(n) fixes every draw of the library: first weights, shuffling, dropout, nn.rand.
A layer with {seed = n} (Dropout, AlphaDropout, GaussianNoise, GaussianDropout) draws a sequence of its own: the same in
each run and in each layer with that seed, going on from call to call. An initializer with {seed = n} gives the same
tensor at each call.]],
}

-- Behind what ops say of themselves.
local WRAPS = '; two uint8 stay uint8 and wrap around modulo 256 (help "dtypes")'
M.notes = {add = WRAPS, sub = WRAPS, mul = WRAPS}

M.nn = {
  tensor = "nn.tensor(value, {dtype, requires_grad}): from a number, a nested table or a tensor (copied)",
  zeros = "nn.zeros(shape, {dtype, requires_grad}): all 0; the shape as 2, 3 or {2, 3}",
  ones = "nn.ones(shape, {dtype, requires_grad}): all 1",
  full = "nn.full(shape, value, {dtype, requires_grad}): all value",
  empty = "nn.empty(shape, {dtype}): not filled",
  rand = "nn.rand(shape, {dtype, requires_grad}): uniform in [0, 1)",
  randn = "nn.randn(shape, {dtype, requires_grad}): normal, mean 0 and variance 1",
  zeros_like = "nn.zeros_like(t, {dtype}): 0 in the shape and dtype of t",
  ones_like = "nn.ones_like(t, {dtype}): 1 in the shape and dtype of t",
  full_like = "nn.full_like(t, value, {dtype}): value in the shape and dtype of t",
  empty_like = "nn.empty_like(t, {dtype}): not filled, in the shape and dtype of t",
  rand_like = "nn.rand_like(t, {dtype}): uniform in [0, 1) in the shape of t",
  randn_like = "nn.randn_like(t, {dtype}): normal in the shape of t",
  eye = "nn.eye(n, {dtype}): {n, n} with 1 on the diagonal",
  arange = "nn.arange(first, last[, step], {dtype}): both ends included",
  linspace = "nn.linspace(first, last, n, {dtype}): n numbers, both ends included",
  randint = "nn.randint(lo, hi, shape): int64, both ends included",
  randperm = "nn.randperm(n): a permutation of 1..n",
  seed = 'nn.seed(n): every random draw of the library follows from it (help "seeds")',
  from_string = "nn.from_string(bytes, dtype, shape): raw little-endian numbers; t:tostring_bytes() gives them",
  grad = "nn.grad(output, inputs, {create_graph, retain_graph, allow_unused}): the gradient of one tensor, or a " ..
    "list of them for a list",
  value_and_grad = "nn.value_and_grad(f): a function that gives f's value and its gradient for its first argument",
  gradcheck = "nn.gradcheck(f, inputs, {eps, rtol, atol}): true, or nil and where gradient and differences part",
  custom = "nn.custom{forward = f, vjp = v}: an op of your own; f(x, ...) gives y, v(g, y, x, ...) the gradients",
  no_grad = "nn.no_grad(f, ...): runs f without recording gradients; gives what it gives",
  scope = "nn.scope(f, ...): runs f, then frees every tensor made inside that is not among its results",
  keep = "nn.keep(t, ...): tensors that outlive the nn.scope they were made in",
  memory = "nn.memory(): a table with live and peak (bytes) and tensors (count)",
  time = "nn.time(): seconds of a clock that only goes forward",
  set_threads = "nn.set_threads(n): how many threads work, 1..64",
  get_threads = "nn.get_threads(): how many threads work",
  load = "nn.load(path): what nn.save wrote, and its metadata; also .idx and .idx.gz",
  help = "help(thing, ...): what a function, class, object or name is; help() tells where to begin",
}

M.t = {
  item = "t:item(): the number in a tensor of one element",
  totable = "t:totable(): nested tables of numbers",
  numel = "t:numel(): how many elements there are",
  size = "t:size([dim]): the size of a dimension, or all of them; #t is the first",
  to = "t:to(dtype): in another dtype",
  detach = "t:detach(): the same numbers, without their place in the graph",
  split = "t:split(size[, dim]): a list of parts; size: of each, or a list",
  chunk = "t:chunk(n[, dim]): a list of n parts",
  backward = "t:backward([grad], {retain_graph, create_graph}): adds the gradients of t to the .grad of the leaves",
  requires_grad_ = "t:requires_grad_([on]): whether gradients are recorded for t; t.requires_grad tells",
  zero_grad = "t:zero_grad(): t.grad becomes nil",
  tostring_bytes = "t:tostring_bytes(): raw little-endian numbers as a string",
  fill_ = "t:fill_(value): every element becomes value",
  zero_ = "t:zero_(): every element becomes 0",
  copy_ = "t:copy_(other): takes over the elements of other",
  add_ = "t:add_(other): t + other in place; so sub_, mul_, div_",
  sub_ = "t:sub_(other): t - other in place",
  mul_ = "t:mul_(other): t * other in place",
  div_ = "t:div_(other): t / other in place",
  clamp_ = "t:clamp_(lo, hi): within lo..hi in place; either may be nil",
}

M.model = {
  add = "model:add(layer): behind the others",
  pop = "model:pop(): takes the last layer off, and gives it",
  get_layer = "model:get_layer(name or i): -1 is the last; model.layers is the list",
  build = "model:build(shape): makes the weights for inputs of that shape, without the batch",
  call = "model:call(x, training), or model(x[, training]): the outputs for a batch",
  predict_on_batch = "model:predict_on_batch(x): the outputs of one batch",
  save_weights = "model:save_weights(path): the weights in a .safetensors file",
  parameters = "model:parameters(): the tensors that training changes; of a layer as well",
  count_params = "model:count_params(): how many numbers the weights are; of a layer as well",
  get_weights = "model:get_weights(): copies of all weights, in Keras's order; of a layer as well",
  set_weights = "model:set_weights(list): takes such a list over; of a layer as well",
  get_config = "model:get_config(): the options as a table",
}

M.layer = {
  build = "layer:build(shape): to be defined by a class that has weights: makes them by self:add_weight",
  call = "layer:call(x, training): to be defined by each class; layer(x) calls it",
  adapt = "layer:adapt(x): Normalization takes mean and variance of x",
  get_config = "layer:get_config(): the options as a table",
  parameters = "layer:parameters(): the tensors that training changes",
  count_params = "layer:count_params(): how many numbers the weights are",
  get_weights = "layer:get_weights(): copies of all weights; layer.kernel, layer.bias ... are the weights " ..
    "themselves, which set_weights changes",
  set_weights = "layer:set_weights(list): takes such a list over",
  compute_output_shape = "layer:compute_output_shape(shape): of what comes out for such inputs, without the batch",
}

M["nn.Layer"] = {
  extend = 'nn.Layer:extend("Scale", {factor = 1}): a class of layers with its options and their defaults; define ' ..
    "call(self, x, training), and build(self, shape) where it has weights",
}
M["nn.callbacks.Callback"] = {
  extend = 'nn.callbacks.Callback:extend("Printer", {every = 10}): a class of callbacks with its options',
}

M.optimizer = {
  step = "optimizer:step(parameters[, grads]): one update by each parameter's .grad, which is cleared",
  apply_gradients = "optimizer:apply_gradients{{grad, parameter}, ...}: one update",
  minimize = "optimizer:minimize(f, parameters): LBFGS calls f, which gives the loss, as often as it likes",
  current_learning_rate = "optimizer:current_learning_rate(): a number, also with a schedule",
  finish = "optimizer:finish(): with use_ema the parameters take their averages",
  get_config = "optimizer:get_config(): the options as a table; learning_rate and iterations may be set",
}

M.metric = {
  update_state = "metric:update_state(y_true, y_pred[, sample_weight]): takes a batch in",
  result = "metric:result(): a number for all batches so far; a tensor for matrices",
  reset_state = "metric:reset_state(): begins anew",
}

M.callback = {}
for _, event in ipairs{"train", "test", "predict"} do
  for _, moment in ipairs{"begin", "end"} do
    M.callback[("on_%s_%s"):format(event, moment)] = ("callback:on_%s_%s(logs)"):format(event, moment)
    local name = ("on_%s_batch_%s"):format(event, moment)
    M.callback[name] = ("callback:%s(batch, logs)"):format(name)
  end
end
for _, moment in ipairs{"begin", "end"} do
  M.callback["on_epoch_" .. moment] = ("callback:on_epoch_%s(epoch, logs): fit calls it; epochs count from 1; " ..
    "self.model.stop_training = true stops"):format(moment)
end

M.dataset = {
  batches = "for xb, yb in dataset:batches() do: one pass",
  size = "dataset:size(): the number of batches, or nil where it is not known; #dataset",
}
M.vectorizer = {
  adapt = "vectorizer:adapt(texts): makes the vocabulary of a list of strings",
  get_vocabulary = "vectorizer:get_vocabulary(): the tokens; the i-th has the number i - 1",
  tokens = "vectorizer:tokens(text): the tokens of a text",
}
M.lookup = {
  adapt = "lookup:adapt(strings): makes the vocabulary of a list of strings",
  get_vocabulary = "lookup:get_vocabulary(): the strings; the i-th has the number i - 1",
}

M["nn.data"] = {
  to_categorical = "nn.data.to_categorical(y[, k]): labels as one-hot rows",
}
M["nn.datasets"] = {
  digits = "nn.datasets.digits(): the same of 8 x 8 digits that come inside nnlua",
}

return M
