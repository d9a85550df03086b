
-- The log of changes ------------------------------------------------------------------------------------------

-- What live streams tell, in order: a Redis stream, bounded in entries and bytes. `feed:log:lost` is the id of the
-- newest entry that was dropped, `feed:log:epoch` another one when the log was lost.
local LOG_ENTRIES, LOG_BYTES = 10000, 33554432

-- Begins a log, unless there is one.
local function begin_log(keys, args)
  redis.call('SETNX', 'feed:log:epoch', args[1])
end

-- Begins the log anew, if there is one: Redis has gone back to what it was before, and what streams were told since
-- will be told again.
local function renew_log(keys, args)
  redis.call('SET', 'feed:log:epoch', args[1], 'XX')
end

-- Appends an entry, unless nobody has listened yet, or the change is of a generation that nobody reads yet.
local function record(base, fields)
  local epoch = redis.call('GET', 'feed:log:epoch')
  if not epoch or generation() ~= base then return end
  local size = 64
  for _, value in ipairs(fields) do size = size + #value end
  redis.call('XADD', 'feed:log', '*', 'size', size, 'epoch', epoch, unpack(fields))
  local bytes = redis.call('INCRBY', 'feed:log:bytes', size)
  while bytes > LOG_BYTES or redis.call('XLEN', 'feed:log') > LOG_ENTRIES do
    local oldest = redis.call('XRANGE', 'feed:log', '-', '+', 'COUNT', 1)[1]
    redis.call('XDEL', 'feed:log', oldest[1])
    redis.call('SET', 'feed:log:lost', oldest[1])
    bytes = redis.call('DECRBY', 'feed:log:bytes', oldest[2][2])
  end
end

local function is_before(id, other)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_n = string.match(other, '^(%d+)-(%d+)$')
  ms, n, other_ms, other_n = tonumber(ms), tonumber(n), tonumber(other_ms), tonumber(other_n)
  return ms < other_ms or (ms == other_ms and n < other_n)
end

-- Entries after (epoch, id), at most `count`: {'on', entries}; {'lost', epoch, newest id} when some are gone, or when
-- the caller has no position yet.
local function changes(keys, args)
  local epoch, lost = redis.call('GET', 'feed:log:epoch') or '', redis.call('GET', 'feed:log:lost') or '0-0'
  if args[1] == epoch and args[2] ~= '' and not is_before(args[2], lost) then
    return { 'on', redis.call('XRANGE', 'feed:log', '(' .. args[2], '+', 'COUNT', args[3]) }
  end
  local newest = redis.call('XREVRANGE', 'feed:log', '+', '-', 'COUNT', 1)[1]
  return { 'lost', epoch, newest and newest[1] or lost }
end

-- The actor of a post as JSON; false when it isn't known whole.
local function actor_json(base, id)
  local actor = redis.call('HMGET', actor_key(base, id), 'username', 'display_name', 'avatar_url')
  if not (actor[1] and actor[2] and actor[3]) then return false end
  return table.concat({
    '{"id":', id, ',"username":', actor[1], ',"display_name":', actor[2], ',"avatar_url":', actor[3], '}',
  })
end

local function activity_json(id, actor, body, occurred_at)
  return table.concat({
    '{"id":"', id, '","type":"post","actor":', actor, ',"post":', body, ',"occurred_at":"', occurred_at, '"}',
  })
end

-- Who could see a post: 'public', 'followers' or 'nobody'; 'unknown' when it isn't kept (any more), or only a
-- snapshot told of it, which says nothing of what streams were told.
local function audience_before(base, id)
  local stored = redis.call('HMGET', post_key(base, id), 'sequence', 'audience')
  if not stored[1] or string.find(stored[1], '.', 1, true) then return 'unknown' end
  return stored[2] or 'nobody'
end

-- `trace`, when there is one, lets the trace that changed the post go on to the clients.
local function record_post(base, id, author, before, after, json, trace)
  if before == 'nobody' and after == 'nobody' then return end
  local fields = { 'post', id, 'author', author, 'before', before, 'after', after, 'json', json or '' }
  if trace and trace ~= '' then
    fields[#fields + 1] = 'trace'
    fields[#fields + 1] = trace
  end
  record(base, fields)
end
