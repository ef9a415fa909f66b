-- Tensors as Lua sees them: making, asking, positions, operators, changes in place, lifetime.
local t = ...
local nn = require "nn"

t.test("tensors from numbers and tables", function()
  t.equal(nn.tensor(3), 3)
  t.equal(nn.tensor(3).dtype, "float32")
  t.equal(nn.tensor{1, 2, 3}, {1, 2, 3})
  t.equal(nn.tensor{{1, 2}, {3, 4}}.shape, {2, 2})
  t.equal(nn.tensor{}.shape, {0})
  t.equal(nn.tensor{{}, {}}.shape, {2, 0})
  t.equal(nn.tensor{{{{{{{{1}}}}}}}}.ndim, 8)
  t.equal(nn.tensor({1, 2}, {dtype = "float64"}).dtype, "float64")
  t.equal(nn.tensor({1.9, -1.9}, {dtype = "int64"}), {1, -1})
  t.equal(nn.tensor({2^53 | 1}, {dtype = "int64"}):item(), 2^53 | 1)
  local extremes = {math.maxinteger, math.mininteger}
  t.equal(nn.tensor(extremes, {dtype = "int64"}):totable(), extremes)
  t.equal(nn.tensor{true, false}.dtype, "uint8")
  t.equal(nn.tensor{{true, false}, {false, true}}, {{1, 0}, {0, 1}})
  t.equal(nn.tensor({0, 255}, {dtype = "uint8"}), {0, 255})
  t.equal(nn.tensor({1, 2}, {requires_grad = true}).requires_grad, true)
end)

t.test("a tensor made from a tensor is a copy", function()
  local a = nn.tensor{1, 2}
  local b = nn.tensor(a)
  b:fill_(5)
  t.equal(a, {1, 2})
  t.equal(nn.tensor(a, {dtype = "int64"}).dtype, "int64")
  t.equal(nn.tensor(a, {requires_grad = true}).requires_grad, true)
  t.equal(a.requires_grad, false)
end)

t.test("shapes as a list or one after the other", function()
  for _, name in ipairs{"zeros", "ones", "empty", "rand", "randn"} do
    t.equal(nn[name](2, 3).shape, {2, 3})
    t.equal(nn[name]({2, 3}).shape, {2, 3})
    t.equal(nn[name]({}).ndim, 0)
    t.equal(nn[name](2, 3, {dtype = "float64"}).dtype, "float64")
    t.equal(nn[name]({2, 3}, {dtype = "float64", requires_grad = true}).requires_grad, true)
    t.equal(nn[name](0).shape, {0})
    t.equal(nn[name .. "_like"](nn.zeros(4, {dtype = "float64"})).dtype, "float64")
  end
  t.equal(nn.zeros(2), {0, 0})
  t.equal(nn.ones(2, {dtype = "int64"}), {1, 1})
  t.equal(nn.full({2}, 7), {7, 7})
  t.equal(nn.full({2}, math.maxinteger, {dtype = "int64"})[1], math.maxinteger)
  t.equal(nn.full_like(nn.zeros(2, {dtype = "int64"}), 3), {3, 3})
  t.equal(nn.eye(2), {{1, 0}, {0, 1}})
end)

t.test("ranges include both ends", function()
  t.equal(nn.arange(1, 4), {1, 2, 3, 4})
  t.equal(nn.arange(0, 1, 0.25), {0, 0.25, 0.5, 0.75, 1})
  t.equal(nn.arange(3, 1, -1), {3, 2, 1})
  t.equal(nn.arange(2, 1), {})
  t.equal(nn.arange(1, 3, {dtype = "int64"}).dtype, "int64")
  t.equal(nn.arange(1, 5, 2, {dtype = "int64"}), {1, 3, 5})
  t.equal(nn.linspace(0, 1, 5), {0, 0.25, 0.5, 0.75, 1})
end)

