package reference

import (
	"net/url"
	"testing"
)

func TestPageIsTheProviders(t *testing.T) {
	tests := map[string]struct {
		api, page string
		want      bool
	}{
		"the API's host":            {"https://pay.example", "https://pay.example/pay/1", true},
		"in capitals":               {"https://pay.example", "https://PAY.example/pay/1", true},
		"another port":              {"https://pay.example", "https://pay.example:8443/pay/1", true},
		"this machine":              {"http://127.0.0.1:8090", "http://127.0.0.1:8090/pay/1", true},
		"another host":              {"https://pay.example", "https://attacker.example/pay/1", false},
		"below another host":        {"https://pay.example", "https://pay.example.attacker.example/pay/1", false},
		"the API's host as a user":  {"https://pay.example", "https://pay.example@attacker.example/", false},
		"in clear":                  {"https://pay.example", "http://pay.example/pay/1", false},
		"a script":                  {"https://pay.example", "javascript:alert(1)", false},
		"no host":                   {"https://pay.example", "/pay/1", false},
		"nothing":                   {"https://pay.example", "", false},
		"another name of this host": {"http://127.0.0.1:8090", "http://localhost:8090/pay/1", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			api, err := url.Parse(tt.api)
			if err != nil {
				t.Fatal(err)
			}
			if got := usable(tt.page, api); got != tt.want {
				t.Errorf("usable(%q) for %s is %t", tt.page, tt.api, got)
			}
		})
	}
}
