-- TextVectorizer and StringLookup, by Keras's rules; data sets of iterators and coroutines.
local t = ...
local nn = require "nn"
local d = nn.data

local TEXTS = {"The cat sat.", "the dog, the cat!", "a bird"}

t.test("counts: unknown first, then by count, ties from the end of the alphabet", function()
  local v = d.TextVectorizer{output = "count"}
  t.equal(v:adapt(TEXTS), v)
  t.equal(v.vocabulary, {"[UNK]", "the", "cat", "sat", "dog", "bird", "a"})
  t.equal(v:get_vocabulary(), v.vocabulary)
  local y = v{"The zebra, the cat", "", "a-a"}
  t.equal(y, {{1, 2, 1, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0, 0}})
  t.equal(y.dtype, "float32")
  t.equal(v "a bird", {0, 0, 0, 0, 0, 1, 1})
  t.equal(v{}.shape, {0, 7})
  for _, output in ipairs{"binary", "multi_hot"} do
    t.equal(d.TextVectorizer{output = output}:adapt(TEXTS){"the the dog x y"}, {{1, 1, 0, 0, 1, 0, 0}})
  end
  t.equal(d.TextVectorizer{output = "count", max_tokens = 3}:adapt(TEXTS).vocabulary, {"[UNK]", "the", "cat"})
end)

t.test("int: 0 is padding, 1 unknown", function()
  local v = d.TextVectorizer{output = "int"}:adapt(TEXTS)
  t.equal(v.vocabulary, {"", "[UNK]", "the", "cat", "sat", "dog", "bird", "a"})
  local y = v{"the dog sat here", "cat"}
  t.equal(y, {{2, 5, 4, 1}, {3, 0, 0, 0}})
  t.equal(y.dtype, "int64")
  t.equal(v "the cat", {2, 3})
  v = d.TextVectorizer{output = "int", output_sequence_length = 2, max_tokens = 4}:adapt(TEXTS)
  t.equal(v{"the cat sat", "", "bird"}, {{2, 3}, {0, 0}, {1, 0}})
  t.equal(v{}.shape, {0, 2})
  t.equal(d.TextVectorizer{output = "int"}:adapt(TEXTS){"", ""}.shape, {2, 0})
end)

t.test("tf_idf: count times ln(1 + N / (1 + df)); unknown ones weigh the average", function()
  local v = d.TextVectorizer{output = "tf_idf", max_tokens = 4}:adapt(TEXTS)
  t.equal(v.vocabulary, {"[UNK]", "the", "cat", "sat"})
  local the, sat = math.log(1 + 3 / 3), math.log(1 + 3 / 2)
  t.close(v{"the the sat dog"}, {{(2 * the + sat) / 3, 2 * the, 0, sat}}, 1e-6)
end)

t.test("standardize, split, ngrams", function()
  local function tokens(options, text) return table.concat(d.TextVectorizer(options):tokens(text), "|") end
  t.equal(tokens({}, " It's  a\tDOG-day\n(1st)! "), "its|a|dogday|1st")
  t.equal(tokens({standardize = "lower"}, "It's É"), "it's|É")
  t.equal(tokens({standardize = "strip_punctuation"}, "It's [a] `b` {c} \\ ~"), "Its|a|b|c")
  t.equal(tokens({standardize = "none"}, "It's A"), "It's|A")
  t.equal(tokens({standardize = function(s) return s:gsub("x", " ") end}, "axb"), "a|b")
  t.equal(tokens({split = "character"}, "Aé!b"), "a|é|b")
  t.equal(tokens({split = "none"}, "The cat."), "the cat")
  t.equal(tokens({split = function(s) return {s, s} end}, "X"), "x|x")
  t.equal(tokens({ngrams = 2}, "a b c"), "a|b|c|a b|b c")
  t.equal(tokens({ngrams = {1, 3}}, "a b c"), "a|b|c|a b c")
  t.equal(tokens({ngrams = {2, 2}}, "a"), "")
end)

