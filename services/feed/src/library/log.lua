
-- The log of changes ------------------------------------------------------------------------------------------

-- What live streams tell, in order: a Redis stream, bounded in entries and bytes. `feed:log:lost` is the id of the
-- newest entry that was dropped, `feed:log:epoch` another one when the log was lost.
local LOG_ENTRIES, LOG_BYTES = 10000, 33554432

-- Begins a log, unless there is one.
local function begin_log(keys, args)
  redis.call('SETNX', 'feed:log:epoch', args[1])
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

-- Entries after (epoch, id), at most `count`: {'on', entries}; {'lost', epoch, newest id} when some are gone, when the
-- entry there was never written (Redis has gone back to what it was before, and what streams were told since will be told
-- again), or when the caller has no position yet.
local function changes(keys, args)
  local epoch, lost = redis.call('GET', 'feed:log:epoch') or '', redis.call('GET', 'feed:log:lost') or '0-0'
  local id = args[2]
  if args[1] == epoch and id ~= '' and (id == lost or #redis.call('XRANGE', 'feed:log', id, id) == 1) then
    return { 'on', redis.call('XRANGE', 'feed:log', '(' .. id, '+', 'COUNT', args[3]) }
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

-- Streams are told each event of a post once, in order, whatever is known of the post already: a snapshot may have
-- brought a state whose events are still to come. So what they were told is kept apart: the events from `since` to
-- `last`, after which `seen` ('public', 'followers' or 'nobody') could see the post. nil when nothing is known (any more).
local function told_of(base, id)
  local text = redis.call('HGET', post_key(base, id), 'told')
  if not text then return nil end
  local since, last, seen = string.match(text, '^(%d+)-(%d+) (%a+)$')
  return { since = tonumber(since), last = tonumber(last), seen = seen }
end

local function set_told(base, id, since, last, seen)
  redis.call('HSET', post_key(base, id), 'told', since .. '-' .. last .. ' ' .. seen)
end

-- Says that something was missed: an event that never came, or came late (a key may go to another partition). Twice in a
-- row says no more than once.
local function record_missed(base)
  local newest = redis.call('XREVRANGE', 'feed:log', '+', '-', 'COUNT', 1)[1]
  if not newest or newest[2][5] ~= 'reset' then record(base, { 'reset', '1' }) end
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
