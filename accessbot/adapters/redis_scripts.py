"""What happens inside Redis, in Lua: each script is one atomic step, and takes "now" from the server's own clock.

Scripts check before they write, and the first write is one that a full, read-only or detached server refuses, so a
refusal always means that nothing was written. Each may be played again: a write under the same operation id or token
gives the same answer and changes nothing.
"""

from __future__ import annotations

from typing import Final

from accessbot.adapters.redis_client import Script
from accessbot.adapters.redis_keys import RESTORING

# The server's time in milliseconds, and a number written without an exponent.
CLOCK: Final = """
local function whole(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# What a store that is being restored is asked first: it is half of what it was, so nobody works on it.
_WHOLE: Final = f"""
local restoring = redis.call('GET', '{RESTORING}')
"""

# A claimed work that is set due anew keeps its claim: it comes up when that ends, or at the new time if that is later.
# What is set due anew is news: its attempts begin anew, so that it does not wait as long as what was tried in vain.
_DUE: Final = """
local function is_held(claim) return claim[1] and claim[1] ~= '' and tonumber(claim[2]) > now end
local function set_due(lane, work, name, at)
  local claim = redis.call('HMGET', work, 'token', 'until')
  local comes_up = at
  if is_held(claim) then
    redis.call('HSET', work, 'again', whole(at))
    redis.call('PERSIST', work)
    comes_up = math.max(at, tonumber(claim[2]))
  else
    redis.call('DEL', work)
  end
  redis.call('ZADD', lane, whole(comes_up), name)
end
local function soonest(lane, work, name, at)
  local claim = redis.call('HMGET', work, 'token', 'until', 'again')
  local before = claim[3]
  if not is_held(claim) then before = redis.call('ZSCORE', lane, name) end
  return before and math.min(at, tonumber(before)) or at
end
local function drop(lane, work, name)
  redis.call('ZREM', lane, name)
  local claim = redis.call('HMGET', work, 'token', 'until')
  if is_held(claim) then
    redis.call('HDEL', work, 'again')
    redis.call('PEXPIREAT', work, claim[2])
  else
    redis.call('DEL', work)
  end
end
"""

COMMIT: Final = Script(
    CLOCK
    + _WHOLE
    + _DUE
    + """
-- KEYS: the audit stream, its state. ARGV: what the caller restores from, '' if nothing; the call's token; the
-- operation: what comes before a day in the key of its bucket, the bucket, its name in it, how many days it is
-- remembered; then five lists, each with its length first: revs to find, commands to run, pairs to keep or let go,
-- events, dues.
local at = 0
local function take() at = at + 1 return ARGV[at] end
if take() ~= (restoring or '') then return {'restoring'} end
local token, prefix, bucket, op, days = take(), take(), take(), take(), tonumber(take())
local today = math.floor(now / 86400000)
local function ops(day) return prefix .. whole(day) .. ':' .. bucket end
for day = today, today - days, -1 do
  local before = redis.call('HGET', ops(day), op)
  if before then return {'again', before} end
end

for _ = 1, tonumber(take()) do
  local key, rev, label = take(), take(), take()
  local stored = string.match(redis.call('GETRANGE', key, 0, 19), '^(%d+) ') or
    (redis.call('EXISTS', key) == 0 and '0' or 'unreadable')
  if stored ~= rev then return {'conflict', label, stored} end
end

redis.call('HSET', ops(today), op, token)
redis.call('PEXPIREAT', ops(today), whole((today + days + 1) * 86400000))
for _ = 1, tonumber(take()) do
  local words = tonumber(take())
  redis.call(unpack(ARGV, at + 1, at + words))
  at = at + words
end

for _ = 1, tonumber(take()) do
  local pair, grants, user, stay = take(), take(), take(), take()
  if stay == '' or redis.call('ZLEXCOUNT', grants, '[' .. user .. ' ', '(' .. user .. '!') > 0 then
    redis.call('PERSIST', pair)
  else
    redis.call('PEXPIRE', pair, stay)
  end
end

local events = tonumber(take())
if events > 0 then
  local state = redis.call('HMGET', KEYS[2], 'ms', 'late')
  local ms, late = tonumber(state[1] or '0'), tonumber(state[2] or '0')
  for _ = 1, events do
    local happened, event, indexes = tonumber(take()), take(), tonumber(take())
    ms = math.max(ms, happened)
    late = math.max(late, ms - happened)
    local id = whole(ms) .. '-' .. whole(redis.call('HINCRBY', KEYS[2], 'seq', 1))
    redis.call('XADD', KEYS[1], id, 'e', event)
    for _ = 1, indexes do redis.call('RPUSH', take(), id) end
  end
  redis.call('HSET', KEYS[2], 'ms', whole(ms), 'late', whole(late))
