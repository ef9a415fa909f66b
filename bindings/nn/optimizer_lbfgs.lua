-- nn.optimizers.LBFGS: L-BFGS (Nocedal & Wright, Numerical Optimization, algorithms 7.4 and 7.5) with a search for the
-- strong Wolfe conditions along each direction (3.5 and 3.6). It evaluates the loss as often as it likes, so what it
-- minimizes must stay the same within a step: all rows in one batch. Parameters, gradients and what is remembered of
-- them are vectors of float64, whatever the dtype of the weights.
local nn, core, import = ...
local errors = import "errors"
local family = import "family"

local DECREASE, FLATTER = 1e-4, 0.9   -- the two constants of the Wolfe conditions
local MOST_TRIALS = 25                -- of a search along a direction
local ROUNDING = {float32 = 1e-6, float64 = 1e-14}  -- differences of losses that may be rounding, relative

local function dot(a, b)
  return nn.dot(a, b):item()
end

-- The elements of all tensors as one vector.
local function flatten(tensors)
  local parts = {}
  for i, tensor in ipairs(tensors) do parts[i] = tensor:detach():reshape(-1):to "float64" end
  return nn.cat(parts, 1)
end

local function gradient_of(parameters)
  local grads = {}
  for i, parameter in ipairs(parameters) do
    grads[i] = parameter.grad or nn.zeros_like(parameter:detach())
    parameter:zero_grad()
  end
  return flatten(grads)
end

local function write(parameters, vector)
  local first = 1
  for _, parameter in ipairs(parameters) do
    parameter:copy_(vector:narrow(1, first, parameter:numel()):reshape(parameter.shape))
    first = first + parameter:numel()
  end
end

-- What is minimized, as a function of the vector of all parameters: f and its gradient g.
local function evaluate(problem, x)
  local parameters = problem.parameters
  nn.no_grad(write, parameters, x)
  local loss = problem.closure()
  if core.is_tensor(loss) then
    loss:backward()
    loss = loss:item()
  end
  if type(loss) ~= "number" then
    errors.fail("minimize: the function must return the loss; got %s", errors.show(loss))
  end
  return loss, gradient_of(parameters)
end

-- The point at x + alpha d: f there, its gradient and its slope along d.
local function trial(problem, search, alpha)
  local x = search.x + search.direction * alpha
  local f, g = evaluate(problem, x)
  return {alpha = alpha, x = x, f = f, g = g, slope = dot(g, search.direction)}
end

-- Whether the loss has gone down enough. Where the difference may be rounding the slopes tell (Hager & Zhang 2005).
local function goes_down(problem, start, point)
  if point.f <= start.f + DECREASE * point.alpha * start.slope then return true end
  return point.f <= start.f + problem.rounding * math.abs(start.f) and
    point.slope <= (2 * DECREASE - 1) * start.slope
end

local function is_flat(start, point)
  return math.abs(point.slope) <= -FLATTER * start.slope
end

-- The minimum of the cubic through two points and their slopes; kept off the ends, where it tells little.
local function between(a, b)
  local width = b.alpha - a.alpha
  local alpha = a.alpha + width / 2
  local d = a.slope + b.slope - 3 * (a.f - b.f) / (a.alpha - b.alpha)
  local square = d * d - a.slope * b.slope
  if square >= 0 and square < math.huge then
    local root = width > 0 and math.sqrt(square) or -math.sqrt(square)
    alpha = b.alpha - width * (b.slope + root - d) / (b.slope - a.slope + 2 * root)
  end
  local least, most = math.min(a.alpha, b.alpha), math.max(a.alpha, b.alpha)
  local margin = (most - least) / 10
  if alpha ~= alpha then return a.alpha + width / 2 end
  return math.min(math.max(alpha, least + margin), most - margin)
end

-- Between low, the best so far, and high a point that meets the conditions lies (algorithm 3.6).
local function zoom(problem, search, low, high, trials)
  local start = search.start
  for _ = trials, MOST_TRIALS do
    local point = trial(problem, search, between(low, high))
    if not goes_down(problem, start, point) or point.f > low.f and low ~= start then
      high = point
    else
      if is_flat(start, point) then return point end
      if point.slope * (high.alpha - low.alpha) >= 0 then high = low end
      low = point
    end
  end
  return low ~= start and low or nil
end

-- A point along the direction that meets the strong Wolfe conditions, or comes near to it; nil where the loss does
-- not go down (algorithm 3.5). A loss that is no number is too far out.
local function line_search(problem, search, alpha)
  local start, before = search.start, search.start
  for trials = 1, MOST_TRIALS do
    local point = trial(problem, search, alpha)
    if not goes_down(problem, start, point) or trials > 1 and point.f >= before.f then
      return zoom(problem, search, before, point, trials)
    end
    if is_flat(start, point) then return point end
    if point.slope >= 0 then return zoom(problem, search, point, before, trials) end
    before, alpha = point, 2 * alpha
  end
  return before
end

