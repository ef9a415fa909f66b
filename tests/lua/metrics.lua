-- nn.metrics against tests/data/metrics.csv (scikit-learn, NumPy), in batches whose last is short; then "accuracy".
local t = ...
local nn = require "nn"

local N, K, BATCH = 50, 4, 16
local m = nn.metrics

local function list(n, f)
  local values = {}
  for i = 1, n do values[i] = f(i) end
  return values
end

local reference = {}
for line in io.lines "tests/data/metrics.csv" do
  local name, numbers = line:match "^([^,]*),(.*)$"
  reference[name] = {}
  for number in numbers:gmatch "[^,]+" do table.insert(reference[name], tonumber(number)) end
end

local truth = nn.tensor(list(N, function(i) return i * 7 % 5 < 2 and 1 or 0 end))
local score = nn.tensor(list(N, function(i) return i * 13 % 20 / 20 + 0.025 end))
local weight = nn.tensor(list(N, function(i) return 1 + i % 3 end))
local labels = nn.tensor(list(N, function(i) return i * 11 % K end), {dtype = "int64"})
local hot = nn.one_hot(labels, K):to "float32"
local logits = nn.tensor(list(N * K, function(i) return math.sin(i * 1.7) end), {dtype = "float64"}):reshape(N, K)
  + hot * 0.3
local soft = logits:softmax(-1)
local multi = nn.tensor(list(N * K, function(i) return i * 7 % 3 == 0 and 1 or 0 end)):reshape(N, K)
local f64 = {dtype = "float64"}
local target = nn.stack({nn.tensor(list(N, math.sin), f64), nn.tensor(list(N, math.cos), f64) * 3}, 2)
local fit = nn.stack({nn.tensor(list(N, function(i) return math.sin(i) + 0.3 * math.cos(3 * i) end), f64),
  nn.tensor(list(N, math.cos), f64) * 2}, 2)

-- In batches, after a pass that a reset must forget.
local function run(metric, y_true, y_pred, w)
  metric:update_state(y_true, y_pred, w)
  metric:reset_state()
  for first = 1, N, BATCH do
    local n = math.min(BATCH, N - first + 1)
    metric:update_state(y_true:narrow(1, first, n), y_pred:narrow(1, first, n), w and w:narrow(1, first, n))
  end
  return metric:result()
end

