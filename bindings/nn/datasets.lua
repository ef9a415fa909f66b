-- nn.datasets: data sets by name. Each function gives x_train, y_train, x_test, y_test.
local _, core, import = ...
local errors = import "errors"
local options = import "options"

local datasets = {}

local MNIST = {{name = "path", kind = "text", optional = true, help = "a folder with the four files"},
  {name = "download", kind = "flag", default = true, help = "fetch them where they are in no folder"}}
options.functions.mnist = MNIST

-- Name without ending, and the shape it must hold. "idx3-ubyte" is also found written ".idx3-ubyte".
local FILES = {{"train-images-idx3-ubyte", {60000, 28, 28}}, {"train-labels-idx1-ubyte", {60000}},
  {"t10k-images-idx3-ubyte", {10000, 28, 28}}, {"t10k-labels-idx1-ubyte", {10000}}}

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- The path of a file in folder under one of its names, or nil.
local function find(folder, name)
  for _, stem in ipairs{name, (name:gsub("%-idx", ".idx"))} do
    for _, ending in ipairs{"", ".gz"} do
      local path = folder .. "/" .. stem .. ending
      if exists(path) then return path end
    end
  end
end

-- The paths of the four files in folder, or nil.
local function find_all(folder)
  local paths = {}
  for i, file in ipairs(FILES) do
    paths[i] = find(folder, file[1])
    if not paths[i] then return nil end
  end
  return paths
end

local function load_all(paths)
  local tensors = {}
  for i, file in ipairs(FILES) do
    tensors[i] = core.idx("mnist", paths[i])
    local shape = errors.shape(tensors[i].shape)
    if shape ~= errors.shape(file[2]) or tensors[i].dtype ~= "uint8" then
      errors.fail("mnist: %s must hold uint8 %s; got %s %s", paths[i], errors.shape(file[2]), tensors[i].dtype, shape)
    end
  end
  return table.unpack(tensors)
end

local function set(name)
  local value = os.getenv(name)
  return value and value ~= "" and value or nil
end

-- The user's folder for what can be fetched again; nil without a home.
local function cache()
  local home = set "HOME"
  local base = set "XDG_CACHE_HOME" or home and home .. "/.cache"
  return base and base .. "/nnlua"
end

local function shell_quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs the script that fetches the files into folder; it says on stderr what it did. True when they are there.
local function fetch(folder)
  local script = core.embedded "fetch-mnist.sh"
  if not script then return false end
  io.stderr:write("mnist: fetching MNIST (11 MB) into ", folder, "\n")
  -- cat takes the whole script first, so that nothing it runs can read from it
  local shell = io.popen('sh -c "$(cat)" fetch-mnist ' .. shell_quoted(folder), "w")
  if not shell then return false end
  shell:write(script)
  return shell:close() == true
end

-- uint8 {60000, 28, 28}, uint8 {60000}, uint8 {10000, 28, 28}, uint8 {10000}. Looks in path, $NNLUA_DATA, ./data and
-- the user's cache; else fetches into the cache.
function datasets.mnist(...)
  if not io or not os then errors.fail("mnist: files cannot be read in this interpreter") end
  local c = options.parse("mnist", MNIST, 1, ...)
  local folders = {}
  for _, folder in ipairs{c.path or false, set "NNLUA_DATA" or false, "data", cache() or false} do
    if folder then folders[#folders + 1] = folder end
  end
  for _, folder in ipairs(folders) do
    local paths = find_all(folder)
    if paths then return load_all(paths) end
  end
  local fetched = c.download and cache() and fetch(cache()) and find_all(cache())
  if fetched then return load_all(fetched) end
  errors.fail("mnist: train-images-idx3-ubyte.gz and the other three files are not in %s%s; put them there, or name " ..
    "their folder by {path = ...} or $NNLUA_DATA", table.concat(folders, ", "),
    c.download and " and could not be fetched" or "")
end

local DIGITS_TRAIN = 1437 -- of 1797: the first four fifths, in the order of the file

-- The 8 x 8 handwritten digits of the UCI repository (Alpaydin and Kaynak), values 0..16: uint8 {1437, 8, 8}, {1437},
-- {360, 8, 8}, {360}. They are inside nnlua.
function datasets.digits()
  local x = core.idx_bytes("digits", "digits-images.idx.gz", core.embedded "digits-images.idx.gz")
  local y = core.idx_bytes("digits", "digits-labels.idx.gz", core.embedded "digits-labels.idx.gz")
  local n = DIGITS_TRAIN
  return x:narrow(1, 1, n), y:narrow(1, 1, n), x:narrow(1, n + 1, #x - n), y:narrow(1, n + 1, #x - n)
end

return core.namespace(datasets, "nn.datasets")
