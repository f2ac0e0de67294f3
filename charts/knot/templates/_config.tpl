{{/* knot.yaml: what the operator says, over what suits a cluster, under what the chart decides. */}}

{{/* The folder of the files of people and teams inside the gateway. */}}
{{- define "knot.filesFolder" -}}/srv/knot/files{{- end }}

{{- define "knot.storage" -}}
{{ toYaml (mustMergeOverwrite (dict "kind" "hostPath") (deepCopy ((.Values.config.kubernetes).storage | default dict))) }}
{{- end }}

{{- define "knot.config" -}}
{{- $address := .Values.listenAddress -}}
{{- $suited := dict
  "publicPort" (ternary 8443 .Values.service.port (eq (.Values.config.domain | default "localhost") "localhost"))
  "integrations" (dict "jupyterhub" (dict "mode" "off"))
  "limits" (dict "drainDelayMs" 5000)
  "log" (dict "format" "json")
-}}
{{- $decided := dict
  "data" "/var/lib/knot"
  "listen" (printf "%s:8443" $address)
  "ops" (printf "%s:9464" $address)
  "engine" "kubernetes"
  "files" (dict "folder" (include "knot.filesFolder" .))
  "kubernetes" (dict "namespace" .Release.Namespace "admission" (dict "listen" (printf "%s:9443" $address)))
-}}
{{- if .Values.service.http }}{{ $_ := set $decided "httpListen" (printf "%s:8080" $address) }}{{ end -}}
{{- if include "knot.tlsSecret" . }}{{ $_ := set $decided "tls" (dict "cert" "/etc/knot/tls/tls.crt" "key" "/etc/knot/tls/tls.key") }}{{ end -}}
{{- if .Values.policies.configMap }}{{ $_ := set $decided "policies" "/etc/knot/policies" }}{{ end -}}
{{- toYaml (mustMergeOverwrite $suited (deepCopy .Values.config) $decided) -}}
{{- end }}

{{/* Seconds until a pod that was asked to stop is killed: as long as Knot drains, and a little. */}}
{{- define "knot.graceSeconds" -}}
{{- $limits := mustMergeOverwrite (dict "drainDelayMs" 5000 "drainMs" 5000) (deepCopy (.Values.config.limits | default dict)) -}}
{{- add 15 (divf (addf $limits.drainDelayMs $limits.drainMs) 1000 | ceil) -}}
{{- end }}
