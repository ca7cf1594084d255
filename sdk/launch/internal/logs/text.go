package logs

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// safe is a raw line made fit to print.
func (b *Bridge) safe(line []byte, cut int) string {
	if cut > 0 {
		return printable(dropTorn(b.redact(string(line))))
	}
	return b.text(string(line))
}

// text redacts before it escapes, so that escapes cannot hide a secret.
func (b *Bridge) text(s string) string { return printable(b.redact(s)) }

// pairs makes attributes into arguments for hclog.
func (b *Bridge) pairs(attrs []attr) []any {
	args := make([]any, 0, 2*len(attrs))
	for _, a := range attrs {
		args = append(args, safeKey(a.key), b.value(a))
	}
	return args
}

func (b *Bridge) value(a attr) any {
	if namesSecret(a.key) {
		return Mask
	}
	switch v := a.value.(type) {
	case string:
		return b.text(v)
	case json.Number:
		// A number can be a card number.
		if text := b.redact(v.String()); text != v.String() {
			return text
		}
		return v
	case bool:
		return v
	default:
		return "null"
	}
}

// render is a line as a person reads it in a report.
func (b *Bridge) render(line kept) string {
	entry, ok := parse([]byte(line.text))
	if !ok {
		cut := 0
		if line.cut {
			cut = 1
		}
		return b.safe([]byte(line.text), cut)
	}
	var out strings.Builder
	out.WriteString(strings.ToUpper(entry.level.String()) + " " + b.text(entry.message))
	for _, a := range entry.attrs {
		fmt.Fprintf(&out, " %s=%v", safeKey(a.key), b.value(a))
	}
	return out.String()
}

// printable escapes what could forge a line or drive a terminal.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[0])
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return out.String()
}

const maxKey = 64

// safeKey keeps a key from posing as one of the logger's own, which start with @.
func safeKey(key string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-.", r)) {
			return r
		}
		return '_'
	}, key[:min(len(key), maxKey)])
}

// dropTorn removes the last word of a line that was cut: half a secret would not be
// recognised.
func dropTorn(s string) string {
	if end := strings.LastIndexAny(s, " \t\",;:=&"); end >= 0 {
		return s[:end+1] + "…"
	}
	return "…"
}