end

for _ = 1, tonumber(take()) do
  local what, lane, work, name, time = take(), take(), take(), take(), take()
  if what == 'drop' then
    drop(lane, work, name)
  else
    set_due(lane, work, name, what == 'sooner' and soonest(lane, work, name, tonumber(time)) or tonumber(time))
  end
end
return {'done'}
"""
)

TAKE_DUE: Final = Script(
    CLOCK
    + _WHOLE
    + """
-- KEYS: the lane. ARGV: how many, how long they are handed over for. Gives names, those that came up first first.
if restoring then return {} end
local names = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(now), 'LIMIT', 0, ARGV[1])
for _, name in ipairs(names) do redis.call('ZADD', KEYS[1], whole(now + tonumber(ARGV[2])), name) end
return names
"""
)

BEGIN: Final = Script(
    CLOCK
    + _WHOLE
    + _DUE
    + """
-- KEYS: the lane, the work. ARGV: name, token, hold. Gives {attempt, until}, or nothing when it is done or held.
if restoring or not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {} end
local claim = redis.call('HMGET', KEYS[2], 'token', 'until', 'attempts', 'again')
if is_held(claim) then
  if claim[1] == ARGV[2] then return {claim[3], claim[2]} end
  return {}
end
local before = claim[4] and '0' or claim[3] or '0'
local attempts, till = whole(tonumber(before) + 1), whole(now + tonumber(ARGV[3]))
redis.call('HSET', KEYS[2], 'token', ARGV[2], 'until', till, 'attempts', attempts)
redis.call('HDEL', KEYS[2], 'again')
redis.call('ZADD', KEYS[1], till, ARGV[1])
return {attempts, till}
"""
)

FINISH: Final = Script(
    """
-- KEYS: the lane, the work. ARGV: name, token. Gives 1 when the work is out of the index, 0 when it is still in it.
local claim = redis.call('HMGET', KEYS[2], 'token', 'again')
local there = redis.call('ZSCORE', KEYS[1], ARGV[1])
if claim[1] ~= ARGV[2] then return there and 0 or 1 end
if there and claim[2] then
  redis.call('ZADD', KEYS[1], claim[2], ARGV[1])
  redis.call('DEL', KEYS[2])
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 1
"""
)

POSTPONE: Final = Script(
    """
-- KEYS: the lane, the work. ARGV: name, token, when. Gives 1, or 0 when the claim is not ours any more.
local claim = redis.call('HMGET', KEYS[2], 'token', 'again')
if claim[1] ~= ARGV[2] then return 0 end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  redis.call('DEL', KEYS[2])
  return 0
end
local at = ARGV[3]
if claim[2] and tonumber(claim[2]) < tonumber(at) then at = claim[2] end
redis.call('ZADD', KEYS[1], at, ARGV[1])
redis.call('HDEL', KEYS[2], 'token', 'until', 'again')
if claim[2] then redis.call('HDEL', KEYS[2], 'attempts') end
return 1
"""
)

LISTED: Final = Script(
    """
