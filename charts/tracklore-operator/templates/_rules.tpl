{{/* All that the operator may do, and why. It reads nothing that is outside a namespace, and never nodes or RBAC. */}}
{{- define "operator.rules" -}}
# The stacks: read only, what people ask for is theirs to change.
- apiGroups: [tracklore.io]
  resources: [tracklorestacks]
  verbs: [list, watch]
# Their conditions.
- apiGroups: [tracklore.io]
  resources: [tracklorestacks/status]
  verbs: [patch]
# Owner references that hold back a foreground deletion of the stack until its children are gone; clusters that enforce
# permissions on owner references ask for this.
- apiGroups: [tracklore.io]
  resources: [tracklorestacks/finalizers]
  verbs: [update]
# Services and gateway. Deleted when no longer asked for. get, as for all kinds: whose an object is that bears a child's name and that no watch
# shows.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Postgres, Kafka and Redis. They go with their stack; deleted, without their pods, only to be made anew for larger claims.
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# Provisioning and migrations. Deleted when outdated.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# Backups. Their own Jobs are made by the CronJob controller.
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [get, list, watch, create, patch, delete]
# Why pods don't run, and what a Job that fetched sealed Secrets said last: listed, by the label of their stack, only while something isn't ready
# and doesn't get on.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# What people should know, told once.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Addresses; start scripts, settings and routes.
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
# Who may speak with whom, the way in by a controller of the cluster, and how many pods may be away at a time.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# The way in by Gateways of the cluster. This kind and those of CloudNativePG and Strimzi need not be there: they are watched from when a stack asks for one.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
# Postgres by CloudNativePG. Nothing that holds data, nor who owns it, is ever deleted. get: also a Cluster that people name.
- apiGroups: [postgresql.cnpg.io]
  resources: [clusters, databaseroles, databases]
  verbs: [get, list, watch, create, patch]
# When CloudNativePG makes copies. Deleted when no longer asked for.
- apiGroups: [postgresql.cnpg.io]
  resources: [scheduledbackups]
  verbs: [get, list, watch, create, patch, delete]
# Topics and users in a Kafka that Strimzi runs, which is only looked at. None of them is ever deleted: users go with their stack.
- apiGroups: [kafka.strimzi.io]
  resources: [kafkatopics, kafkausers]
  verbs: [get, list, watch, create, patch]
- apiGroups: [kafka.strimzi.io]
  resources: [kafkas]
  verbs: [get]
# How many pods a service should have, by its load.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
# Generated passwords and keys, each read by its name, made once when it isn't there, and never listed, watched or deleted.
# patch: its owner, when the deletion policy changes, and successors of keys.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
# Growing storage. The claims themselves are made by the StatefulSet controller.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [patch]
{{- end -}}