t.test("random numbers follow the seed", function()
  nn.seed(7)
  local a, p = nn.randn(5), nn.randperm(10)
  nn.seed(7)
  t.equal(nn.randn(5), a)
  t.equal(nn.randperm(10), p)
  local seen = {}
  for _, position in pairs(p) do seen[position] = true end
  t.equal(#seen, 10)
  local r = nn.randint(-1, 1, {1000})
  t.equal(r.dtype, "int64")
  t.equal(r:min():item(), -1)
  t.equal(r:max():item(), 1)
  t.equal(nn.randint(3, 3):item(), 3)
end)

t.test("bytes", function()
  local a = nn.tensor{{1, 2}, {3, 4}}
  t.equal(a:tostring_bytes(), string.pack("<ffff", 1, 2, 3, 4))
  t.equal(a:t():tostring_bytes(), string.pack("<ffff", 1, 3, 2, 4))
  t.equal(nn.from_string("\1\0\0\0\0\0\0\0\255\255\255\255\255\255\255\255", "int64", {2}), {1, -1})
  t.equal(nn.from_string("\1\2\3\4", "uint8", 2, 2), {{1, 2}, {3, 4}})
  t.equal(nn.from_string("\1\2", "uint8"), {1, 2})
  t.equal(nn.from_string("", "float32", {0}), {})
  t.equal(nn.zeros(0):tostring_bytes(), "")
end)

t.test("fields and questions", function()
  local a = nn.zeros(2, 3)
  t.equal({a.ndim, a.dtype, #a, a:numel(), a:size(1), a:size(-1)}, {2, "float32", 2, 6, 2, 3})
  t.equal(a:size(), {2, 3})
  t.equal(a.grad, nil)
  t.equal(a.no_such_field, nil)
  t.equal(getmetatable(a), "tensor")
  t.equal(nn.tensor(2.5):item(), 2.5)
  t.equal(math.type(nn.tensor({2}, {dtype = "int64"}):item()), "integer")
  t.equal(math.type(nn.tensor{2}:item()), "float")
  t.equal(nn.tensor{{1, 2}}:totable(), {{1, 2}})
  t.equal(nn.tensor(5):totable(), 5)
  t.equal(nn.tensor{{1, 2}, {3, 4}}:t():totable(), {{1, 3}, {2, 4}})
  t.equal(tostring(nn.tensor{1}), "{1.0}\nfloat32 {1}")
end)

t.test("identity, not equality of elements", function()
  local a = nn.tensor{1}
  t.equal(a == nn.tensor{1}, false)
  local w = nn.tensor({1}, {requires_grad = true})
  w:sum():backward()
  t.equal(w.grad == w.grad, true)
end)

t.test("a position", function()
  local a = nn.tensor{{1, 2, 3}, {4, 5, 6}}
  t.equal(a[1], {1, 2, 3})
  t.equal(a[-1], {4, 5, 6})
  t.equal(a[2][3], 6)
  t.equal(type(a[2][3]), "number")
  t.equal(a[2.0], {4, 5, 6})
  t.equal(math.type(nn.tensor({7}, {dtype = "int64"})[1]), "integer")
  a[1]:fill_(9)
  t.equal(a, {{9, 9, 9}, {4, 5, 6}})
end)

t.test("positions and ranges", function()
  local a = nn.tensor{{1, 2, 3}, {4, 5, 6}}
  t.equal(a[{2, {1, 2}}], {4, 5})
  t.equal(a[{{}, 2}], {2, 5})
  t.equal(a[{{}, {2}}], {{2}, {5}})
  t.equal(a[{{}, {-2, -1}}], {{2, 3}, {5, 6}})
  t.equal(a[{2, 3}], 6)
  t.equal(a[{2}], {4, 5, 6})
  t.equal(a[{}], a)
  t.equal(a[{{1, 0}}].shape, {0, 3})
end)

t.test("assignment to positions", function()
  local a = nn.zeros(2, 3)
  a[1] = 1
  t.equal(a, {{1, 1, 1}, {0, 0, 0}})
  a[{2, {2, 3}}] = {5, 6}
  t.equal(a, {{1, 1, 1}, {0, 5, 6}})
  a[{{}, 1}] = nn.tensor{7, 8}
  t.equal(a, {{7, 1, 1}, {8, 5, 6}})
  a[2][3] = -1
  t.equal(a[{2, 3}], -1)
  a[{}] = 0
  t.equal(a:sum():item(), 0)
end)

t.test("a position of a tensor in a graph stays in it", function()
  local w = nn.tensor({1, 2, 3}, {requires_grad = true})
  local y = w[2] * w[2]
  t.equal(type(w[2]), "userdata")
  y:backward()
  t.equal(w.grad, {0, 4, 0})
  t.equal(type(nn.no_grad(function() return w[2] end)), "number")
end)

t.test("rows one after the other", function()
  local rows = {}
  for i, row in pairs(nn.tensor{{1, 2}, {3, 4}}) do rows[i] = row:totable() end
  t.equal(rows, {{1, 2}, {3, 4}})
end)

t.test("parts", function()
  local a = nn.arange(1, 7)
  local function plain(list)
    for i, part in ipairs(list) do list[i] = part:totable() end
    return list
  end
  t.equal(plain(a:split(3)), {{1, 2, 3}, {4, 5, 6}, {7}})
  t.equal(plain(a:split{1, 6}), {{1}, {2, 3, 4, 5, 6, 7}})
  t.equal(plain(a:chunk(3)), {{1, 2, 3}, {4, 5, 6}, {7}})
  t.equal(plain(nn.tensor{{1, 2}, {3, 4}}:split(1, 2)), {{{1}, {3}}, {{2}, {4}}})
  t.equal(a:narrow(1, 2, 3), {2, 3, 4})
  t.equal(a:slice(1, 2, 3), {2, 3})
  t.equal(a:slice(1, -2, -1), {6, 7})
  t.equal(a:select(1, -1), 7)
end)

t.test("operators, with numbers on either side", function()
  local a = nn.tensor{1, 2, 4}
  t.equal(a + 1, {2, 3, 5})
  t.equal(1 + a, {2, 3, 5})
  t.equal(10 - a, {9, 8, 6})
  t.equal(2 * a * a, {2, 8, 32})
  t.equal(8 / a, {8, 4, 2})
  t.equal(a ^ 2, {1, 4, 16})
  t.equal(2 ^ a, {2, 4, 16})
  t.equal(-a, {-1, -2, -4})
  t.equal(a + {1, 1, 1}, {2, 3, 5})
  t.equal({1, 1, 1} + a, {2, 3, 5})
end)

t.test("numbers never raise a float's dtype", function()
  local i = nn.tensor({1, 2}, {dtype = "int64"})
  t.equal((nn.tensor{1} + 2.5).dtype, "float32")
  t.equal((nn.tensor({1}, {dtype = "float64"}) + 1).dtype, "float64")
  t.equal((i + 1).dtype, "int64")
  t.equal((i + 1.5).dtype, "float32")
  t.equal((i / 2).dtype, "float32")
  t.equal((nn.tensor({1}, {dtype = "uint8"}) + i).dtype, "int64")
  t.equal((i * (1 << 60))[1], 1 << 60)
end)

t.test("comparison of tensors of one element", function()
  t.equal(nn.tensor(1) < nn.tensor(2), true)
  t.equal(nn.tensor{3} < 2, false)
  t.equal(1 <= nn.tensor(1), true)
  t.equal(nn.tensor{1, 2}:lt(2), {1, 0})
end)

t.test("functions are methods", function()
  local a = nn.tensor{{1, -2}, {-3, 4}}
  t.equal(nn.relu(a), a:relu())
  t.equal(nn.sum(a, 1), a:sum(1))
  t.equal(nn.matmul(a, a), a:matmul(a))
  for _, op in ipairs{"add", "sum", "reshape", "softmax", "where", "cat", "split", "to", "backward"} do
    t.equal(nn[op] ~= nil and a[op] ~= nil, true)
  end
end)

t.test("attributes by position and by name", function()
  local a = nn.tensor{{1, 2}, {3, 4}}
  t.equal(a:sum(1, true), {{4, 6}})
  t.equal(a:sum(1, {keepdim = true}), {{4, 6}})
  t.equal(a:sum{dims = {1, 2}}, 10)
  t.equal(a:sum({1, 2}), 10)
  t.equal(a:sum(nil, true), {{10}})
  t.equal(a:var(1, false, {correction = 1}), {2, 2})
  t.equal(a:clamp(2, 3), {{2, 2}, {3, 3}})
  t.equal(a:clamp(nil, 3), {{1, 2}, {3, 3}})
  t.equal(a:clamp(2), {{2, 2}, {3, 4}})
  t.equal(a:reshape(4), {1, 2, 3, 4})
  t.equal(a:reshape{2, -1}, a)
end)

t.test("lists, positions and tables in place of tensors", function()
  local a = nn.tensor{{1, 2}, {3, 4}}
  t.equal(nn.cat({a, a}, 2), {{1, 2, 1, 2}, {3, 4, 3, 4}})
  t.equal(nn.cat{a[1], a[2]}, {1, 2, 3, 4})
  t.equal(nn.stack({a[1], a[2]}, -1), {{1, 3}, {2, 4}})
  t.equal(a:cat(a, 1).shape, {4, 2})
  t.equal(nn.einsum("ij,jk->ik", a, a), a:matmul(a))
  t.equal(nn.einsum("ij->ji", {a}), a:t())
  t.equal(a:index_select(2, {2, 1}), {{2, 1}, {4, 3}})
  t.equal(a:gather(2, {{1}, {2}}), {{1}, {4}})
  t.equal(a:masked_select(a:gt(2)), {3, 4})
  t.equal(nn.where(a:gt(2), a, 0), {{0, 0}, {3, 4}})
  t.equal(a:tile(1, 2), {{1, 2, 1, 2}, {3, 4, 3, 4}})
  t.equal(a:permute(2, 1), a:t())
  t.equal(a:flip(1), {{3, 4}, {1, 2}})
  t.equal(a:pad({{1, 0}, {0, 1}}, 9), {{9, 9, 9}, {1, 2, 9}, {3, 4, 9}})
  t.equal(nn.zeros(1, 2):expand(3, -1).shape, {3, 2})
end)

t.test("ipairs ends behind the last row; an index there is an error", function()
  local seen = {}
  for i, v in ipairs(nn.tensor{5, 6, 7}) do seen[i] = v end
  t.equal(seen, {5, 6, 7})
  local rows = 0
  for i, row in ipairs(nn.ones(2, 3)) do
    rows = i
    t.equal(row, {1, 1, 1})
  end
  t.equal(rows, 2)
  for _ in ipairs(nn.zeros(0)) do error "a row of nothing" end
  local v = nn.tensor{5, 6, 7}
  for _, i in ipairs{4} do t.fails(function() return v[i] end, "index: position 4 is outside dimension 1 of {3}") end
end)

t.test("two uint8 stay uint8 and wrap around", function()
  local u = nn.tensor({200, 1}, {dtype = "uint8"})
  t.equal({(u + u).dtype, u + u, u * u}, {"uint8", {144, 2}, {64, 1}})
  t.equal(u - nn.tensor({100, 2}, {dtype = "uint8"}), {100, 255})
  t.equal({(u + 100).dtype, u + 100, (u:sum()).dtype}, {"int64", {300, 101}, "int64"})
end)

t.test("two results", function()
  local a = nn.tensor{{1, 5}, {7, 2}}
  local values, positions = a:max(2)
  t.equal(values, {5, 7})
  t.equal(positions, {2, 1})
  t.equal(select("#", a:max()), 1)
  t.equal(select("#", a:max({1, 2})), 1)
  values, positions = a:sort(2)
  t.equal(values, {{1, 5}, {2, 7}})
  t.equal(positions, {{1, 2}, {2, 1}})
  values, positions = a:topk(1, 2)
  t.equal({values:totable(), positions:totable()}, {{{5}, {7}}, {{2}, {1}}})
  t.equal(a:argmax():item(), 3)
end)

t.test("changes in place", function()
  local a = nn.tensor{1, 2}
  local b = a
  t.equal(a:add_(1):mul_(2):sub_{1, 1}:div_(1), {3, 5})
  t.equal(b, {3, 5})
  t.equal(a:fill_(2.5), {2.5, 2.5})
  t.equal(a:zero_(), {0, 0})
  t.equal(a:copy_(nn.tensor{7, 8}), {7, 8})
  t.equal(a:copy_(1), {1, 1})
  t.equal(a:clamp_(2), {2, 2})
  t.equal(a:clamp_(nil, 1), {1, 1})
  local view = nn.zeros(2, 2)
  view[1]:fill_(1)
  t.equal(view, {{1, 1}, {0, 0}})
end)

t.test("casts", function()
  t.equal(nn.tensor{1.7, -1.7}:to "int64", {1, -1})
  t.equal(nn.tensor{1}:to "float64".dtype, "float64")
  local a = nn.tensor{1}
  t.equal(a:clone() == a, false)
  t.equal(a:detach().requires_grad, false)
end)

t.test("a handle that is closed", function()
  local kept
  do
    local a <close> = nn.ones(3)
    kept = a
    t.equal(a:sum():item(), 3)
  end
  t.fails(function() return kept + 1 end, "add: tensor was freed")
  t.fails(function() return kept.shape end, "shape: tensor was freed")
  t.fails(function() return kept[1] end, "index: tensor was freed")
  t.equal(tostring(kept), "tensor (freed)")
end)

t.test("a view outlives the handle it was made from", function()
  local row
  do
    local a <close> = nn.tensor{{1, 2}, {3, 4}}
    row = a[2]
  end
  t.equal(row, {3, 4})
end)

t.test("memory, threads and time", function()
  local use = nn.memory()
  t.equal(math.type(use.live) == "integer" and use.peak >= use.live and use.tensors > 0, true)
  local n = nn.get_threads()
  nn.set_threads(1)
  t.equal(nn.get_threads(), 1)
  nn.set_threads(n)
  local before = nn.time()
  t.equal(nn.time() >= before, true)
end)

t.test("whole numbers stay exact, and a failed copy changes nothing", function()
  local big = math.maxinteger
  t.equal(nn.arange(big - 2, big, {dtype = "int64"}):totable(), {big - 2, big - 1, big})
  t.equal(nn.arange(big, math.mininteger, math.mininteger, {dtype = "int64"}):totable(), {big, -1})
  t.equal(nn.tensor({big, big}, {dtype = "int64"}):mean():item(), 2.0^63)
  t.equal(nn.linspace(-1.7e308, 1.7e308, 3, {dtype = "float64"}):totable(), {-1.7e308, 0.0, 1.7e308})
  local kept = nn.tensor({1, 2}, {dtype = "int64"})
  t.fails(function() kept:copy_(nn.tensor{7, 0 / 0}) end, "copy_: NaN at {2} does not fit into int64")
  t.equal(kept, {1, 2})
end)
