
-- Positions ---------------------------------------------------------------------------------------------------

-- Where a batch stands: {base, key of the offsets} and {cluster, partition, expected}, then of its first record {next, id}.
local function step_of(keys, args)
  return { base = keys[1], offsets = keys[2], cluster = args[1], partition = args[2], expected = args[3],
    next = args[4], id = args[5] }
end

-- nil when the record is the next one of its partition; 'done' when this very record was applied already (it is
-- read again at every start, or the answer got lost); 'other' when another record stands at its place, so the topic
-- was made anew; 'gap' when the stored state isn't the one that the caller goes on from.
local function refusal(step)
  local stored = redis.call('HMGET', step.offsets, 'cluster', step.partition, step.partition .. ':id')
  local position = stored[1] == step.cluster and stored[2] or ''
  if position == step.next then
    if stored[3] and step.id ~= '' and stored[3] ~= step.id then return 'other' end
    return 'done'
  end
  if position == step.expected then return nil end
  return 'gap'
end

local function advance(step)
  if redis.call('HGET', step.offsets, 'cluster') ~= step.cluster then
    redis.call('DEL', step.offsets) -- offsets of another Kafka mean nothing
  end
  redis.call('HSET', step.offsets, 'cluster', step.cluster, step.partition, step.next,
    step.partition .. ':id', step.id)
end

local function is_newer(key, field, sequence)
  local stored = redis.call('HGET', key, field)
  return not stored or tonumber(stored) < tonumber(sequence)
end
