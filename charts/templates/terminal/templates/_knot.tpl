{{- /*
What every chart that Knot ships needs, the same file in each (charts/README.md, "Charts on Kubernetes"). Correct the one of `web`,
then copy it: a test compares them.
*/ -}}

{{- /* Labels of each object and pod. */ -}}
{{- define "knot.labels" -}}
{{ include "knot.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | default .Chart.Version | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* What pods are found by; never changes, because a Deployment may not change it. */ -}}
{{- define "knot.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Whom files below /files belong to: whatever reads and writes them runs as these. */ -}}
{{- define "knot.user" -}}{{ dig "files" "user" 1000 (.Values.knot | default dict) | int64 }}{{- end }}
{{- define "knot.group" -}}{{ dig "files" "group" 1000 (.Values.knot | default dict) | int64 }}{{- end }}

{{- /* Of each pod: no rights on the API, and what Pod Security `restricted` asks for. */ -}}
{{- define "knot.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ include "knot.user" . }}
  runAsGroup: {{ include "knot.group" . }}
  fsGroup: {{ include "knot.group" . }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "knot.container" -}}
{{ include "knot.image" . }}
{{ include "knot.security" . }}
{{ include "knot.resources" . }}
{{- end }}

{{- define "knot.image" -}}
image: {{ printf "%s:%s" .Values.image.repository .Values.image.tag | quote }}
imagePullPolicy: IfNotPresent
{{- end }}

{{- define "knot.security" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- /* All of its size at most. Memory is promised whole, processors an eighth: services mostly wait for people. */ -}}
{{- define "knot.resources" -}}
{{- $size := dig "size" dict (.Values.knot | default dict) | default (dict "cpu" "1" "memory" "1Gi") -}}
{{- $cpu := $size.cpu | default "1" | toString -}}
{{- $milli := ternary (trimSuffix "m" $cpu | float64) (mulf (float64 $cpu) 1000) (hasSuffix "m" $cpu) -}}
resources:
  limits:
    {{- toYaml $size | nindent 4 }}
  requests:
    {{- toYaml (merge (dict "cpu" (printf "%dm" (max 10 (divf $milli 8 | int)))) $size) | nindent 4 }}
{{- end }}

{{- /* For what starts once in front of the program. */ -}}
{{- define "knot.resources.small" -}}
resources:
  limits: { cpu: 500m, memory: 128Mi }
  requests: { cpu: 10m, memory: 32Mi }
{{- end }}

{{- /* An argument or a variable as it is: Kubernetes reads $(NAME) and $$ in both. */ -}}
{{- define "knot.text" -}}{{ . | toString | replace "$" "$$" | toJson }}{{- end }}

{{- /*
Where the service keeps what is its own: a claim of its own (`storage.kind: claim`, or where the platform names a class for them),
else a hidden folder among the files of its owner, else, without Knot, nothing that lasts.
*/ -}}
{{- define "knot.storage" -}}
{{- $knot := .Values.knot | default dict }}
{{- $kind := (.Values.storage | default dict).kind }}
{{- if $kind }}{{ $kind }}
{{- else if $knot.storageClass }}claim
{{- else if $knot.home }}folder
{{- else }}none
{{- end }}
{{- end }}

{{- /* The path of that, for the program. */ -}}
{{- define "knot.home" -}}
{{- if eq (include "knot.storage" .) "folder" }}{{ required "knot.home is missing: only Knot offers folders" (.Values.knot | default dict).home }}
{{- else }}/data
{{- end }}
{{- end }}

{{- define "knot.home.volume" -}}
{{- $storage := include "knot.storage" . }}
{{- if eq $storage "claim" }}
- name: home
  persistentVolumeClaim: { claimName: {{ .Release.Name }} }
{{- else if eq $storage "none" }}
- name: home
  emptyDir: {}
{{- end }}
{{- end }}

{{- define "knot.home.mount" -}}
{{- if ne (include "knot.storage" .) "folder" }}
- { name: home, mountPath: /data }
{{- end }}
{{- end }}

{{- /* Makes the folder: Knot mounts the files into this container too. `.Values.image` must have mkdir. */ -}}
{{- define "knot.home.folder" -}}
- name: folder
  {{- include "knot.image" . | nindent 2 }}
  {{- include "knot.security" . | nindent 2 }}
  {{- include "knot.resources.small" . | nindent 2 }}
  command: [mkdir, -p, -m, '0700', {{ include "knot.text" (include "knot.home" .) }}]
  {{- with include "knot.home.mount" . }}
  volumeMounts: {{- . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "knot.home.claim" -}}
{{- if eq (include "knot.storage" .) "claim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ .Release.Name }}
  labels: {{- include "knot.labels" . | nindent 4 }}
spec: {{- include "knot.home.claim.spec" . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "knot.home.claim.spec" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.storage.class | default (.Values.knot | default dict).storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests: { storage: {{ .Values.storage.size | quote }} }
{{- end }}

{{- /* For the annotation `knot/files` of what has no business with files but its own. */ -}}
{{- define "knot.files.own" -}}{{ ternary "private" "none" (eq (include "knot.storage" .) "folder") }}{{- end }}

{{- /* A name for the user and the database of a program that has such: that of the owner. */ -}}
{{- define "knot.owner" -}}{{ dig "owner" "name" "knot" (.Values.knot | default dict) }}{{- end }}

{{- /* A value of the release's Secret, made once: (list . NAME LENGTH). Once in a chart for each: two calls make two. */ -}}
{{- define "knot.made-once" -}}
{{- $context := index . 0 }}
{{- $secret := lookup "v1" "Secret" $context.Release.Namespace $context.Release.Name | default dict }}
{{- with dig "data" (index . 1) "" $secret }}{{ b64dec . }}{{ else }}{{ randAlphaNum (index . 2) }}{{ end }}
{{- end }}

{{- /* Other services of the owner: what each says of how it is reached stands below /run/services/NAME (servicebinding.io). */ -}}
{{- define "knot.services.volumes" -}}
{{- range .Values.services | uniq }}
- name: {{ printf "service-%s" . | quote }}
  secret: { secretName: {{ . | quote }}, optional: true, defaultMode: 0440 }
{{- end }}
{{- end }}

{{- define "knot.services.mounts" -}}
{{- range .Values.services | uniq }}
- { name: {{ printf "service-%s" . | quote }}, mountPath: {{ printf "/run/services/%s" . | quote }}, readOnly: true }
{{- end }}
{{- end }}
