{{- /* Of each worker: whole processors, and what its memory has beyond the GiB that Spark itself may take. */ -}}
{{- define "spark.cores" -}}
{{- $cpu := dig "size" "cpu" "1" (.Values.knot | default dict) | toString }}
{{- if hasSuffix "m" $cpu }}{{ max 1 (div (trimSuffix "m" $cpu | int) 1000) }}{{ else }}{{ max 1 (float64 $cpu | floor | int) }}{{ end }}
{{- end }}
{{- define "spark.memory" -}}
{{- $memory := dig "size" "memory" "1Gi" (.Values.knot | default dict) | toString }}
{{- $units := dict "Ki" 0.0009765625 "Mi" 1 "Gi" 1024 "Ti" 1048576 "k" 0.00095367431640625 "M" 0.95367431640625 "G" 953.67431640625 "T" 953674.31640625 }}
{{- $number := regexFind "^[0-9.]+" $memory | float64 }}
{{- $unit := get $units (regexFind "[A-Za-z]+$" $memory) | default 0.00000095367431640625 }}
{{- max 512 (sub (mulf $number $unit | int) 1024) }}m
{{- end }}

{{- define "spark.pages" -}}
-Dspark.ui.reverseProxy=true{{ with dig "origin" "" (.Values.knot | default dict) }} -Dspark.ui.reverseProxyUrl={{ . }}{{ end }}
{{- end }}
