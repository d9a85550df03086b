#!lua name=tracklore_feed_@VERSION@

-- The feed's read model: every change of it is one call of one function here, so that the effect of records and
-- the offset after them are stored together or not at all. Values that reach clients (names, post bodies) come as JSON
-- text and are stored and answered as they are.
--
-- All keys but the log's begin with a generation's base: `feed:`, or `feed:<n>:` after a rebuild; `feed:generation`
-- holds the one that is read.
--
--   activity:global, activity:user:<id>   sorted sets, public post ids by created_at in milliseconds
--   activity:circle:<id>   the same of all that followers of this user may see
--   floor:…            down to where such a list is complete; nothing is known below; fills counts those begun
--   post:<id>          hash: sequence; body, author, audience, occurred_at, expires_at unless it is not to be seen;
--                      told, see log.lua
--   actor:<id>         hash: username, display_name, avatar_url with the sequences they came with; or deleted
--   follows:<id>       sorted set: whom this user follows, by the sequence of that pair; unfollowed:<id> hash
--   home:<id>, readers:<id>   see home.lua
--   used               sorted set: authors by when somebody last needed their lists
--   offset:<topic>     hash: cluster, and for each partition the next offset and which record stands before it

local function generation() return redis.call('GET', 'feed:generation') or 'feed:' end

local function post_key(base, id) return base .. 'post:' .. id end
local function actor_key(base, id) return base .. 'actor:' .. id end

-- A list: where it is, where its floor is, how many posts it keeps.
local function list_of(base, kind, author, keep)
  local name = kind == 'global' and kind or kind .. ':' .. author
  return { key = base .. 'activity:' .. name, floor = base .. 'floor:' .. name, keep = tonumber(keep) }
end
