
-- Reading -----------------------------------------------------------------------------------------------------

-- Puts together what a page holds: `add` takes posts, newest first, and says when there are more than fit; `ends_at` says
-- when the first of them expires, '' if none does.
local function builder(base, limit, now)
  local items, actors, last, soonest = {}, {}, nil, ''
  local function add(id, score)
    local stored = redis.call('HMGET', post_key(base, id), 'body', 'author', 'occurred_at', 'expires_at')
    local body, author, expires_at = stored[1], stored[2], stored[4]
    if not body or (expires_at ~= '' and tonumber(expires_at) <= now) then return true end
    if actors[author] == nil then actors[author] = actor_json(base, author) end
    if not actors[author] then return true end
    if #items == limit then return false end
    items[#items + 1] = activity_json(id, actors[author], body, stored[3])
    if expires_at ~= '' and (soonest == '' or tonumber(expires_at) < tonumber(soonest)) then soonest = expires_at end
    last = { score, id }
    return true
  end
  local function finish(more)
    return { table.concat(items, ','), last and last[1] or '', last and last[2] or '', more and 1 or 0 }
  end
  return add, finish, function() return soonest end
end

-- How many entries of the list stand before or at (score, id), newest first.
local function rank_after(key, score, id)
  local rank = redis.call('ZCOUNT', key, '(' .. score, '+inf')
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', key, score, score)) do
    if other >= id then rank = rank + 1 end
  end
  return rank
end

local HOUR = 3600000

-- A page of a list: {items as JSON joined by commas, score and id of the last one, 1 if there are more, 1 if older
-- posts may be missing, 1 if the list should be touched, when the first of them expires or ''}.
local function page(keys, args)
  local base, kind, author = generation(), args[1], args[2]
  local shown, limit, now, score, id = tonumber(args[3]), tonumber(args[4]), tonumber(args[5]), args[6], args[7]
  local list = list_of(base, kind, author)
  local add, finish, ends_at = builder(base, limit, now)
  local from, more = score == '' and 0 or rank_after(list.key, score, id), false
  while from < shown and not more do
    local entries = redis.call('ZREVRANGE', list.key, from, math.min(from + limit, shown - 1), 'WITHSCORES')
    if #entries == 0 then break end
    for i = 1, #entries, 2 do
      more = more or not add(entries[i], entries[i + 1])
    end
    from = from + #entries / 2
  end
  local answer = finish(more)
  answer[5] = is_short(list, shown) and 1 or 0
  local used = kind ~= 'global' and redis.call('ZSCORE', base .. 'used', author)
  answer[6] = used and tonumber(used) < now - HOUR and redis.call('EXISTS', list.key) or 0
  answer[7] = ends_at()
  return answer
end

-- The next post of an author's circle, `head`, from where `head.rank` says; nil at the end.
local function advance_head(head, shown)
  if head.at > #head.entries then
    head.entries = redis.call('ZREVRANGE', head.circle.key, head.rank, math.min(head.rank + 7, shown - 1), 'WITHSCORES')
    head.at = 1
    if head.rank >= shown or #head.entries == 0 then return nil end
  end
  head.id, head.score = head.entries[head.at], tonumber(head.entries[head.at + 1])
  head.at, head.rank = head.at + 2, head.rank + 1
  return head
end

-- Keeps `heads` sorted, the newest last.
local function push_head(heads, head)
  local low, high = 1, #heads + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other = heads[middle]
    if other.score < head.score or (other.score == head.score and other.id < head.id) then
      low = middle + 1
    else
      high = middle
    end
  end
  table.insert(heads, low, head)
end

-- A page of a home feed: as `page`; then how many posts were passed since the newest, how long the index is kept yet,
-- and the authors of whom posts may be missing. Without an index only 'closed'.
local function home(keys, args)
  local base, reader = generation(), args[1]
  local shown, shown_each, limit, now = tonumber(args[2]), tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  local score, id, passed = args[6], args[7], tonumber(args[8])
  local index = home_key(base, reader)
  local kept = redis.call('PTTL', index)
  if kept < 0 then return { 'closed' } end

  local add, finish = builder(base, limit, now)
  local missing = redis.call('ZRANGEBYSCORE', index, UNKNOWN, UNKNOWN, 'LIMIT', 0, 100)
  local heads, authors, at, next_author, more = {}, {}, 1, 0, false
  local function open_next()
    if at > #authors then
      authors = redis.call('ZREVRANGE', index, next_author, next_author + 31, 'WITHSCORES')
      at, next_author = 1, next_author + 32
    end
    local author, bound, newest = authors[at], tonumber(authors[at + 1] or -1), heads[#heads]
    if not author or bound <= UNKNOWN or (newest and bound < newest.score) then return false end
    at = at + 2
    local circle = list_of(base, 'circle', author)
    if is_short(circle, shown_each) then missing[#missing + 1] = author end
    local rank = score == '' and 0 or rank_after(circle.key, score, id)
    local head = advance_head({ circle = circle, rank = rank, entries = {}, at = 1 }, shown_each)
    if head then push_head(heads, head) end
    return true
  end

  while passed < shown do
    while open_next() do end
    local head = table.remove(heads)
    if not head then break end
    if not add(head.id, head.score) then more = true break end
    passed = passed + 1
    head = advance_head(head, shown_each)
    if head then push_head(heads, head) end
  end
  local answer = finish(more)
  answer[2] = tostring(answer[2])
  answer[5], answer[6], answer[7] = passed, kept, missing
  return answer
end
