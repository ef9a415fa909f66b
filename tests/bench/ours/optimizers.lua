-- Each optimizer's step, on two matrices of n elements together.
local nn = require "nn"
local bench = ...

local function step(s) s.optimizer:step(s.parameters, s.grads) end

for _, n in ipairs{100000, 10000000} do
  for _, name in ipairs{"SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Nadam", "Adagrad", "Adadelta"} do
    local function make()
      local s = {optimizer = nn.optimizers[name](), parameters = {}, grads = {}}
      for i = 1, 2 do
        s.parameters[i] = nn.randn(n // 200, 100):requires_grad_(true)
        s.grads[i] = nn.randn(n // 200, 100)
      end
      return s
    end
    bench.add(("step: %s of %d"):format(name, n), step, make, {records = true})
    bench.run()
  end
end
