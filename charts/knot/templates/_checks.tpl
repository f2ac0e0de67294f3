{{/* What a schema cannot say: values that contradict one another. All problems at once. */}}
{{- define "knot.check" -}}
{{- $problems := list -}}
{{- $storage := include "knot.storage" . | fromYaml -}}
{{- $tls := .Values.tls -}}
{{- if gt (int .Values.replicas) 1 -}}
  {{- if eq .Values.database.kind "sqlite" -}}
    {{- $problems = append $problems "replicas: more than one gateway needs PostgreSQL; set database.kind to external (or bundled, for a trial)" -}}
  {{- end -}}
  {{- if not (or $tls.secretName $tls.certManager.enabled) -}}
    {{- $problems = append $problems "replicas: more than one gateway needs a certificate that all of them show; set tls.secretName or tls.certManager" -}}
  {{- end -}}
{{- end -}}
{{- if and (eq .Values.database.kind "external") (not .Values.database.secret.name) -}}
  {{- $problems = append $problems "database.secret.name: is needed where database.kind is external: the Secret that holds postgres://USER:PASSWORD@HOST:5432/DATABASE" -}}
{{- end -}}
{{- if and (ne .Values.database.kind "external") .Values.database.secret.name -}}
  {{- $problems = append $problems (printf "database.secret.name: has no effect where database.kind is %s" .Values.database.kind) -}}
{{- end -}}
{{- if and $tls.secretName $tls.certManager.enabled -}}
  {{- $problems = append $problems "tls: either secretName or certManager, not both" -}}
{{- end -}}
{{- if and $tls.certManager.enabled (not $tls.certManager.issuer.name) -}}
  {{- $problems = append $problems "tls.certManager.issuer.name: is needed: the issuer that signs the certificate" -}}
{{- end -}}
{{- if and $tls.certManager.enabled (eq (.Values.config.domain | default "localhost") "localhost") -}}
  {{- $problems = append $problems "config.domain: is needed for a certificate of cert-manager" -}}
{{- end -}}
{{- if and (eq $storage.kind "nfs") (not (and $storage.server $storage.path)) -}}
  {{- $problems = append $problems "config.kubernetes.storage: server and path are needed where kind is nfs" -}}
{{- end -}}
{{- if and (eq $storage.kind "claim") (not $storage.claim) -}}
  {{- $problems = append $problems "config.kubernetes.storage.claim: is needed where kind is claim" -}}
{{- end -}}
{{- if and .Values.files.create (ne $storage.kind "claim") -}}
  {{- $problems = append $problems (printf "files.create: has no effect where config.kubernetes.storage.kind is %s" $storage.kind) -}}
{{- end -}}
{{- if eq ((.Values.config.integrations).jupyterhub).mode "managed" -}}
  {{- $problems = append $problems "config.integrations.jupyterhub.mode: managed is a hub on one machine; here it is external or 'off'" -}}
{{- end -}}
{{- if $problems -}}
  {{- fail (printf "these values do not go together:\n  - %s" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end }}
