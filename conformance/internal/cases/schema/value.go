package schema

import (
	"encoding/base64"
	"strings"
	"time"
)

// A maker makes values that nodes allow, or nearly: that every rule of a schema is kept
// is for the compiled schema to judge.
type maker struct {
	n   func(int) int // a random number below its argument
	now time.Time
}

// texts are what people are called and write.
var texts = []string{
	"x", "Erika", "O'Brien", "山田 花子", "ﾔﾏﾀﾞ", "東京都港区芝公園4-2-8", "Zoë Ångström", "é", "👩‍👩‍👧", "שלום", `"};--</script>`,
	"%s%n{{7*7}}", "null", "0", " x", "a b",
}

// addresses are of the Web, all of them nobody's.
var addresses = []string{
	"https://host.example/r", "https://host.example/r?a=1&b=%2F8#x", "http://host.example:8080/%E6%9D%B1", "https://host.example",
	"https://host.example/" + "x/y?z=https%3A%2F%2Fhost.example%2F",
}

// value makes a value, nil if the nodes allow none that can be made.
func (m maker) value(nodes []node) any {
	nodes = expand(nodes)
	if set := words(nodes); len(set) > 0 {
		return set[m.n(len(set))]
	}
	switch kind(nodes) {
	case "string":
		return m.text(nodes)
	case "integer":
		return m.integer(nodes)
	case "boolean":
		return m.n(2) == 0
	case "array":
		return m.list(nodes)
	case "object":
		return m.object(nodes)
	}
	return nil
}

func (m maker) text(nodes []node) string {
	if has(nodes, "format", "date-time") {
		return m.now.Add(time.Duration(1+m.n(20)) * time.Minute).Format(time.RFC3339)
	}
	if has(nodes, "contentEncoding", "base64") {
		return base64.StdEncoding.EncodeToString([]byte(m.one(texts)))
	}
	text := m.one(texts)
	for _, pattern := range patterns(nodes) {
		switch {
		case strings.HasPrefix(pattern, "^https?://"):
			return m.one(addresses)
		case !strings.HasPrefix(pattern, "^[^"): // which only leaves something out
			text = matching(pattern, m.n)
		}
	}
	return m.fit(text, least(nodes, "minLength", 0), most(nodes, "maxLength", 4096))
}

// fit makes a text as long as it must be, and now and then as long as it may be.
func (m maker) fit(text string, shortest, longest int64) string {
	if text == "" {
		text = "x"
	}
	chars := []rune(text)
	want := int64(len(chars))
	if m.n(10) == 0 {
		want = longest
	}
	want = min(max(want, shortest), longest)
	for int64(len(chars)) < want {
		chars = append(chars, chars[:min(int64(len(chars)), want-int64(len(chars)))]...)
	}
	return string(chars[:want])
}

func (m maker) integer(nodes []node) int64 {
	from, to := least(nodes, "minimum", 0), most(nodes, "maximum", 1<<40)
	switch m.n(6) {
	case 0:
		return from
	case 1:
		return to
	case 2:
		return min(from+1, to)
	}
	return from + int64(m.n(int(min(to-from, 1_000_000)+1)))
}

func (m maker) list(nodes []node) []any {
	values := []any{}
	items := inner(nodes, "items")
	for range max(least(nodes, "minItems", 0), int64(m.n(4))) {
		if v := m.value(items); v != nil {
			values = append(values, v)
		}
	}
	return values
}

// object makes an object with some of the fields that are known, or a map.
func (m maker) object(nodes []node) map[string]any {
	object := map[string]any{}
	required := map[string]bool{}
	for _, n := range nodes {
		for _, name := range list(n.says["required"]) {
			if name, ok := name.(string); ok {
				required[name] = true
			}
		}
	}
	for _, name := range fields(nodes) {
		if !required[name] && m.n(2) == 0 {
			continue
		}
		if v := m.value(field(nodes, name)); v != nil {
			object[name] = v
		}
	}
	if values := inner(nodes, "additionalProperties"); len(values) > 0 {
		for range m.n(4) {
			if v := m.value(values); v != nil {
				object["key-"+matching("[a-zA-Z]{1,8}", m.n)] = v
			}
		}
	}
	return object
}

func (m maker) one(of []string) string { return of[m.n(len(of))] }
