package console

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
	"time"
)

//go:embed pages/*.html
var files embed.FS

//go:embed pages/style.css
var style string

// contentPolicy lets a browser use the pages' own style and nothing else.
func contentPolicy(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// parsePages makes a template of each page in its frame.
func parsePages() (map[string]*template.Template, error) {
	pages := map[string]*template.Template{}
	for _, name := range []string{"overview", "payment", "connector", "login", "returned", "problem"} {
		page, err := template.New(name).Funcs(functions()).ParseFS(files, "pages/frame.html", "pages/parts.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("console: page %s: %w", name, err)
		}
		pages[name] = page
	}
	return pages, nil
}

func functions() template.FuncMap {
	return template.FuncMap{
		"style": func() template.CSS { return template.CSS(style) }, //nolint:gosec // it is our own file
		"stamp": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"exact": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"ago":   ago,
		"short": func(digest string) string { return digest[:min(12, len(digest))] },
		"join":  func(list []string) string { return strings.Join(list, ", ") },
		"count": func(n int, one, many string) string {
			if n == 1 {
				return "1 " + one
			}
			return fmt.Sprintf("%d %s", n, many)
		},
	}
}

// ago says how long ago something was, as seen at now.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d < 0:
		return "in " + span(-d)
	case d < time.Second:
		return "just now"
	}
	return span(d) + " ago"
}

// span is a duration in its largest unit, for people.
func span(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{
		{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"},
	} {
		if n := d / unit.size; n == 1 {
			return "1 " + unit.name
		} else if n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
