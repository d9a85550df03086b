
-- Lists -------------------------------------------------------------------------------------------------------

-- What is kept of a post that somebody may see.
local STATE = { 'author', 'audience', 'occurred_at', 'expires_at', 'body' }

-- Above everything: of a list that somebody has begun to fill, with a number of its own instead of an id.
local NOWHERE = 9007199254740991

-- Down to where the list is complete: {score, id, missed}; nil when nothing is known. `missed` counts posts that came
-- and were not kept, so that a filler notices what its snapshot may not have seen.
local function floor_of(list)
  local text = redis.call('GET', list.floor)
  if not text then return nil end
  local score, id, missed = string.match(text, '^(-?%d+):([^:]*):(%d+)$')
  return { score = tonumber(score), id = id, missed = tonumber(missed) }
end

local function set_floor(list, score, id, missed)
  redis.call('SET', list.floor, string.format('%.0f', score) .. ':' .. id .. ':' .. missed)
end

local function is_known(floor) return floor and floor.score ~= NOWHERE end

local function is_above(floor, score, id)
  return score > floor.score or (score == floor.score and id > floor.id)
end

-- Whether posts may be missing among those that are shown: without a floor there may be holes anywhere.
local function is_short(list, shown)
  local floor = floor_of(list)
  if not is_known(floor) then return true end
  return floor.score >= 0 and redis.call('ZCARD', list.key) < shown
end

-- For how long it is known what streams were told of a post that no list holds: as long as Kafka may be away from the
-- relay, which then sends some events again.
local RESENT = 3600000

-- A body is kept as long as a list holds the post.
local function forget_unlisted(base, id, author)
  for _, kind in ipairs({ 'circle', 'user', 'global' }) do
    if redis.call('ZSCORE', list_of(base, kind, author).key, id) then return end
  end
  local key = post_key(base, id)
  redis.call('HDEL', key, 'sequence', unpack(STATE))
  redis.call('PEXPIRE', key, RESENT)
end

-- Puts a post into a list, unless it belongs below the floor: there the list has dropped posts, and would have a
-- hole. What falls out for the length raises the floor. If that is the post itself, the caller sees to its body: other
-- lists may be going to hold it.
local function insert(base, list, score, id)
  local floor = floor_of(list)
  if is_known(floor) and not is_above(floor, score, id) then
    set_floor(list, floor.score, floor.id, floor.missed + 1)
    return
  end
  redis.call('ZADD', list.key, score, id)
  local excess = redis.call('ZCARD', list.key) - list.keep
  if excess <= 0 then return end
  local dropped = redis.call('ZPOPMIN', list.key, excess)
  if is_known(floor) then
    set_floor(list, dropped[#dropped], dropped[#dropped - 1], floor.missed)
  elseif floor then
    set_floor(list, floor.score, floor.id, floor.missed + 1)
  end
  for i = 1, #dropped, 2 do
    local author = dropped[i] ~= id and redis.call('HGET', post_key(base, dropped[i]), 'author')
    if author then forget_unlisted(base, dropped[i], author) end
  end
end

-- Takes a post from the lists; its sequence stays for a while, so that an older event doesn't bring it back.
local function hide(base, id, author, sequence, remember)
  for _, kind in ipairs({ 'circle', 'user', 'global' }) do
    redis.call('ZREM', list_of(base, kind, author).key, id)
  end
  local key = post_key(base, id)
  redis.call('HDEL', key, unpack(STATE))
  redis.call('HSET', key, 'sequence', sequence)
  redis.call('PEXPIRE', key, remember)
end
