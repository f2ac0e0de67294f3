{{/* Names and labels. */}}

{{- define "knot.name" -}}knot{{- end }}

{{/* Of this installation: that of the release where it says knot already. */}}
{{- define "knot.fullname" -}}
{{- if contains "knot" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-knot" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* What finds the pods of a part. Called with (dict "root" $ "part" "gateway"). */}}
{{- define "knot.selector" -}}
app.kubernetes.io/name: {{ if eq .part "postgresql" }}postgresql{{ else }}{{ include "knot.name" .root }}{{ end }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{/* On every object. Called like knot.selector. */}}
{{- define "knot.labels" -}}
{{ include "knot.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: knot
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The account of the gateway in the API; Knot knows its roles by these names, so they follow no release. */}}
{{- define "knot.serviceAccount" -}}knot-gateway{{- end }}

{{- define "knot.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "knot.databaseSecret" -}}
{{ if eq .Values.database.kind "bundled" }}{{ include "knot.fullname" . }}-postgresql{{ else }}{{ .Values.database.secret.name }}{{ end }}
{{- end }}

{{- define "knot.databaseKey" -}}
{{ if eq .Values.database.kind "bundled" }}url{{ else }}{{ .Values.database.secret.key }}{{ end }}
{{- end }}

{{- define "knot.tlsSecret" -}}
{{ if .Values.tls.certManager.enabled }}{{ include "knot.fullname" . }}-tls{{ else }}{{ .Values.tls.secretName }}{{ end }}
{{- end }}

{{- define "knot.dataClaim" -}}
{{ .Values.data.existingClaim | default (printf "%s-data" (include "knot.fullname" .)) }}
{{- end }}

{{/* The claim that the gateway has all files by, where they are not a folder of the node. Where a volume leads cannot be changed: that of another export is another one. */}}
{{- define "knot.filesClaim" -}}
{{- $storage := include "knot.storage" . | fromYaml -}}
{{ if eq $storage.kind "claim" }}{{ $storage.claim }}{{ else }}{{ printf "%s-files-%s" (include "knot.fullname" .) (printf "%s:%s" $storage.server $storage.path | sha256sum | trunc 8) }}{{ end }}
{{- end }}

{{/* The class of a claim is that with which it was made, whatever is said later: it cannot be changed. Called with (dict "root" $ "claim" NAME "class" CLASS). */}}
{{- define "knot.claimClass" -}}
{{- $there := lookup "v1" "PersistentVolumeClaim" .root.Release.Namespace .claim -}}
{{ if $there }}{{ dig "spec" "storageClassName" "" $there }}{{ else }}{{ .class }}{{ end }}
{{- end }}

{{/* "true" where something has to outlive the pod: a SQLite database or Knot's own authority. */}}
{{- define "knot.keepsData" -}}
{{ if or (eq .Values.database.kind "sqlite") (not (include "knot.tlsSecret" .)) }}true{{ end }}
{{- end }}
