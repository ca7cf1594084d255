package sandbox

import (
	"encoding/base64"
	"testing"
)

func TestAuthentication(t *testing.T) {
	open, closed := newBench(t, Config{}), newBench(t, Config{Keys: []string{"sk_test_one"}})
	tests := map[string]struct {
		header    string
		any, only bool // accepted by a sandbox for anyone, and by one for sk_test_one
	}{
		"the raw key":            {"Basic sk_test_one", true, true},
		"another merchant's":     {"Basic sk_test_two", true, false},
		"a live key":             {"Basic sk_live_one", true, false},
		"any case of the scheme": {"basic sk_test_one", true, true},
		"real Basic":             {"Basic " + base64.StdEncoding.EncodeToString([]byte("sk_test_one:")), true, true},
		"Bearer":                 {"Bearer sk_test_one", true, true},
		"nothing":                {"", false, false},
		"only the scheme":        {"Basic", false, false},
		"an invalid test key":    {"Basic sk_test_invalid", false, false},
		"an invalid live key":    {"Basic sk_live_invalidKey7", false, false},
		"a public key":           {"Basic pk_test_one", false, false},
		"a key with a hyphen":    {"Basic sk_test_on-e", false, false},
		"another scheme":         {"Digest sk_test_one", false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for b, accepted := range map[*bench]bool{open: tt.any, closed: tt.only} {
				r := b.send("GET", "/v1/orders", "", "Authorization", tt.header)
				if accepted {
					if r.status != 200 {
						t.Errorf("%d %s", r.status, r.body)
					}
					continue
				}
				if r.status != 401 || r.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%d %s", r.status, r.body)
				}
				wantKeys(t, "401", r.object, "statusCode", "scheme", "realm")
			}
		})
	}
}

func TestKeysAreMerchantsAndModesAreWorlds(t *testing.T) {
	b := newBench(t, Config{})
	id := b.session(nil).object("order").text("id")
	for name, key := range map[string]string{
		"another merchant": "sk_test_other", "the same, live": "sk_live_0123456789abcdefghijkl",
	} {
		t.Run(name, func(t *testing.T) {
			r := b.send("GET", "/v1/orders/"+id, "", "Authorization", "Basic "+key)
			if r.status != 404 || r.object.text("errorCode") != "order.not-found" {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	b.key = "sk_live_0123456789abcdefghijkl"
	if s := b.session(nil); s["test"] != false || s.text("id")[:14] != "checkout_live_" {
		t.Errorf("live session %v", s)
	}
}
