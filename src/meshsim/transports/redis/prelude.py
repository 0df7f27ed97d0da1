"""What runs in each Lua interpreter before any script: the globals that scripts see.

`redis.call` and its kin are Python functions, not Lua ones: `return redis.call(...)` is a tail call, and a Lua
function called so would hide the script's line, which Redis puts into the error.
"""

from __future__ import annotations

__all__ = ["PRELUDE"]

PRELUDE = b"""
local py = ...
local getinfo, loadstring_, setfenv_, xpcall_, pcall_ = debug.getinfo, loadstring, setfenv, xpcall, pcall
local type_, error_, rawset_, tostring_, getmetatable_, select_ = type, error, rawset, tostring, getmetatable, select

-- Scripts get a table of globals of their own: lupa itself still needs `debug` in the real one.
local globals = {}
for _, name in ipairs({'assert', 'collectgarbage', 'error', 'getmetatable', 'ipairs', 'next', 'pairs', 'rawequal',
                       'rawget', 'rawset', 'select', 'setmetatable', 'tonumber', 'unpack', '_VERSION'}) do
  globals[name] = _G[name]
end
globals._G = globals

local function readonly() error_('Attempt to modify a readonly table', 2) end
local function fixed(contents) return setmetatable({}, {__index = contents, __newindex = readonly}) end

local redis = {
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  REDIS_VERSION = py.version, REDIS_VERSION_NUM = py.version_number,
  call = py.call, pcall = py.pcall, sha1hex = py.sha1hex, setresp = py.setresp,
  replicate_commands = function() return true end,
  acl_check_cmd = function() return true end,
  set_repl = function() end, breakpoint = function() return false end, debug = function() end,
}
function redis.status_reply(text)
  if type_(text) ~= 'string' then return {err = 'ERR wrong number or type of arguments'} end
  return {ok = text}
end
function redis.error_reply(text)
  if type_(text) ~= 'string' then return {err = 'ERR wrong number or type of arguments'} end
  return {err = py.error_text(text)}
end
function redis.log(level, ...)
  if select_('#', ...) == 0 then error_({err = 'ERR redis.log() requires two arguments or more.'}) end
  if type_(level) ~= 'number' then error_({err = 'ERR First argument must be a number (log level).'}) end
  if level < 0 or level > 3 then error_({err = 'ERR Invalid log level.'}) end
  local parts = {...}
  for index = 1, #parts do parts[index] = globals.tostring(parts[index]) end
  py.log(level, table.concat(parts, ' '))
end
globals.redis = fixed(redis)
globals.cjson = fixed({encode = py.cjson_encode, decode = py.cjson_decode, null = py.null})
globals.string, globals.table = fixed(string), fixed(table)

local bit = {}
for _, name in ipairs({'tobit', 'bnot', 'band', 'bor', 'bxor', 'lshift', 'rshift', 'arshift', 'rol', 'ror', 'bswap',
                       'tohex'}) do
  local operate = py.bit
  bit[name] = function(...) return operate(name, ...) end
end
globals.bit = fixed(bit)

local numbers = {}
for name, value in pairs(math) do numbers[name] = value end
numbers.random, numbers.randomseed = py.random, py.randomseed
globals.math = fixed(numbers)

-- An address must not reach a script: tables and functions are numbered as they are printed.
local printed, count = setmetatable({}, {__mode = 'k'}), 0
globals.type = function(...)
  local kind = type_(...)
  if kind == 'userdata' and (...) ~= py.null then return 'function' end
  return kind
end
globals.tostring = function(value)
  local kind = globals.type(value)
  if kind ~= 'table' and kind ~= 'function' and kind ~= 'userdata' and kind ~= 'thread' then return tostring_(value) end
  local meta = getmetatable_(value)
  if type_(value) == 'table' and type_(meta) == 'table' and meta.__tostring then return tostring_(value) end
  if not printed[value] then count = count + 1; printed[value] = count end
  return string.format('%s: 0x%012x', kind, printed[value])
end

local function line_of_script()
  for level = 3, 24 do
    local info = getinfo(level, 'Sl')
    if not info then return nil end
    if info.source == '@user_script' then return info.currentline end
  end
end

-- What a script gets of an error that it catches: text, as in Redis.
local function caught(ok, err, ...)
  if ok then return ok, err, ... end
  if type_(err) == 'userdata' then
    local text, from_lua = py.error_of(err)
    if from_lua then text = 'user_script:' .. tostring_(line_of_script() or 1) .. ': ' .. text end
    return false, text
  end
  if type_(err) == 'table' and err.err then return false, err.err end
  return false, err
end
globals.pcall = function(...) return caught(pcall_(...)) end
globals.xpcall = function(body, handler)
  return xpcall_(body, function(err) local _, text = caught(false, err); return handler(text) end)
end

local function handler(err)
  local line = line_of_script()
  if type_(err) == 'userdata' then
    local text, from_lua = py.error_of(err)
    if from_lua then text = 'ERR user_script:' .. tostring_(line or 1) .. ': ' .. text end
    err = {err = text}
  elseif type_(err) ~= 'table' then
    err = {err = 'ERR ' .. tostring_(err)}
  end
  return {err = err.err, line = line}
end

setmetatable(globals, {
  __index = function(_, name)
    error_("Script attempted to access nonexistent global variable '" .. tostring_(name) .. "'", 2)
  end,
  __newindex = readonly,
})
local function compile(source, name)
  local body, problem = loadstring_(source, name or '@user_script')
  if not body then return nil, problem end
  return setfenv_(body, globals)
end
rawset_(globals, 'loadstring', function(source, name) return compile(source, name or source) end)
local function run(body, keys, argv)
  rawset_(globals, 'KEYS', keys)
  rawset_(globals, 'ARGV', argv)
  return xpcall_(body, handler)
end
return compile, run
"""
