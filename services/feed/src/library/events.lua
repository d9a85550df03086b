
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

local function post(base, args)
  local p = { sequence = args[1], id = args[3], author = args[4], audience = args[5], created_at = args[6],
    occurred_at = args[7], expires_at = args[8], body = args[9], now = args[10] }
  local remember, keep_global, keep_user, trace = args[2], args[11], args[12], args[17]

  local sequence, told = tonumber(p.sequence), told_of(base, p.id)
  if told and sequence <= told.last then
    return pass_over(base, p.id, sequence, told)
  end
  local after = p.audience
  if after ~= 'nobody' then
    local state = author_state(actor_key(base, p.author), unpack(args, 13, 16))
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

local function user(base, args)
  local sequence, remember, id, username = unpack(args)
  local actor = actor_key(base, id)
  if not is_newer(actor, 'user_sequence', sequence) then return end
  if username ~= '' then
    redis.call('HSET', actor, 'user_sequence', sequence, 'username', username)
  else
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
end

local function profile(base, args)
  local sequence, id, display_name, avatar_url = unpack(args)
  local actor = actor_key(base, id)
  if not is_newer(actor, 'profile_sequence', sequence) or redis.call('HGET', actor, 'deleted') then return end
  redis.call('HSET', actor, 'profile_sequence', sequence, 'display_name', display_name, 'avatar_url', avatar_url)
end

local EVENTS = { post = post, user = user, profile = profile, follow = follow, nothing = function() end }

-- Applies records that follow one another in a partition, together with the offset after the last of them. After where the
-- batch stands come, of each record: next, id, kind, how many arguments, these. Answers how many were taken, and why not
-- all: 'done', 'gap' or 'other' (see refusal), or 'ask' when the author of the next one has to be looked up first.
local function apply(keys, args)
  local step = step_of(keys, args)
  local refused = refusal(step)
  if refused then return { refused == 'done' and 1 or 0, refused } end
  local taken, at, answer = 0, 4, 'taken'
  while at <= #args do
    local count = tonumber(args[at + 3])
    answer = EVENTS[args[at + 2]](step.base, { unpack(args, at + 4, at + 3 + count) }) or 'taken'
    if answer == 'ask' then break end
    step.next, step.id = args[at], args[at + 1]
    taken, at = taken + 1, at + 4 + count
  end
  if taken > 0 then advance(step) end
  return { taken, answer }
end
