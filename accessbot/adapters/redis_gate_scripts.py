"""The Lua of the gate before each vendor: see `redis_gate`."""

from __future__ import annotations

from typing import Final

from accessbot.adapters.redis_client import Script
from accessbot.adapters.redis_scripts import CLOCK

# A bucket that fills by time, and a breaker that counts failures in a row. KEYS: bucket, breaker.
_GATE: Final = (
    CLOCK
    + """
local function tokens_now(rate, burst)
  local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'pause')
  local tokens, at = tonumber(kept[1] or burst), tonumber(kept[2] or now)
  return math.min(burst, tokens + math.max(0, now - at) * rate / 1000), tonumber(kept[3] or 0)
end
local function open_for()
  local breaker = redis.call('HMGET', KEYS[2], 'until', 'probe')
  local reopens, probe = tonumber(breaker[1] or 0), tonumber(breaker[2] or 0)
  if reopens == 0 then return 0, false end
  if now < reopens then return reopens - now, true end
  if now < probe then return probe - now, true end
  return 0, true
end
"""
)

GATE_ENTER: Final = Script(
    _GATE
    + """
local rate, burst, floor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wait, half = open_for()
if wait > 0 then return {'open', wait} end
local tokens, pause = tokens_now(rate, burst)
if now < pause then return {'wait', pause - now} end
if tokens - 1 < floor then return {'wait', math.ceil((floor + 1 - tokens) * 1000 / rate)} end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens - 1), 'at', whole(now))
redis.call('PEXPIRE', KEYS[1], 600000)
if half then
  redis.call('HSET', KEYS[2], 'probe', whole(now + tonumber(ARGV[4])))
  return {'probe', 0}
end
if redis.call('EXISTS', KEYS[2]) == 1 then return {'watched', 0} end
return {'go', 0}
"""
)

GATE_PAUSE: Final = Script(
    CLOCK
    + """
local pause = math.max(tonumber(redis.call('HGET', KEYS[1], 'pause') or 0), now + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'pause', whole(pause))
redis.call('PEXPIRE', KEYS[1], math.max(600000, tonumber(ARGV[1])))
return 1
"""
)

# While the breaker is open only the call that tries counts: those that were begun before say nothing new.
GATE_FAILED: Final = Script(
    CLOCK
    + """
local most = tonumber(ARGV[1])
local before = tonumber(redis.call('HGET', KEYS[2], 'failures') or 0)
if before >= most and ARGV[4] ~= 'probe' then return before end
local failures = redis.call('HINCRBY', KEYS[2], 'failures', 1)
if failures >= most then
  local cool = math.min(tonumber(ARGV[3]), tonumber(ARGV[2]) * 2 ^ math.min(failures - most, 10))
  redis.call('HSET', KEYS[2], 'until', whole(now + cool))
  redis.call('HSETNX', KEYS[2], 'since', whole(now))
  redis.call('HDEL', KEYS[2], 'probe')
end
redis.call('PEXPIRE', KEYS[2], 300000)
return failures
"""
)

GATE_ANSWERED: Final = Script("return redis.call('DEL', KEYS[2])")

GATE_STATE: Final = Script(
    _GATE
    + """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local wait, half = open_for()
local tokens, pause = tokens_now(rate, burst)
local left = string.format('%.3f', tokens)
if half then return {'open', wait, left, redis.call('HGET', KEYS[2], 'since') or '0'} end
return {'closed', math.max(0, pause - now), left, '0'}
"""
)
