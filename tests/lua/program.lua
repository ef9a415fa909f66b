-- The program itself: its options, what it says of an error that ends a script, Ctrl-C.
local t = ...

-- The interpreter is the first of all arguments.
local first = -1
while arg[first - 1] do first = first - 1 end

-- What the program says (on both streams) when it is run with arguments of a shell, after `before`.
local function run(arguments, before)
  local pipe = assert(io.popen(("%s '%s' %s 2>&1"):format(before or "", arg[first], arguments)))
  local text = pipe:read "a"
  pipe:close()
  return text
end

-- The same of a script, whose path is written SCRIPT in what it says.
local function run_script(code, before)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local text = run(path, before)
  os.remove(path)
  return (text:gsub(path:gsub("%p", "%%%0"), "SCRIPT"))
end

t.test("numbers of options, with = and without", function()
  local code = [[-e 'print(nn.get_threads(), nn.rand(1):item())']]
  local text = run("--threads=1 --seed=4 " .. code)
  t.equal(text:find "^1\t" ~= nil, true)
  t.equal(run("--threads 1 --seed 4 " .. code), text)
  t.equal(run("--threads=1 --seed=-4 " .. code) ~= text, true)
  for _, wrong in ipairs{"--threads=x", "--threads=", "--threads=0", "--threads", "--threads=65"} do
    t.equal(run(wrong):find "^nnlua: %-%-threads needs a number from 1 to 64\n" ~= nil, true)
  end
  t.equal(run("--threadss=1"):find "^nnlua: unrecognized option '%-%-threadss=1'\n" ~= nil, true)
end)

local FIT = [[
local nn = require "nn"
local model = nn.Sequential{nn.Dense(1, {input_shape = {2}})}
model:compile{loss = "mse"}
local function train() model:fit(nn.ones(3, 2), nn.ones(2)) end
train()
]]

t.test("a traceback is of the user's own lines", function()
  t.equal(run_script(FIT), [[
nnlua: SCRIPT:4: fit: x has 3 rows, y has 2: every row of x needs one of y
stack traceback:
	SCRIPT:4: in local 'train'
	SCRIPT:5: in main chunk
]])
  t.equal(run_script(FIT, "NNLUA_TRACE=full"):find("\tnn/training.lua:", 1, true) ~= nil, true)
  t.equal(run_script [[
local function own() error "own" end
string.gsub("a", ".", own)
]], [[
nnlua: SCRIPT:1: own
stack traceback:
	[C]: in function 'error'
	SCRIPT:1: in function <SCRIPT:1>
	[C]: in function 'string.gsub'
	SCRIPT:2: in main chunk
]])
end)

t.test("Ctrl-C is a line with the user's place", function()
  local text = run_script([[
local nn = require "nn"
local model = nn.Sequential{nn.Dense(64, {input_shape = {64}})}
model:compile{loss = "mse"}
os.execute "(sleep 0.3; kill -INT $PPID) > /dev/null 2>&1 &"
local function train() model:fit(nn.ones(640, 64), nn.ones(640, 64), {epochs = 1000000, seconds = 30, verbose = 0}) end
train()
]])
  t.equal(text, "nnlua: SCRIPT:5: interrupted\n")
end)
