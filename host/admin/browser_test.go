package admin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A browser keeps cookies as browsers do, as far as the console needs it.
type browser struct {
	*world
	cookies map[string]string
}

func (w *world) browser() *browser { return &browser{w, map[string]string{}} }

// operator is a browser that has signed in.
func (w *world) operator() *browser {
	w.t.Helper()
	b := w.browser()
	b.get("/console?token=" + url.QueryEscape(token)).want(http.StatusSeeOther)
	return b
}

func (b *browser) get(path string, header ...string) answer {
	b.t.Helper()
	return b.load("GET", path, nil, header)
}

// post sends a form.
func (b *browser) post(path string, form url.Values, header ...string) answer {
	b.t.Helper()
	return b.load("POST", path, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...))
}

func (b *browser) load(method, path string, body any, header []string) answer {
	b.t.Helper()
	var cookies []string
	for name, value := range b.cookies {
		cookies = append(cookies, name+"="+value)
	}
	if len(cookies) > 0 {
		header = append(header, "Cookie", strings.Join(cookies, "; "))
	}
	a := b.sendAs("", method, path, body, header...)
	for _, line := range a.header.Values("Set-Cookie") {
		cookie, err := http.ParseSetCookie(line)
		b.must(err)
		b.cookies[cookie.Name] = cookie.Value
	}
	b.guards(a)
	return a
}

var (
	tag     = regexp.MustCompile(`<(/?)([a-z][a-z0-9]*)([^>]*)>`)
	handler = regexp.MustCompile(`(?i)\s(on[a-z]+|style)\s*=`)
	quoted  = regexp.MustCompile(`"[^"]*"`)
	sheet   = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
)

// guards checks what is true of every answer of the console.
func (b *browser) guards(a answer) {
	b.t.Helper()
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
	} {
		if got := a.header.Get(name); got != want {
			b.t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	policy := a.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			b.t.Errorf("the content policy lacks %s: %s", part, policy)
		}
	}
	a.silent(token)
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && a.status != http.StatusSeeOther {
		b.page(a, policy)
	}
}

// page checks a page: its elements are closed, its style is the one that the policy
// lets in, and it brings nothing to execute.
func (b *browser) page(a answer, policy string) {
	b.t.Helper()
	var open []string
	for _, m := range tag.FindAllStringSubmatch(sheet.ReplaceAllString(a.text, ""), -1) {
		closing, name, attributes := m[1] != "", m[2], m[3]
		switch {
		case name == "script", name == "iframe", name == "object", handler.MatchString(quoted.ReplaceAllString(attributes, `""`)):
			b.t.Errorf("the page brings %s", m[0])
		case closing && (len(open) == 0 || open[len(open)-1] != name):
			b.t.Fatalf("%s closes %v:\n%s", m[0], open, a.text)
		case closing:
			open = open[:len(open)-1]
		case !strings.HasSuffix(attributes, "/") && !slices.Contains([]string{"meta", "link", "input", "br"}, name):
			open = append(open, name)
		}
	}
	if len(open) > 0 {
		b.t.Errorf("never closed: %v", open)
	}
	styles := sheet.FindAllStringSubmatch(a.text, -1)
	if len(styles) != 1 {
		b.t.Fatalf("the page has %d styles", len(styles))
	}
	sum := sha256.Sum256([]byte(styles[0][1]))
	if hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, "style-src "+hash) {
		b.t.Errorf("the policy does not let the style in: %s is not in %s", hash, policy)
	}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

// form reads the hidden fields of a page's forms.
func (a answer) form() url.Values {
	a.t.Helper()
	fields := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(a.text, -1) {
		fields.Set(m[1], html.UnescapeString(m[2]))
	}
	return fields
}