-- KEYS: an index. ARGV: what comes before an id in the key of its record. Gives id, record, id, record, … in order.
local found = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local record = redis.call('GET', ARGV[1] .. id)
  if record then
    found[#found + 1] = id
    found[#found + 1] = record
  end
end
return found
"""
)

LISTED_ON: Final = Script(
    """
-- KEYS: the grants on a group. ARGV: what comes before an id in the key of its record, from which entry, up to which,
-- how many at most. Gives id, record ('' if gone), entry, id, … in order.
local found = {}
for _, entry in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])) do
  local id = string.match(entry, '[^ ]+$')
  found[#found + 1] = id
  found[#found + 1] = redis.call('GET', ARGV[1] .. id) or ''
  found[#found + 1] = entry
end
return found
"""
)

PAGE: Final = Script(
    """
-- KEYS: indexes to walk as one. ARGV: what comes before an id in the key of its record, page size, and the score and id
-- that the page before ended on ('' for the first). Gives score, id, record ('' if gone), score, … in order.
local prefix, size, score, last = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local after = tonumber(score)
local found = {}
for _, key in ipairs(KEYS) do
  local rank, got = 0, 0
  if after then
    local there = redis.call('ZSCORE', key, last)
    if there and tonumber(there) == after then
      rank = redis.call('ZRANK', key, last) + 1
    else
      rank = redis.call('ZCOUNT', key, '-inf', '(' .. score)
    end
  end
  while got < size do
    local part = redis.call('ZRANGE', key, rank, rank + size - 1, 'WITHSCORES')
    if #part == 0 then break end
    for i = 1, #part, 2 do
      local mine = tonumber(part[i + 1])
      if not after or mine > after or part[i] > last then
        found[#found + 1] = {mine, part[i]}
        got = got + 1
      end
    end
    rank = rank + size
  end
end
table.sort(found, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
local page = {}
for i = 1, math.min(size, #found) do
  page[#page + 1] = string.format('%.0f', found[i][1])
  page[#page + 1] = found[i][2]
  page[#page + 1] = redis.call('GET', prefix .. found[i][2]) or ''
end
return page
"""
)

AUDIT_FIND: Final = Script(
    """
-- KEYS: the audit's state, lists of stream ids. ARGV: the earliest time. Gives the most ms any event is older than its
-- id, which of the lists is the shortest (1, 2, …), and the place in it of the first id not before that time.
local late = redis.call('HGET', KEYS[1], 'late') or '0'
local best, length = 2, redis.call('LLEN', KEYS[2])
for i = 3, #KEYS do
  local other = redis.call('LLEN', KEYS[i])
  if other < length then best, length = i, other end
end
local low, high, since = 0, length, tonumber(ARGV[1])
while low < high do
  local middle = math.floor((low + high) / 2)
  local ms = tonumber(string.match(redis.call('LINDEX', KEYS[best], middle), '^%d+'))
  if ms < since then low = middle + 1 else high = middle end
end
return {late, best - 1, low}
"""
)

AUDIT_PAGE: Final = Script(
    """
-- KEYS: the audit stream, a list of stream ids. ARGV: first place, page size. Gives id, event, id, event, …
local page = {}
local first = tonumber(ARGV[1])
for _, id in ipairs(redis.call('LRANGE', KEYS[2], first, first + tonumber(ARGV[2]) - 1)) do
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  page[#page + 1] = id
  page[#page + 1] = entry and entry[2][2] or ''
end
return page
"""
)

COUNT: Final = Script(
    CLOCK
    + """
-- KEYS: the audit stream, sorted sets; ARGV: for each set, 'all' or 'due'. Gives the lengths in the same order; 'due'
-- counts only what came up.
local counts = {redis.call('XLEN', KEYS[1])}
for i = 2, #KEYS do
  if ARGV[i - 1] == 'due' then
    counts[i] = redis.call('ZCOUNT', KEYS[i], '-inf', whole(now))
  else
    counts[i] = redis.call('ZCARD', KEYS[i])
  end
end
return counts
"""
)

FIRST_SIGHT: Final = Script(
    """
-- KEYS: the key. ARGV: the call's token, how long to remember. Gives 1 when this call was the first.
local before = redis.call('GET', KEYS[1])
if before then return before == ARGV[1] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
)

LEASE: Final = Script(
    """
-- KEYS: the lease. ARGV: the owner's token, hold. Gives 1 when the lease is that owner's.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
)

LEASE_EXTEND: Final = Script(
    """
-- KEYS: the lease. ARGV: the owner's token, what must be left, what to make it else. Gives the ms left, -1 if lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local left = redis.call('PTTL', KEYS[1])
if left >= tonumber(ARGV[2]) then return left end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return tonumber(ARGV[3])
"""
)

LEASE_RELEASE: Final = Script(
    """
-- KEYS: the lease. ARGV: the owner's token. Gives 1 when it was that owner's and is gone now.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
"""
)

BEAT: Final = Script(
    CLOCK
    + """
-- KEYS: the beats. ARGV: process, what is told of it, for how long.
redis.call('HSET', KEYS[1], ARGV[1], whole(now + tonumber(ARGV[3])) .. ' ' .. ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if tonumber(string.match(all[i + 1], '^%d+')) <= now then redis.call('HDEL', KEYS[1], all[i]) end
end
return 1
"""
)

BEATS: Final = Script(
    CLOCK
    + """
-- KEYS: the beats. Gives process, what is told of it, process, … of those that live.
local all, living = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  local till, told = string.match(all[i + 1], '^(%d+) (.*)$')
  if till and tonumber(till) > now then
    living[#living + 1] = all[i]
    living[#living + 1] = told
  end
end
return living
"""
)