local function check(name, result, tolerance)
  local expected = reference[name]
  if type(result) == "userdata" then result = result:reshape(-1):totable() else result = {result} end
  t.equal(#result, #expected)
  for i = 1, #expected do t.close(result[i], expected[i], tolerance or 1e-6) end
end

t.test("accuracies", function()
  check("binary_accuracy", run(m.BinaryAccuracy{}, truth, score))
  check("binary_accuracy", run(m.BinaryAccuracy{}, truth, score:unsqueeze(-1)))
  check("binary_accuracy", run(m.BinaryAccuracy{}, truth:unsqueeze(-1):to "uint8", score))
  check("binary_accuracy weighted", run(m.BinaryAccuracy{}, truth, score:unsqueeze(-1), weight))
  check("binary_accuracy weighted", run(m.BinaryAccuracy{}, truth, score, weight:unsqueeze(-1):to "uint8"))
  check("sparse_categorical_accuracy", run(m.SparseCategoricalAccuracy{}, labels, soft))
  check("sparse_categorical_accuracy", run(m.SparseCategoricalAccuracy{}, labels:unsqueeze(-1):to "float32", soft))
  check("sparse_categorical_accuracy", run(m.SparseCategoricalAccuracy{}, labels:to "uint8", soft))
  check("sparse_categorical_accuracy", run(m.CategoricalAccuracy{}, hot, soft))
  check("sparse_top_k_categorical_accuracy", run(m.SparseTopKCategoricalAccuracy(2), labels, soft))
  check("sparse_top_k_categorical_accuracy", run(m.TopKCategoricalAccuracy{k = 2}, hot, soft))
  t.close(run(m.Accuracy{}, labels, labels:clone()), 1, 0)
end)

t.test("counts at thresholds", function()
  check("precision", run(m.Precision{}, truth, score))
  check("precision weighted", run(m.Precision{}, truth, score, weight))
  check("recall", run(m.Recall{}, truth, score:unsqueeze(-1)))
  check("recall class 2", run(m.Recall{class_id = 2, thresholds = 0.3}, hot, soft))
  check("precision thresholds", run(m.Precision{thresholds = {0.2, 0.4, 0.8}}, truth, score))
  local tp, fp = run(m.TruePositives{}, truth, score), run(m.FalsePositives{}, truth, score)
  local fn, tn = run(m.FalseNegatives{}, truth, score), run(m.TrueNegatives{}, truth, score)
  t.close(tp + fp + fn + tn, N, 0)
  t.close(tp + fn, truth:sum():item(), 0)
  t.close(run(m.Recall{top_k = 1}, hot, soft), reference["sparse_categorical_accuracy"][1], 1e-6)
end)

t.test("curves", function()
  check("auc", run(m.AUC{}, truth, score))
  check("auc", run(m.AUC{from_logits = true}, truth, (score / (1 - score)):log()))
  check("auc weighted", run(m.AUC{}, truth, score, weight))
  check("auc pr", run(m.AUC{curve = "PR"}, truth, score))
  check("auc multi", run(m.AUC{multi_label = true}, multi, (soft * 100):round() / 100 + 0.0025))
  check("recall_at_precision", run(m.RecallAtPrecision(0.45), truth, score))
  check("sensitivity_at_specificity", run(m.SensitivityAtSpecificity(0.5), truth, score))
  local lower = run(m.AUC{summation_method = "minoring"}, truth, score)
  local upper = run(m.AUC{summation_method = "majoring"}, truth, score)
  t.close((lower + upper) / 2, reference.auc[1], 1e-6)
end)

t.test("scores", function()
  check("f1_score", run(m.F1Score{}, hot, soft))
  check("f1_score macro", run(m.F1Score{average = "macro"}, hot, soft))
  check("f1_score micro", run(m.F1Score{average = "micro"}, hot, soft))
  check("f1_score weighted", run(m.F1Score{average = "weighted"}, hot, soft))
  check("fbeta_score", run(m.FBetaScore{beta = 2, threshold = 0.3}, multi, soft))
  local precision, recall = reference.precision[1], reference.recall[1]
  t.close(run(m.F1Score{}, truth, score), 2 * precision * recall / (precision + recall), 1e-6)
  check("r2_score", run(m.R2Score{}, target, fit))
  check("r2_score none", run(m.R2Score{class_aggregation = "none"}, target, fit))
  check("r2_score variance", run(m.R2Score{class_aggregation = "variance_weighted_average"}, target, fit))
  check("r2_score weighted", run(m.R2Score{}, target, fit, weight))
  local adjusted = 1 - (1 - reference.r2_score[1]) * 49 / 47
  t.close(run(m.R2Score{num_regressors = 2}, target, fit), adjusted, 1e-9)
end)

t.test("sample weights may be lists of numbers", function()
  local error_of = m.get(function(a, b) return (a - b):abs() end)
  for _, metric in ipairs{m.MeanSquaredError{}, m.BinaryAccuracy{}, m.Precision{}, m.AUC{}, m.F1Score{}, m.R2Score{},
    m.get "accuracy", error_of} do
    local of_tensors = run(metric, truth, score, weight)
    metric:reset_state()
    metric:update_state(truth:totable(), score:totable(), weight:totable())
    t.close(metric:result(), of_tensors, 1e-6)
  end
  local mse = m.MeanSquaredError()
  mse:update_state({0, 0}, {1, -2}, {1, 0})
  t.equal(mse:result(), 1)
end)

t.test("confusion matrix", function()
  check("confusion_matrix", run(m.ConfusionMatrix{}, labels, soft))
  check("confusion_matrix", run(m.ConfusionMatrix(K), hot, soft))
  check("confusion_matrix", run(m.ConfusionMatrix(K), labels, soft:argmax(-1) - 1))
  check("mean_iou", run(m.MeanIoU(K), labels, soft))
  local two = run(m.ConfusionMatrix{}, truth, score:unsqueeze(-1))
  t.equal(two.dtype, "int64")
  t.close(two[{2, 2}], run(m.TruePositives{}, truth, score), 0)
  t.close(two[{1, 2}], run(m.FalsePositives{}, truth, score), 0)
end)

t.test("means", function()
  check("root_mean_squared_error", run(m.RootMeanSquaredError{}, target, fit))
  check("mean_absolute_error", run(m.get "mae", target, fit))
  check("cosine_similarity", run(m.get "cosine_similarity", target, fit))
  check("log_loss", run(m.get "sparse_categorical_crossentropy", labels, soft))
  local mean, sum = m.Mean{}, m.Sum{}
  mean:update_state(nn.tensor{1, 2, 3})
  mean:update_state(7)
  t.close(mean:result(), 13 / 4, 1e-12)
  mean:reset_state()
  mean:update_state(nn.tensor{1, 3}, nn.tensor{3, 1})
  t.close(mean:result(), 1.5, 1e-12)
  sum:update_state({1, 2, 3})
  t.close(sum:result(), 6, 1e-12)
  t.close(m.Mean{}:result(), 0, 0)
end)

t.test("functions are averaged over samples, also where they give one number a batch", function()
  local function mae(a, b) return (a - b):abs():mean() end
  check("mean_absolute_error", run(m.get(mae), target, fit))
  check("mean_absolute_error", run(m.get(function(a, b) return (a - b):abs():mean(-1) end), target, fit))
  check("mean_absolute_error", run(m.get(function(a, b) return mae(a, b):item() end), target, fit))
  t.equal(m.get(nn.losses.mean_squared_error).class_name, "MeanSquaredError")
end)

t.test("accuracy is decided by the loss and the shapes", function()
  local function became(loss, y_true, y_pred)
    local metric = m.get("accuracy", loss and nn.losses.get(loss))
    metric:update_state(y_true, y_pred)
    return metric.metric.class_name, metric.metric.config.threshold, metric:result()
  end
  local column = score:unsqueeze(-1)
  t.equal(became("binary_crossentropy", truth, column), "BinaryAccuracy")
  t.equal(select(2, became("binary_crossentropy", truth, column)), 0.5)
  t.equal(select(2, became(nn.losses.BinaryCrossentropy{from_logits = true}, truth, column)), 0)
  t.equal(became("binary_crossentropy", multi, soft), "BinaryAccuracy")
  t.equal(became("sparse_categorical_crossentropy", labels, soft), "SparseCategoricalAccuracy")
  t.equal(became("categorical_crossentropy", hot, soft), "CategoricalAccuracy")
  t.equal(became("mse", labels, soft), "SparseCategoricalAccuracy")
  t.equal(became("mse", hot, soft), "CategoricalAccuracy")
  t.equal(became("mse", truth, column), "BinaryAccuracy")
  t.equal(became(nil, hot, soft), "CategoricalAccuracy")
  local signs = nn.where(truth:gt(0), 1.0, -1.0)
  t.close(select(3, became("hinge", signs, signs:unsqueeze(-1) * 0.1)), 1, 0)
end)

t.test("names and directions", function()
  t.equal(m.get "acc".name, "acc")
  t.equal(m.get "mse".name, "mse")
  t.equal(m.get "AUC".name, "auc")
  t.equal(m.get "Accuracy".name, "accuracy")
  t.equal(m.AUC{name = "area"}.name, "area")
  t.equal(m.get "accuracy".direction, "max")
  t.equal(m.get "mse".direction, "min")
  t.equal(m.get "cosine_similarity".direction, "max")
  t.equal(m.Precision{}.direction, "max")
  t.equal(m.get{class_name = "Precision", config = {thresholds = {0.7}}}.thresholds[1], 0.7)
  local metric = m.F1Score{}
  t.equal(m.get(metric), metric)
  t.equal(m.get(m.F1Score).name, "f1_score")
end)

t.test("errors name what is wrong", function()
  t.fails(function() m.get "acuracy" end, 'did you mean "accuracy"')
  t.fails(function() m.BinaryAccuracy{}:update_state(nn.zeros(3), nn.zeros(4)) end, "{3}")
  t.fails(function() m.SparseCategoricalAccuracy{}:update_state(hot, soft) end, "label")
  t.fails(function() m.SparseCategoricalAccuracy{}:update_state(nn.zeros(1), soft) end, "{1} and {50, 4}")
  t.fails(function() m.get(nn.zeros(3, 3)) end, "a tensor {3, 3}")
  t.fails(function() m.ConfusionMatrix(2):update_state(labels, labels) end, "")
  t.fails(function() m.get(3) end, "metric")
end)

t.test("a metric made inside a scope lives on, and updates leave no tensors behind", function()
  local auc
  nn.scope(function() auc = m.AUC{} end)
  auc:update_state(truth, score)
  for _, metric in ipairs{auc, m.BinaryAccuracy{}, m.get "mse", m.Precision{}} do
    metric:update_state(truth, score)
    collectgarbage()
    collectgarbage()
    local before = nn.memory().tensors
    for _ = 1, 10 do metric:update_state(truth, score) end
    t.equal(nn.memory().tensors, before)
  end
end)

-- Without weights C counts, with weights of 1 Lua does.
t.test("accuracies count the same with and without weights", function()
  local function both(name, y_true, y_pred, options)
    local plain, weighted = nn.metrics[name](options), nn.metrics[name](options)
    plain:update_state(y_true, y_pred)
    weighted:update_state(y_true, y_pred, nn.ones(y_true:size(1)))
    t.equal(plain:result(), weighted:result())
    return plain:result()
  end
  nn.seed(1)
  local scores, classes = nn.rand(20, 3), nn.randint(0, 2, {20})
  t.equal(both("SparseCategoricalAccuracy", classes, scores) > 0, true)
  both("SparseCategoricalAccuracy", classes:unsqueeze(-1):to "uint8", scores)
  both("SparseCategoricalAccuracy", classes:to "float32", scores)
  both("CategoricalAccuracy", nn.one_hot(classes, 3), scores)
  local chances, passed = nn.rand(20), nn.randint(0, 1, {20})
  t.equal(both("BinaryAccuracy", passed, chances) > 0, true)
  both("BinaryAccuracy", passed:unsqueeze(-1):to "float32", chances, {threshold = 0.8})
  both("BinaryAccuracy", passed, chances:unsqueeze(-1))
  both("BinaryAccuracy", nn.randint(0, 1, {5, 4}), nn.rand(5, 4))
end)

t.test("what accuracies do not take is said, without weights too", function()
  local sparse = nn.metrics.SparseCategoricalAccuracy()
  t.fails(function() sparse:update_state({0, 3}, nn.ones(2, 3)) end, "label 3 in row 2 is outside 0..2")
  t.fails(function() sparse:update_state(nn.tensor({0, 3}, {dtype = "int64"}), nn.ones(2, 3)) end,
    "label 3 in row 2 is outside 0..2")
  t.fails(function() sparse:update_state(nn.zeros(3), nn.ones(2, 3)) end, "y_true must hold a label for each row")
  t.fails(function() nn.metrics.BinaryAccuracy():update_state(nn.zeros(3), nn.ones(2)) end, "must have the same shape")
  t.equal(sparse:result(), 0)
end)
