-- Health of a TrackloreStack for Argo CD. Put it into the ConfigMap argocd-cm, under the key
--   resource.customizations.health.tracklore.io_TrackloreStack
local found = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    found[condition.type] = condition
  end
end

local function holds(kind)
  return found[kind] ~= nil and found[kind].status == "True"
end
local function told(status, kind)
  return {status = status, message = found[kind].message}
end

local ready, progressing = found["Ready"], found["Progressing"]
if ready == nil or progressing == nil or ready.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "the operator hasn't looked at this spec yet"}
end
if holds("Stalled") then
  return told("Degraded", "Stalled")
end
if progressing.reason == "Paused" or progressing.reason == "Suspended" then
  return told("Suspended", "Progressing")
end
if holds("Degraded") then
  return told("Degraded", "Degraded")
end
if holds("Progressing") then
  return told("Progressing", "Progressing")
end
if holds("Ready") then
  return told("Healthy", "Ready")
end
return told("Degraded", "Ready")
