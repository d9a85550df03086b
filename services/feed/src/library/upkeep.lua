
-- Filling, forgetting -----------------------------------------------------------------------------------------

-- {1 if posts may be missing; the floor as text}, for a filler, before it asks for a snapshot.
local function begin_fill(keys, args)
  local list = list_of(keys[1], args[1], args[2])
  if is_short(list, tonumber(args[3])) and not floor_of(list) then
    set_floor(list, NOWHERE, redis.call('INCR', keys[1] .. 'fills'), 0)
  end
  return { is_short(list, tonumber(args[3])) and 1 or 0, redis.call('GET', list.floor) or '' }
end

-- Posts of a snapshot, newest first: all there are between the list's floor and (score, id), the last one included.
-- 'moved' when the floor isn't the one that the snapshot was made for; {'ask', ids…} when authors aren't known.
local function fill(keys, args)
  local base, kind, author, expected, score, id = keys[1], unpack(args, 1, 5)
  local keep_global, keep_user, now, unused_since = args[6], args[7], args[8], args[9]
  local list = list_of(base, kind, author, kind == 'global' and keep_global or keep_user)
  -- the floor is just below the last post: no other id is between
  if id ~= '' then id = string.sub(id, 1, -2) .. string.char(string.byte(id, -1) - 1) .. '~' end
  if (redis.call('GET', list.floor) or '') ~= expected then return { 'moved' } end
  local floor = floor_of(list)
  local bottom = { score = tonumber(score), id = id }
  if is_known(floor) and not is_above(bottom, floor.score, floor.id) then return { 'filled' } end

  local posts, ask = {}, {}
  for i = 10, #args, 8 do
    local p = { id = args[i], sequence = tonumber(args[i + 1]), author = args[i + 2], audience = args[i + 3],
      created_at = args[i + 4], occurred_at = args[i + 5], expires_at = args[i + 6], body = args[i + 7], now = 0 }
    local state = author_state(actor_key(base, p.author), '')
    if state == 'ask' then ask[#ask + 1] = p.author end
    if state == 'known' then posts[#posts + 1] = p end
  end
  if #ask > 0 then return { 'ask', unpack(ask) } end

  if not is_known(floor) then
    -- single posts that events told of; what stands below the new floor can't be told from holes
    for _, other in ipairs(redis.call('ZRANGEBYSCORE', list.key, '-inf', score)) do
      if tonumber(redis.call('ZSCORE', list.key, other)) < tonumber(score) or other <= id then
        redis.call('ZREM', list.key, other)
        forget_unlisted(base, other, redis.call('HGET', post_key(base, other), 'author') or '')
      end
    end
  end
  set_floor(list, score, id, 0)
  for _, p in ipairs(posts) do
    local stored, told = redis.call('HMGET', post_key(base, p.id), 'sequence', 'audience'), told_of(base, p.id)
    if not stored[1] and told and told.last > p.sequence then
      -- the snapshot is behind. If the post still belonged here, the list would hold it, or have another floor
    elseif not stored[1] or tonumber(stored[1]) < p.sequence then
      show(base, p, keep_global, keep_user)
    elseif stored[2] == 'public' or (stored[2] and kind == 'circle') then
      insert(base, list, tonumber(p.created_at), p.id)
      forget_unlisted(base, p.id, p.author)
    end
  end
  if kind ~= 'global' then
    local is_empty = redis.call('EXISTS', list.key) == 0
    if kind == 'circle' and is_empty then raise(base, author, EMPTY) end
    if kind == 'circle' and not is_empty then raise(base, author, newest_of(list)) end
    redis.call('ZADD', base .. 'used', 'GT', is_empty and unused_since or now, author)
  end
  return { 'filled' }
end

-- What the user service knows of authors: {id, username, display_name, avatar_url} each; without a username there is
-- no such user.
local function actors(keys, args)
  for i = 2, #args, 4 do
    local key = actor_key(keys[1], args[i])
    if args[i + 1] ~= '' then
      author_state(key, 'known', unpack(args, i + 1, i + 3))
    elseif redis.call('EXISTS', key) == 0 then
      redis.call('HSET', key, 'deleted', '1')
      redis.call('PEXPIRE', key, args[1])
    end
  end
end

-- Somebody needs the lists of an author.
local function touch(keys, args)
  redis.call('ZADD', generation() .. 'used', 'XX', 'GT', args[2], args[1])
end

-- Forgets lists that nobody has needed since `args[1]`; how many authors were looked at.
local function evict(keys, args)
  local base = generation()
  local idle = redis.call('ZRANGEBYSCORE', base .. 'used', '-inf', args[1], 'LIMIT', 0, args[3])
  for _, author in ipairs(idle) do
    local readers = readers_key(base, author)
    for _, reader in ipairs(redis.call('SRANDMEMBER', readers, 100)) do
      if redis.call('EXISTS', home_key(base, reader)) == 0 then redis.call('SREM', readers, reader) end
    end
    if redis.call('EXISTS', readers) == 1 then
      redis.call('ZADD', base .. 'used', args[2], author)
    else
      forget_author(base, author)
    end
  end
  return #idle
end

-- Makes another generation the one that is read and written, and says which was before. Its writers notice, because
-- their offsets are gone.
local function swap(keys, args)
  local before = generation()
  redis.call('SET', 'feed:generation', args[1])
  for i = 2, #args do redis.call('DEL', before .. 'offset:' .. args[i]) end
  record(args[1], { 'reset', '1' })
  return before
end

-- A new topic of the same name stands behind these offsets: what it has from before may be told again.
local function restart(keys, args)
  redis.call('DEL', keys[2])
  record(keys[1], { 'reset', '1' })
end

redis.register_function('tracklore_feed_begin_log_@VERSION@', begin_log)
redis.register_function('tracklore_feed_apply_@VERSION@', apply)
redis.register_function('tracklore_feed_begin_fill_@VERSION@', begin_fill)
redis.register_function('tracklore_feed_fill_@VERSION@', fill)
redis.register_function('tracklore_feed_actors_@VERSION@', actors)
redis.register_function('tracklore_feed_touch_@VERSION@', touch)
redis.register_function('tracklore_feed_evict_@VERSION@', evict)
redis.register_function('tracklore_feed_open_home_@VERSION@', open_home)
redis.register_function('tracklore_feed_swap_@VERSION@', swap)
redis.register_function('tracklore_feed_restart_@VERSION@', restart)
redis.register_function({ function_name = 'tracklore_feed_page_@VERSION@', callback = page, flags = { 'no-writes' } })
redis.register_function({ function_name = 'tracklore_feed_home_@VERSION@', callback = home, flags = { 'no-writes' } })
redis.register_function({ function_name = 'tracklore_feed_changes_@VERSION@', callback = changes, flags = { 'no-writes' } })
redis.register_function({ function_name = 'tracklore_feed_follows_@VERSION@', callback = followed, flags = { 'no-writes' } })
