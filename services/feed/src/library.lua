#!lua name=tracklore_feed_@VERSION@

-- The feed's read model: every change of it is one call of one function here, so that a record's effect and the
-- offset after it are stored together or not at all. Values that reach clients (names, post bodies) come as JSON
-- text and are stored and answered as they are.
--
--   feed:activity:global, feed:activity:user:<id>   sorted sets, post id by created_at in milliseconds
--   feed:floor:…                                    the newest that such a list ever dropped for its length
--   feed:post:<id>     hash: sequence; body, author, occurred_at, expires_at unless the post is not to be seen
--   feed:actor:<id>    hash: username, display_name, avatar_url with the sequences they came with; or deleted
--   feed:offset:<topic>   hash: cluster, and the next offset of each partition

local GLOBAL = 'feed:activity:global'
local GLOBAL_FLOOR = 'feed:floor:global'

local function post_key(id) return 'feed:post:' .. id end
local function user_list(id) return 'feed:activity:user:' .. id end

-- Positions ---------------------------------------------------------------------------------------------------

-- nil when the record is the next one of its partition; 'done' when this very record was applied already (the
-- answer got lost); 'gap' when the stored state isn't the one that the caller goes on from.
local function refusal(offsets, cluster, partition, expected, next)
  local stored = redis.call('HMGET', offsets, 'cluster', partition)
  local position = stored[1] == cluster and stored[2] or ''
  if position == expected then return nil end
  if position == next then return 'done' end
  return 'gap'
end

local function advance(offsets, cluster, partition, next)
  if redis.call('HGET', offsets, 'cluster') ~= cluster then
    redis.call('DEL', offsets) -- offsets of another Kafka mean nothing
  end
  redis.call('HSET', offsets, 'cluster', cluster, partition, next)
end

local function is_newer(key, field, sequence)
  local stored = redis.call('HGET', key, field)
  return not stored or tonumber(stored) < tonumber(sequence)
end

-- Lists -------------------------------------------------------------------------------------------------------

-- A body is kept as long as a list holds the post.
local function forget_unlisted(id, author)
  if not redis.call('ZSCORE', GLOBAL, id) and not redis.call('ZSCORE', user_list(author), id) then
    redis.call('DEL', post_key(id))
  end
end

