package redirect

import "testing"

func TestCarries(t *testing.T) {
	const text = "https://host.example/r?a=1&b=%2F#top"
	tests := map[string]struct {
		body string
		want bool
	}{
		"JSON":                   {`{"url":"https://host.example/r?a=1&b=%2F#top"}`, true},
		"JSON, escaped":          {`{"deep":[{"url":"https:\/\/host.example\/r?a=1\u0026b=%2F#top"}]}`, true},
		"a form":                 {"url=https%3A%2F%2Fhost.example%2Fr%3Fa%3D1%26b%3D%252F%23top", true},
		"JSON, in other words":   {`{"url":"https://host.example/r?a=1&b=/#top"}`, false},
		"JSON, with a word more": {`{"url":"https://host.example/r?a=1&b=%2F#top2"}`, false},
		"a form, decoded once":   {"url=https%3A%2F%2Fhost.example%2Fr%3Fa%3D1", false},
		"nothing":                {"", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := carries([]byte(tt.body), text); got != tt.want {
				t.Errorf("carries is %t", got)
			}
		})
	}
}

func TestBrowsable(t *testing.T) {
	const here, there = "http://127.0.0.1:1", "https://api.example"
	tests := map[string]struct {
		page, provider string
		want           bool
	}{
		"https":                         {"https://pay.example/1", there, true},
		"http here, for one that is":    {"http://127.0.0.1:2/1", here, true},
		"http here, for one that isn't": {"http://127.0.0.1:2/1", there, false},
		"http elsewhere":                {"http://pay.example/1", here, false},
		"with a user":                   {"https://pay.example@attacker.example/", there, false},
		"a script":                      {"javascript:alert(1)", here, false},
		"nothing":                       {"", here, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := browsable("going there", tt.page, tt.provider); (err == nil) != tt.want {
				t.Errorf("%v", err)
			}
		})
	}
}
