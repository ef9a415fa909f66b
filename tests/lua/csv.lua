-- nn.data.read_csv: what is chosen, what comes back, the sentences.
local t = ...
local nn = require "nn"
local read_csv = nn.data.read_csv

local path = os.tmpname()

local function file(text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
  return path
end

t.test("numbers and names", function()
  local x, names, texts = read_csv(file "a,b\n1,2.5\n-3,1e2\n")
  t.equal(x, {{1, 2.5}, {-3, 100}})
  t.equal(x.dtype, "float32")
  t.equal(names, {"a", "b"})
  t.equal(texts, nil)
  x, names = read_csv(path, {columns = {"b", 1}})
  t.equal(x, {{2.5, 1}, {100, -3}})
  t.equal(names, {"b", "a"})
  x, names = read_csv(path, {columns = -1})
  t.equal(x.shape, {2, 1})
  t.equal(names, {"b"})
  t.equal(read_csv{path = path, header = true}, {{1, 2.5}, {-3, 100}})
end)

t.test("files without a header", function()
  t.fails(function() read_csv(file "1,2\n3,4\n") end, "the first line holds numbers; say header = false, or true")
  local x, names = read_csv(path, {header = false})
  t.equal(x, {{1, 2}, {3, 4}})
  t.equal(names, {"1", "2"})
  x, names = read_csv(path, {header = true})
  t.equal(x, {{3, 4}})
  t.equal(names, {"1", "2"})
  t.fails(function() read_csv(path, {header = false, columns = "a"}) end, 'columns have no names; got "a"')
end)

t.test("columns of texts, and labels of them", function()
  file 'id,kind,size,colour\r\n7,cat,1,"light, grey"\r\n8,dog,2,black\r\n9,cat,3,\r\n'
  local x, names, texts = read_csv(path, {text = {"colour", 2}})
  t.equal(x, {{7, 1}, {8, 2}, {9, 3}})
  t.equal(names, {"id", "size"})
  t.equal(texts.colour, {"light, grey", "black", ""})
  t.equal(texts[2], {"cat", "dog", "cat"})
  x, names, texts = read_csv(path, {columns = {"size"}, text = "kind"})
  t.equal(x, {{1}, {2}, {3}})
  t.equal(names, {"size"})
  local labels = nn.data.StringLookup{num_oov_indices = 0}:adapt(texts.kind)(texts.kind)
  t.equal(labels, {0, 1, 0})
end)

t.test("delimiters", function()
  t.equal(read_csv(file "a;b\n1;2\n", {delimiter = ";"}), {{1, 2}})
  t.equal(read_csv(file "a\tb\n1\t 2\n", {delimiter = "\t"}), {{1, 2}})
  for _, delimiter in ipairs{"", ",,", "1", ".", "-", "+", "e", '"', "\n", "é", "\0"} do
    t.fails(function() read_csv(path, {delimiter = delimiter}) end, "delimiter must be one character")
  end
end)

t.test("errors have line and column", function()
  t.fails(function() read_csv(file "name,age\n1,31\n2,abc\n") end,
    ('read_csv: %s: line 3, column 2 (age): "abc" is not a number'):format(path))
  t.fails(function() read_csv(path, {columns = "aeg"}) end, 'there is no column "aeg"')
  t.fails(function() read_csv(path, {columns = {1.5}}) end, "columns must be names or positions of columns; got 1.5")
  t.fails(function() read_csv(path, {columns = 3}) end, "there is no column 3 among 2")
  t.fails(function() read_csv(path, {columns = "age", text = "age"}) end, "column 2 is named twice")
  t.fails(function() read_csv(path, {colums = 1}) end, 'did you mean "columns"')
  t.fails(function() read_csv() end, "path is missing")
  t.fails(function() read_csv "/nonexistent/x.csv" end, "read_csv: /nonexistent/x.csv: No such file or directory")
  t.fails(function() read_csv(file "") end, "it holds no lines")
end)

t.test("the locale of the process changes nothing", function()
  local usual = os.setlocale()
  for _, name in ipairs{"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "C"} do
    if os.setlocale(name) then break end
  end
  local x = read_csv(file "a\n0.5\n1234567890123456789e-18\n")
  os.setlocale(usual)
  t.close(x, {{0.5}, {1.2345679}}, 1e-6)
end)

os.remove(path)