t.test("a vocabulary that is given", function()
  t.equal(d.TextVectorizer{vocabulary = {"x", "y"}}{"y y z"}, {{1, 0, 2}})
  t.equal(d.TextVectorizer{vocabulary = {"", "[UNK]", "x"}, output = "int"}{"x q"}, {{2, 1}})
  t.fails(function() d.TextVectorizer{vocabulary = {"x", "x"}} end, 'the vocabulary has "x" twice')
  t.fails(function() d.TextVectorizer{vocabulary = {"x"}, output = "tf_idf"} end, "call adapt")
end)

t.test("errors of TextVectorizer", function()
  t.fails(function() d.TextVectorizer{}{"x"} end, "it has no vocabulary yet; call adapt(texts) first")
  t.fails(function() d.TextVectorizer{}:adapt{"x", 3} end, "adapt: texts must be strings; [2] is 3")
  t.fails(function() d.TextVectorizer{}:adapt(nn.ones(2)) end, "texts must be a list of strings")
  t.fails(function() d.TextVectorizer{output = "one_hot"} end, 'output must be "count", "binary"')
  t.fails(function() d.TextVectorizer{split = "words"} end, 'must be "character", "whitespace", "none" or a function')
  t.fails(function() d.TextVectorizer{max_tokens = 1, output = "int"} end, "max_tokens must be at least 2 here")
  t.fails(function() d.TextVectorizer{max_token = 1} end, 'did you mean "max_tokens"')
  t.fails(function() d.TextVectorizer{split = function() end}:adapt{"x"} end, "split must give a list of strings")
end)

