{{- define "kafka.voters" -}}
{{- range $index, $_ := until (int .Values.servers) }}{{ if $index }},{{ end }}{{ $index }}@{{ $.Release.Name }}-{{ $index }}.{{ $.Release.Name }}-servers:9093{{ end }}
{{- end }}
