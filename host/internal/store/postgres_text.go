package store

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"
)

// PostgreSQL keeps no zero byte in a text, and nothing that is not UTF-8. What merchants
// and providers write must be kept whatever it is, so these bytes are written down as
// the escape and two hexadecimal digits, and the escape itself as the escape twice. It
// is a code point that means nothing, so texts as they should be are kept as they are.
const escape = "\uFDD0"

// written returns a statement's arguments with every text as the database can keep it.
// Different texts stay different, so they are found by what they are.
func written(args []any) []any {
	copied := false
	for i, arg := range args {
		var text string
		switch v := arg.(type) {
		case string:
			text = v
		case word:
			text = string(v)
		}
		if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 && !strings.Contains(text, escape) {
			continue
		}
		if !copied { // they are the caller's, who may use them again
			args, copied = slices.Clone(args), true
		}
		args[i] = escaped(text)
	}
	return args
}

func escaped(text string) string {
	var to strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == 0 || r == utf8.RuneError && size == 1:
			to.WriteString(escape)
			to.WriteString(hex.EncodeToString([]byte(text[:1])))
		case strings.HasPrefix(text, escape):
			to.WriteString(escape + escape)
		default:
			to.WriteString(text[:size])
		}
		text = text[size:]
	}
	return to.String()
}

// unescaped returns the text that escaped was given.
func unescaped(text []byte) []byte {
	before, rest, found := bytes.Cut(text, []byte(escape))
	if !found {
		return text
	}
	to := slices.Clone(before)
	for found {
		if more, doubled := bytes.CutPrefix(rest, []byte(escape)); doubled {
			to, rest = append(to, escape...), more
		} else if b, err := hex.DecodeString(string(rest[:min(2, len(rest))])); err == nil {
			to, rest = append(to, b...), rest[len(b)*2:]
		}
		before, rest, found = bytes.Cut(rest, []byte(escape))
		to = append(to, before...)
	}
	return to
}
