package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestBaseURL(t *testing.T) {
	tests := map[string]struct {
		text string
		want string // "" if it must be refused
	}{
		"the real one":             {DefaultBase, DefaultBase},
		"slash at the end":         {"https://api.smartpay.co/v1/", DefaultBase},
		"any prefix":               {"https://proxy.example/api.smartpay/v1", "https://proxy.example/api.smartpay/v1"},
		"http to IPv4 loopback":    {"http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"},
		"http to IPv6 loopback":    {"http://[::1]:8080/v1", "http://[::1]:8080/v1"},
		"http to localhost":        {"http://localhost:8080/v1", "http://localhost:8080/v1"},
		"http to another machine":  {"http://api.smartpay.co/v1", ""},
		"http to a private net":    {"http://10.0.0.7/v1", ""},
		"loopback as a subdomain":  {"http://localhost.example/v1", ""},
		"loopback as a user":       {"http://127.0.0.1@example.com/v1", ""},
		"other scheme":             {"ftp://127.0.0.1/v1", ""},
		"no scheme":                {"api.smartpay.co/v1", ""},
		"password":                 {"https://user:pw@api.smartpay.co/v1", ""},
		"query":                    {"https://api.smartpay.co/v1?x=1", ""},
		"fragment":                 {"https://api.smartpay.co/v1#x", ""},
		"nothing":                  {"", ""},
		"control character inside": {"https://api.smartpay.co/\nv1", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			base, err := parseBase(tt.text)
			switch {
			case tt.want == "" && err == nil:
				t.Errorf("accepted %q", tt.text)
			case tt.want != "" && err != nil:
				t.Errorf("refused %q: %v", tt.text, err)
			case tt.want != "" && base.String() != tt.want:
				t.Errorf("base is %q, want %q", base, tt.want)
			case err != nil && strings.Contains(err.Error(), "pw"):
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestPlainHTTPDialsOnlyThisMachine(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "10.1.2.3:80": false, "93.184.216.34:80": false, "[2001:db8::1]:80": false,
	} {
		if err := onlyLoopback(t.Context(), "tcp", address, nil); (err == nil) != ok {
			t.Errorf("dialling %s: %v", address, err)
		}
	}
}

func TestSecretKeyForm(t *testing.T) {
	tests := map[string]struct {
		text string
		mode Mode // "" if it must be refused
	}{
		"test":              {testKey, Test},
		"live":              {"sk_live_9KmPq3Zt7WxYb2Nc5VhRdS", Live},
		"one character":     {"sk_test_a", Test},
		"public key":        {"pk_test_9KmPq3Zt7WxYb2Nc5VhRdS", ""},
		"no mode":           {"sk_9KmPq3Zt7WxYb2Nc5VhRdS", ""},
		"nothing after it":  {"sk_test_", ""},
		"space at the end":  {testKey + " ", ""},
		"line end":          {testKey + "\n", ""},
		"header injection":  {testKey + "\r\nX: y", ""},
		"full-width digits": {"sk_test_９", ""},
		"empty":             {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			key, err := ParseSecretKey(tt.text)
			if (err == nil) != (tt.mode != "") {
				t.Fatalf("ParseSecretKey: %v", err)
			}
			if err == nil && key.Mode() != tt.mode {
				t.Errorf("mode is %q, want %q", key.Mode(), tt.mode)
			}
			if err != nil && len(tt.text) > len("sk_test_") && strings.Contains(err.Error(), tt.text) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	key := parseKey(t, testKey)
	secret := SigningSecret("gybcsjixKyBW2d4z6iNPlaYzHUMtawnodwZt3W0q")
	client, err := New(DefaultBase, Options{})
	if err != nil {
		t.Fatal(err)
	}
	inJSON, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	shown := string(inJSON) + key.String() + key.LogValue().String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown += fmt.Sprintf(verb, key) + fmt.Sprintf(verb, secret) + fmt.Sprintf(verb, client.As(key)) +
			fmt.Sprintf(verb, WebhookEndpoint{SigningSecret: secret})
	}
	for _, text := range []string{testKey, string(secret)} {
		if strings.Contains(shown, text) || strings.Contains(shown, fmt.Sprintf("%x", text)) {
			t.Errorf("a secret shows in %q", shown)
		}
	}
}