-- Puts a post into a list of at most `keep`. What falls out sets the floor: below it the list has dropped posts,
-- so an older one that comes late stays out, and the list never has a hole.
local function insert(list, floor_key, keep, score, id)
  local floor = redis.call('GET', floor_key)
  if floor then
    local floor_score, floor_id = string.match(floor, '^(%d+):(.*)$')
    floor_score = tonumber(floor_score)
    if score < floor_score or (score == floor_score and id <= floor_id) then return end
  end
  redis.call('ZADD', list, score, id)
  local excess = redis.call('ZCARD', list) - keep
  if excess <= 0 then return end
  local dropped = redis.call('ZPOPMIN', list, excess)
  redis.call('SET', floor_key, dropped[#dropped] .. ':' .. dropped[#dropped - 1])
  for i = 1, #dropped, 2 do
    local author = redis.call('HGET', post_key(dropped[i]), 'author')
    if author then forget_unlisted(dropped[i], author) end
  end
end

-- Takes a post from the lists; its sequence stays for a while, so that an older event doesn't bring it back.
local function hide(id, author, sequence, remember)
  redis.call('ZREM', GLOBAL, id)
  redis.call('ZREM', user_list(author), id)
  redis.call('DEL', post_key(id))
  redis.call('HSET', post_key(id), 'sequence', sequence)
  redis.call('PEXPIRE', post_key(id), remember)
end

-- Events ------------------------------------------------------------------------------------------------------

-- Whether the author can be shown; 'ask' when Redis doesn't know enough and the caller hasn't said more.
local function author_state(actor, answer, username, display_name, avatar_url)
  local known = redis.call('HMGET', actor, 'deleted', 'username', 'display_name')
  if known[1] then return 'gone' end
  if known[2] and known[3] then return 'known' end
  if answer == '' then return 'ask' end
  if answer ~= 'known' then return 'gone' end
  -- events that came before are newer than or as new as this answer
  redis.call('HSETNX', actor, 'username', username)
  redis.call('HSETNX', actor, 'display_name', display_name)
  redis.call('HSETNX', actor, 'avatar_url', avatar_url)
  return 'known'
end

local function post(keys, args)
  local offsets, key, global, user, actor, global_floor, user_floor = unpack(keys)
  local cluster, partition, expected, next, sequence, remember, id, author, visible = unpack(args, 1, 9)
  local created_at, occurred_at, expires_at, body, keep_global, keep_user = unpack(args, 10, 15)

  local refused = refusal(offsets, cluster, partition, expected, next)
  if refused then return refused end
  if not is_newer(key, 'sequence', sequence) then
    advance(offsets, cluster, partition, next)
    return 'old'
  end

  visible = visible == '1'
  if visible then
    local state = author_state(actor, unpack(args, 16, 19))
    if state == 'ask' then return 'ask' end
    visible = state == 'known'
  end
  if visible then
    redis.call('DEL', key)
    redis.call('HSET', key, 'sequence', sequence, 'author', author, 'occurred_at', occurred_at,
      'expires_at', expires_at, 'body', body)
    insert(global, global_floor, tonumber(keep_global), tonumber(created_at), id)
    insert(user, user_floor, tonumber(keep_user), tonumber(created_at), id)
    forget_unlisted(id, author)
  else
    hide(id, author, sequence, remember)
  end
  advance(offsets, cluster, partition, next)
  return 'applied'
end

local function user(keys, args)
  local offsets, actor, list, global, floor = unpack(keys)
  local cluster, partition, expected, next, sequence, remember, id, username = unpack(args)

  local refused = refusal(offsets, cluster, partition, expected, next)
  if refused then return refused end
  local newer = is_newer(actor, 'user_sequence', sequence)
  if newer and username ~= '' then
    redis.call('HSET', actor, 'user_sequence', sequence, 'username', username)
  elseif newer then
    -- deleted; the global list may hold posts that the user's own has dropped
    for _, source in ipairs({ list, global }) do
      for _, post_id in ipairs(redis.call('ZRANGE', source, 0, -1)) do
        local stored = redis.call('HMGET', post_key(post_id), 'author', 'sequence')
        if stored[1] == id then hide(post_id, id, stored[2], remember) end
      end
    end
    redis.call('DEL', list, floor, actor)
    redis.call('HSET', actor, 'deleted', '1', 'user_sequence', sequence)
    redis.call('PEXPIRE', actor, remember)
  end
  advance(offsets, cluster, partition, next)
  return newer and 'applied' or 'old'
end

local function profile(keys, args)
  local offsets, actor = unpack(keys)
  local cluster, partition, expected, next, sequence, display_name, avatar_url = unpack(args)

  local refused = refusal(offsets, cluster, partition, expected, next)
  if refused then return refused end
  local newer = is_newer(actor, 'profile_sequence', sequence) and not redis.call('HGET', actor, 'deleted')
  if newer then
    redis.call('HSET', actor, 'profile_sequence', sequence, 'display_name', display_name, 'avatar_url', avatar_url)
  end
  advance(offsets, cluster, partition, next)
  return newer and 'applied' or 'old'
end

-- A record without a meaning for the feed.
local function skip(keys, args)
  local cluster, partition, expected, next = unpack(args)
  local refused = refusal(keys[1], cluster, partition, expected, next)
  if refused then return refused end
  advance(keys[1], cluster, partition, next)
  return 'old'
end

-- Reading -----------------------------------------------------------------------------------------------------

-- The actor of a post as JSON; false when it isn't known whole.
local function actor_json(id)
  local actor = redis.call('HMGET', 'feed:actor:' .. id, 'username', 'display_name', 'avatar_url')
  if not (actor[1] and actor[2] and actor[3]) then return false end
  return table.concat({
    '{"id":', id, ',"username":', actor[1], ',"display_name":', actor[2], ',"avatar_url":', actor[3], '}',
  })
end

-- How many entries of the list stand before or at (score, id), newest first.
local function rank_after(list, score, id)
  local rank = redis.call('ZCOUNT', list, '(' .. score, '+inf')
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', list, score, score)) do
    if other >= id then rank = rank + 1 end
  end
  return rank
end

-- A page of a list, newest first: {items as JSON joined by commas, score and id of the last one, 1 if there are more}.
local function page(keys, args)
  local list = keys[1]
  local show, limit, now = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
  local from = args[4] == '' and 0 or rank_after(list, args[4], args[5])
  local items, actors, score, last = {}, {}, '', ''
  while from < show do
    local entries = redis.call('ZREVRANGE', list, from, math.min(from + limit, show - 1), 'WITHSCORES')
    for i = 1, #entries, 2 do
      local id = entries[i]
      local stored = redis.call('HMGET', post_key(id), 'body', 'author', 'occurred_at', 'expires_at')
      local body, author, expires_at = stored[1], stored[2], stored[4]
      if body and actors[author] == nil then actors[author] = actor_json(author) end
      local expired = body and expires_at ~= '' and tonumber(expires_at) <= now
      if body and actors[author] and not expired then
        if #items == limit then return { table.concat(items, ','), score, last, 1 } end
        items[#items + 1] = table.concat({
          '{"id":"', id, '","type":"post","actor":', actors[author], ',"post":', body,
          ',"occurred_at":"', stored[3], '"}',
        })
        score, last = entries[i + 1], id
      end
    end
    if #entries == 0 then break end
    from = from + #entries / 2
  end
  return { table.concat(items, ','), score, last, 0 }
end

redis.register_function('tracklore_feed_post_@VERSION@', post)
redis.register_function('tracklore_feed_user_@VERSION@', user)
redis.register_function('tracklore_feed_profile_@VERSION@', profile)
redis.register_function('tracklore_feed_skip_@VERSION@', skip)
redis.register_function({
  function_name = 'tracklore_feed_page_@VERSION@',
  callback = page,
  flags = { 'no-writes' },
})
