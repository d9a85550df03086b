
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

-- Stores a post that somebody may see and puts it where it belongs.
local function show(base, post, keep_global, keep_user)
  local key, score = post_key(base, post.id), tonumber(post.created_at)
  redis.call('PERSIST', key)
  redis.call('HSET', key, 'sequence', post.sequence, 'author', post.author, 'audience', post.audience,
    'occurred_at', post.occurred_at, 'expires_at', post.expires_at, 'body', post.body)
  insert(base, list_of(base, 'circle', post.author, keep_user), score, post.id)
  local open = { list_of(base, 'user', post.author, keep_user), list_of(base, 'global', nil, keep_global) }
  for _, list in ipairs(open) do
    if post.audience == 'public' then
      insert(base, list, score, post.id)
    else
      redis.call('ZREM', list.key, post.id)
    end
  end
  raise(base, post.author, score)
  redis.call('ZADD', base .. 'used', 'GT', post.now, post.author)
  forget_unlisted(base, post.id, post.author)
end

-- A post's event that comes again, or too late to be told.
local function pass_over(base, id, sequence, told)
  if sequence >= told.since then return end
  record_missed(base)
  set_told(base, id, sequence, told.last, told.seen)
end

local function post(keys, args)
  local step, base = step_of(keys, args), keys[1]
  local p = { sequence = args[6], id = args[8], author = args[9], audience = args[10], created_at = args[11],
    occurred_at = args[12], expires_at = args[13], body = args[14], now = args[15] }
  local remember, keep_global, keep_user, trace = args[7], args[16], args[17], args[22]

  local refused = refusal(step)
  if refused then return refused end
  local sequence, told = tonumber(p.sequence), told_of(base, p.id)
  if told and sequence <= told.last then
    pass_over(base, p.id, sequence, told)
    advance(step)
    return 'old'
  end
  local after = p.audience
  if after ~= 'nobody' then
    local state = author_state(actor_key(base, p.author), unpack(args, 18, 21))
    if state == 'ask' then return 'ask' end
    if state == 'gone' then after = 'nobody' end
  end
  if told and sequence > told.last + 1 then record_missed(base) end
  local before = told and told.seen or sequence == 1 and 'nobody' or 'unknown'
  set_told(base, p.id, told and told.since or sequence, sequence, after)
  -- a snapshot may have brought a later state
  local is_state = is_newer(post_key(base, p.id), 'sequence', sequence)
  if after == 'nobody' then
    if is_state then hide(base, p.id, p.author, sequence, remember) end
    record_post(base, p.id, p.author, before, after)
  else
    if is_state then show(base, p, keep_global, keep_user) end
    record_post(base, p.id, p.author, before, after,
      activity_json(p.id, actor_json(base, p.author), p.body, p.occurred_at), trace)
  end
  advance(step)
  return is_state and 'applied' or 'old'
end

-- Drops the lists of an author; the posts stay where the global list has them.
local function forget_author(base, author)
  for _, kind in ipairs({ 'user', 'circle' }) do
    local list = list_of(base, kind, author)
    local ids = redis.call('ZRANGE', list.key, 0, -1)
    redis.call('DEL', list.key, list.floor)
    for _, id in ipairs(ids) do forget_unlisted(base, id, author) end
  end
  redis.call('ZREM', base .. 'used', author)
end

local function user(keys, args)
  local step, base = step_of(keys, args), keys[1]
  local sequence, remember, id, username = unpack(args, 6, 9)
  local refused = refusal(step)
  if refused then return refused end
  local actor = actor_key(base, id)
  local newer = is_newer(actor, 'user_sequence', sequence)
  if newer and username ~= '' then
    redis.call('HSET', actor, 'user_sequence', sequence, 'username', username)
  elseif newer then
    -- deleted; the global list may hold posts that the user's own have dropped
    for _, kind in ipairs({ 'circle', 'user', 'global' }) do
      for _, post_id in ipairs(redis.call('ZRANGE', list_of(base, kind, id).key, 0, -1)) do
        local stored = redis.call('HMGET', post_key(base, post_id), 'author', 'sequence')
        if stored[1] == id then
          local told = told_of(base, post_id)
          hide(base, post_id, id, stored[2], remember)
          record_post(base, post_id, id, told and told.seen or 'unknown', 'nobody')
          if told then set_told(base, post_id, told.since, told.last, 'nobody') end
        end
      end
    end
    forget_author(base, id)
    redis.call('DEL', actor, home_key(base, id), base .. 'follows:' .. id)
    redis.call('HSET', actor, 'deleted', '1', 'user_sequence', sequence)
    redis.call('PEXPIRE', actor, remember)
  end
  advance(step)
  return newer and 'applied' or 'old'
end

local function profile(keys, args)
  local step, base = step_of(keys, args), keys[1]
  local sequence, id, display_name, avatar_url = unpack(args, 6, 9)
  local refused = refusal(step)
  if refused then return refused end
  local actor = actor_key(base, id)
  local newer = is_newer(actor, 'profile_sequence', sequence) and not redis.call('HGET', actor, 'deleted')
  if newer then
    redis.call('HSET', actor, 'profile_sequence', sequence, 'display_name', display_name, 'avatar_url', avatar_url)
  end
  advance(step)
  return newer and 'applied' or 'old'
end
