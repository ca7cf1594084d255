package text

import (
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
)

func TestArrived(t *testing.T) {
	tests := map[string]struct {
		body string
		text string
		want bool
	}{
		"in JSON, escaped":             {`{"name":"O\u0027Brien \u5c71"}`, "O'Brien 山", true},
		"in JSON, deep":                {`{"a":[{"b":"山田"}]}`, "山田", true},
		"as a name in JSON":            {`{"metadata":{"note":"x"}}`, "note", true},
		"in a form":                    {"first_name=%E5%B1%B1+%26&x=1", "山 &", true},
		"in XML, escaped":              {"<a><b>a &lt; b</b></a>", "a < b", true},
		"cut":                          {`{"name":"山"}`, "山田", false},
		"escaped twice":                {`{"name":"a &amp; b"}`, "a & b", false},
		"composed":                     {`{"name":"が"}`, "か\u3099", false},
		"in the source, not as a text": {`{"name":"a\\u0062"}`, "ab", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			writes := []proxy.Exchange{{Request: proxy.Request{Method: "POST", Body: []byte(tt.body)}}}
			if got := arrived(writes, tt.text); got != tt.want {
				t.Errorf("arrived(%s, %q) = %t", tt.body, tt.text, got)
			}
		})
	}
}

func TestNearestTellsWhatBecameOfAText(t *testing.T) {
	writes := []proxy.Exchange{{Request: proxy.Request{Body: []byte(`{"name":"abcdef"}`)}}}
	if got := nearest(writes, "abcdefgh"); !strings.Contains(got, `"abcdef"`) {
		t.Errorf("a text that was cut is told as %q", got)
	}
	if got := nearest(writes, "xyz"); !strings.Contains(got, "not in what was sent") {
		t.Errorf("a text that is not there is told as %q", got)
	}
}