t.test("a classifier of short texts learns", function()
  nn.seed(2)
  local texts, labels = {}, {}
  for i = 1, 40 do
    texts[i] = i % 2 == 0 and "refund my payment now " .. i or "password reset does not work " .. i
    labels[i] = i % 2 == 0 and "billing" or "login"
  end
  local v = d.TextVectorizer{max_tokens = 50, output = "tf_idf"}:adapt(texts)
  local lookup = d.StringLookup{num_oov_indices = 0}:adapt(labels)
  local x = v(texts)
  local model = nn.Sequential{nn.Dense(2, {activation = "softmax", input_shape = {#v.vocabulary}})}
  model:compile{optimizer = nn.optimizers.Adam(0.1), loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
  model:fit(x, lookup(labels), {epochs = 10, verbose = 0})
  local back = d.StringLookup{vocabulary = lookup.vocabulary, num_oov_indices = 0, invert = true}
  t.equal(back(model:predict_classes(v{"my payment", "reset password"})), {"billing", "login"})
end)

t.test("StringLookup: to numbers and back", function()
  local lookup = d.StringLookup{}:adapt{"b", "a", "c", "b", "c", "b"}
  t.equal(lookup.vocabulary, {"[UNK]", "b", "c", "a"})
  local y = lookup{"a", "b", "z"}
  t.equal(y, {3, 1, 0})
  t.equal(y.dtype, "int64")
  t.equal(lookup "c", 2)
  t.equal(lookup{{"a"}, {"q"}}, {{3}, {0}})
  local back = d.StringLookup{vocabulary = {"b", "c", "a"}, invert = true}
  t.equal(back(y), {"a", "b", "[UNK]"})
  t.equal(back(y:reshape(3, 1)), {{"a"}, {"b"}, {"[UNK]"}})
  t.equal(back(2), "c")
  t.equal(d.StringLookup{vocabulary = {"", "[UNK]", "x"}, mask_token = ""}{"", "q", "x"}, {0, 1, 2})
  t.equal(d.StringLookup{max_tokens = 3}:adapt{"a", "b", "b", "c"}.vocabulary, {"[UNK]", "b", "c"})
  local several = d.StringLookup{num_oov_indices = 3, vocabulary = {"x"}}
  t.equal(several "x", 3)
  local seen = {}
  for i = 1, 30 do seen[several("q" .. i)] = true end
  t.equal(seen[0] and seen[1] and seen[2] and not seen[3], true)
  t.equal(several "q", several "q")
end)

t.test("errors of StringLookup", function()
  local labels = d.StringLookup{vocabulary = {"cat", "dog"}, num_oov_indices = 0}
  t.equal(labels{"dog", "cat"}, {1, 0})
  t.fails(function() labels{"cat", "dgo"} end, 'StringLookup: "dgo" is not in the vocabulary; did you mean "dog"?')
  t.fails(function() labels{1} end, "strings are expected; got 1")
  t.fails(function() d.StringLookup{} "x" end, "it has no vocabulary yet")
  local back = d.StringLookup{vocabulary = {"a"}, num_oov_indices = 0, invert = true}
  t.fails(function() back(1) end, "1 is outside 0..0")
  t.fails(function() back{-1} end, "-1 is outside 0..0")
  t.fails(function() back{0.5} end, "0.5 is outside 0..0")
  t.fails(function() d.StringLookup{num_oov_indices = -1} end, ">= 0")
end)

local X = nn.arange(1, 12):reshape(12, 1)
local Y = X * 2

local function model()
  local m = nn.Sequential{nn.Dense(1)}
  m:compile{optimizer = "sgd", loss = "mse"}
  return m
end

local function yield_all()
  for xb, yb in d.batches(X, Y, {batch_size = 4}) do coroutine.yield(xb, yb) end
end

t.test("data sets of coroutines and iterators: once through", function()
  local rows = 0
  for xb, yb in d.Dataset(coroutine.create(yield_all)):batches() do
    rows = rows + #xb
    t.equal(yb, xb * 2)
  end
  t.equal(rows, 12)
  rows = 0
  for xb in d.Dataset(coroutine.wrap(yield_all)):batches() do rows = rows + #xb end
  t.equal(rows, 12)
  for _, source in ipairs{coroutine.create(yield_all), coroutine.wrap(yield_all), d.batches(X, Y, {batch_size = 4}),
    d.Dataset(coroutine.create(yield_all))} do
    -- the batch that the model is built by is trained on as well
    local seen = 0
    local counter = {on_train_batch_end = function() seen = seen + 1 end}
    model():fit(source, {verbose = 0, check = false, callbacks = {counter}})
    t.equal(seen, 3)
  end
  local m = model()
  m:fit(coroutine.wrap(yield_all), {epochs = 3, steps_per_epoch = 1, verbose = 0, check = false})
  t.equal(#m.history.loss, 3)
  t.fails(function() model():fit(coroutine.wrap(yield_all), {epochs = 2, verbose = 0, check = false}) end,
    "fit: the iterator is at its end; give a function that makes one for each pass")
  t.equal(#m:predict(coroutine.create(yield_all), {verbose = 0}), 12)
end)

t.test("data sets of functions that make iterators and coroutines: again and again", function()
  local set = d.Dataset(function() return coroutine.wrap(yield_all) end)
  local m = model()
  m:fit(set, {epochs = 3, verbose = 0, check = false, validation_data = set})
  t.equal(#m.history.val_loss, 3)
  m = model()
  m:fit(set, {epochs = 2, steps_per_epoch = 5, verbose = 0, check = false})
  t.equal(#m.history.loss, 2)
end)

t.test("errors of iterators", function()
  local function fails(source, text)
    t.fails(function() model():fit(source, {verbose = 0, check = false}) end, text)
  end
  fails(function() return X end, "fit: the function must return an iterator of x, y; got a tensor {12, 1}")
  fails(function() return 1, 2 end, "fit: the function must return an iterator of x, y; got 1")
  fails(coroutine.create(function() coroutine.yield(X) end), "fit: the batches have no y; an iterator gives x, y")
  fails(coroutine.create(function() error("own error", 0) end), "own error")
  fails(coroutine.create(function() end), "the data gave no batch")
end)

t.test("drop_last leaves out other rows in each pass", function()
  local seen, batches = {}, 0
  local Spy = nn.Layer:extend "Spy"
  function Spy.call(_, x, training)
    if not training then return x end
    batches = batches + 1
    for _, row in ipairs(x:totable()) do seen[row[1] // 1 | 0] = true end
    return x
  end
  nn.seed(1)
  local m = nn.Sequential{Spy{}, nn.Dense(1)}
  m:compile{optimizer = "sgd", loss = "mse"}
  m:fit(d.Dataset(X, Y, {batch_size = 5, shuffle = true, drop_last = true}), {epochs = 12, verbose = 0, check = false})
  t.equal(batches, 24)
  t.equal(#seen, 12)
end)
