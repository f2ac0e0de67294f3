// An independent judge of queries: reads one JSON object a line, answers one a line.
//
// What came in is given to the handlers of prom-label-proxy, which enforce the same names with Prometheus' own parser and forward the
// result; what Knot made of it is parsed by that parser. Both are told as the selectors of series they hold.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sort"
	"strings"

	"github.com/prometheus-community/prom-label-proxy/injectproxy"
	"github.com/prometheus/prometheus/promql/parser"
)

type question struct {
	// "query" or "match[]"
	Parameter string `json:"parameter"`
	Label     string `json:"label"`
	// At least two of them, sorted.
	Names []string `json:"names"`
	Came  []string `json:"came"`
	// What Knot sends; absent where it refuses.
	Sent []string `json:"sent"`
}

type side struct {
	Error     string     `json:"error,omitempty"`
	Texts     []string   `json:"texts,omitempty"`
	Selectors [][]string `json:"selectors,omitempty"`
}

type answer struct {
	Proxied side `json:"proxied"`
	Ours    side `json:"ours"`
}

func main() {
	parser.EnableExperimentalFunctions = true
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		result := answer{Proxied: proxied(q)}
		if q.Sent != nil {
			result.Ours = parsed(q.Sent)
		}
		if err := out.Encode(result); err != nil {
			os.Exit(1)
		}
	}
}

// What prom-label-proxy forwards.
func proxied(q question) side {
	var forwarded url.Values
	target, _ := url.Parse("http://upstream.invalid")
	routes, err := injectproxy.NewRoutes(target, q.Label, injectproxy.StaticLabelEnforcer(q.Names), injectproxy.WithEnabledLabelsAPI())
	if err != nil {
		return side{Error: err.Error()}
	}
	before := http.DefaultTransport
	http.DefaultTransport = recorder(func(r *http.Request) { forwarded = r.URL.Query() })
	defer func() { http.DefaultTransport = before }()
	path := "/api/v1/query"
	if q.Parameter == "match[]" {
		path = "/api/v1/series"
	}
	request := httptest.NewRequest(http.MethodGet, path+"?"+url.Values{q.Parameter: q.Came}.Encode(), nil)
	response := httptest.NewRecorder()
	routes.ServeHTTP(response, request)
	if response.Code != http.StatusOK || forwarded == nil {
		return side{Error: fmt.Sprintf("%d %s", response.Code, strings.TrimSpace(response.Body.String()))}
	}
	return parsed(forwarded[q.Parameter])
}

type recorder func(*http.Request)

func (record recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	record(r)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}

// The selectors that Prometheus finds, each as its matchers in order, each matcher once.
func parsed(texts []string) side {
	var found side
	for _, text := range texts {
		expression, err := parser.ParseExpr(text)
		if err != nil {
			return side{Error: err.Error()}
		}
		found.Texts = append(found.Texts, expression.String())
		parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok {
				seen := map[string]bool{}
				matchers := []string{}
				for _, matcher := range selector.LabelMatchers {
					if text := matcher.String(); !seen[text] {
						seen[text] = true
						matchers = append(matchers, text)
					}
				}
				sort.Strings(matchers)
				found.Selectors = append(found.Selectors, matchers)
			}
			return nil
		})
	}
	return found
}