-- The direction -H g, where H is the inverse of the curvature that the remembered steps tell of (algorithm 7.4).
local function direction_of(memory, g)
  local q, shares = -g, {}
  for i = #memory, 1, -1 do
    local pair = memory[i]
    shares[i] = dot(pair.step, q) / pair.curvature
    q:sub_(pair.change * shares[i])
  end
  local last = memory[#memory]
  if last then q:mul_(last.curvature / dot(last.change, last.change)) end
  for i, pair in ipairs(memory) do
    q:add_(pair.step * (shares[i] - dot(pair.change, q) / pair.curvature))
  end
  return q
end

-- Remembers a step and the change of the gradient along it, if they tell of a curvature; the oldest is forgotten.
local function remember(memory, from, to, size)
  local step, change = to.x - from.x, to.g - from.g
  local curvature = dot(step, change)
  if curvature <= 1e-10 * dot(change, change) then return end
  memory[#memory + 1] = {step = step, change = change, curvature = curvature}
  if #memory > size then table.remove(memory, 1) end
end

local LBFGS = {class_name = "LBFGS", name = "lbfgs", positional = 1,
  help = "minimizes the loss of all rows at once, by gradients and the curvature they tell of",
  options = {
    {name = "learning_rate", kind = "number", default = 1, min = 0, max = math.huge, help = "length of first trials"},
    {name = "history_size", kind = "integer", default = 10, min = 1, max = math.huge, help = "steps remembered"},
    {name = "max_iterations", kind = "integer", default = 20, min = 1, max = math.huge, help = "in one step of fit"},
    {name = "tolerance", kind = "number", default = 1e-7, min = 0, max = math.huge,
      help = "done where no element of the gradient is larger"},
    {name = "name", kind = "text", optional = true, help = "shown in files"},
  }}

function LBFGS:init(config)
  rawset(self, "learning_rate", config.learning_rate)
  rawset(self, "iterations", 0)
  rawset(self, "memory", {})
end

function LBFGS:__newindex(key)
  family.refuse_field(self, key, {"learning_rate", "iterations"})
end

-- The length of the first trial: steepest descent knows no scale.
local function first_length(self, g)
  if #self.memory > 0 then return self.learning_rate end
  return self.learning_rate * math.min(1, 1 / g:abs():sum():item())
end

-- One iteration from point; nil where it can go no further.
local function iterate(self, problem, point)
  local direction = direction_of(self.memory, point.g)
  point.alpha, point.slope = 0, dot(point.g, direction)
  local found
  if point.slope < 0 then
    local search = {x = point.x, direction = direction, start = point}
    found = line_search(problem, search, first_length(self, point.g))
  end
  if found then
    remember(self.memory, point, found, self.config.history_size)
    return found
  end
  if #self.memory == 0 then return nil end
  -- what is remembered may be of another loss: once more without it
  self.memory = {}
  return iterate(self, problem, point)
end

-- minimize(closure, parameters): up to max_iterations iterations. closure() gives the loss: a tensor, or a number where
-- it has left the gradients in the parameters. Returns the loss reached.
function LBFGS:minimize(closure, parameters)
  if type(closure) ~= "function" and not (getmetatable(closure) or {}).__call then
    errors.fail("minimize: a function that gives the loss is expected; got %s", errors.show(closure))
  end
  if type(parameters) ~= "table" then
    errors.fail("minimize: parameters must be a list of tensors; got %s", errors.show(parameters))
  end
  for i, parameter in ipairs(parameters) do
    if not core.is_tensor(parameter) or not ROUNDING[parameter.dtype] then
      errors.fail("minimize: parameters must be float tensors; [%d] is %s", i, errors.show(parameter))
    end
  end
  local problem = {closure = closure, parameters = parameters, rounding = ROUNDING.float64}
  if #parameters == 0 then return closure() end
  for _, parameter in ipairs(parameters) do
    parameter:zero_grad()
    problem.rounding = math.max(problem.rounding, ROUNDING[parameter.dtype])
  end
  local point = {x = flatten(parameters)}
  if self.memory[1] and self.memory[1].step:numel() ~= point.x:numel() then self.memory = {} end
  point.f, point.g = evaluate(problem, point.x)
  for _ = 1, self.config.max_iterations do
    if point.g:abs():max():item() <= self.config.tolerance then break end
    local found = iterate(self, problem, point)
    if not found then break end
    point, self.iterations = found, self.iterations + 1
  end
  nn.no_grad(write, parameters, point.x)
  return point.f
end

function LBFGS.step()
  errors.fail("step: LBFGS evaluates the loss several times; call optimizer:minimize(function() return loss end, " ..
    "parameters)")
end

function LBFGS.apply_gradients()
  errors.fail("apply_gradients: LBFGS evaluates the loss several times; call optimizer:minimize(function() return " ..
    "loss end, parameters)")
end

function LBFGS:current_learning_rate() return self.learning_rate end

function LBFGS:get_config()
  local config = family.plain(self.config)
  config.learning_rate = self.learning_rate
  return config
end

import "optimizers".SGD.family:class(LBFGS)
