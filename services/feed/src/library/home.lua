
-- Home --------------------------------------------------------------------------------------------------------

-- A home feed is merged when it is read, from the circles of those whom the reader follows (and the reader's own). So
-- that few of them have to be opened, readers who came lately have an index, `home:<reader>`: each followed author
-- with the time of the newest post, or later. A post raises its author's place in the indexes of `readers:<author>`.
-- An author with too many readers stands on top of all their indexes for good, and costs nothing to write.
local MANY_READERS = 1000
local ALWAYS = 9007199254740991
local UNKNOWN, EMPTY = 1, 0

local function readers_key(base, author) return base .. 'readers:' .. author end
local function home_key(base, reader) return base .. 'home:' .. reader end

local function newest_of(circle)
  local newest = redis.call('ZREVRANGE', circle.key, 0, 0, 'WITHSCORES')
  if newest[2] then return newest[2] end
  return is_known(floor_of(circle)) and EMPTY or UNKNOWN
end

-- Enters an author into the index of a reader who has one.
local function watch(base, reader, author)
  local readers = readers_key(base, author)
  local is_new, count = redis.call('SADD', readers, reader), redis.call('SCARD', readers)
  if is_new == 1 and count == MANY_READERS + 1 then
    for _, other in ipairs(redis.call('SMEMBERS', readers)) do
      redis.call('ZADD', home_key(base, other), 'XX', ALWAYS, author)
    end
  end
  local score = count > MANY_READERS and ALWAYS or newest_of(list_of(base, 'circle', author))
  redis.call('ZADD', home_key(base, reader), score, author)
end

local function unwatch(base, reader, author)
  redis.call('SREM', readers_key(base, author), reader)
  redis.call('ZREM', home_key(base, reader), author)
end

-- Tells the indexes that the author's circle has something at `score`, or (EMPTY) that it is known to be empty.
local function raise(base, author, score)
  local key = readers_key(base, author)
  if redis.call('SCARD', key) > MANY_READERS then return end
  for _, reader in ipairs(redis.call('SMEMBERS', key)) do
    local home = home_key(base, reader)
    local known = redis.call('ZSCORE', home, author)
    if not known then
      redis.call('SREM', key, reader) -- the index has expired
    elseif tonumber(known) < tonumber(score) or (tonumber(known) == UNKNOWN and score == EMPTY) then
      redis.call('ZADD', home, score, author)
    end
  end
end

-- Makes the index of a reader, or keeps it for another while.
local function open_home(keys, args)
  local base, reader, idle = generation(), args[1], args[2]
  local home = home_key(base, reader)
  if redis.call('PEXPIRE', home, idle) == 1 then return 'kept' end
  watch(base, reader, reader)
  for _, author in ipairs(redis.call('ZRANGE', base .. 'follows:' .. reader, 0, -1)) do
    watch(base, reader, author)
  end
  redis.call('PEXPIRE', home, idle)
  return 'made'
end

-- The event of a pair: `state` is 1 for following.
local function follow(base, args)
  local sequence, remember, follower, followee, state = unpack(args)
  local follows, unfollowed = base .. 'follows:' .. follower, base .. 'unfollowed:' .. follower
  local stored = redis.call('ZSCORE', follows, followee) or redis.call('HGET', unfollowed, followee)
  if stored and tonumber(stored) >= tonumber(sequence) then return end
  local home = redis.call('EXISTS', home_key(base, follower)) == 1
  if state == '1' then
    redis.call('HDEL', unfollowed, followee)
    redis.call('ZADD', follows, sequence, followee)
    if home then watch(base, follower, followee) end
  else
    redis.call('ZREM', follows, followee)
    redis.call('HSET', unfollowed, followee, sequence)
    redis.call('PEXPIRE', unfollowed, remember)
    if home then unwatch(base, follower, followee) end
  end
  record(base, { 'reader', follower })
end

-- Whom a reader follows.
local function followed(keys, args)
  return redis.call('ZRANGE', generation() .. 'follows:' .. args[1], 0, -1)
end
