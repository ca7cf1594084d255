// Package strictjson reads JSON that other people wrote, and takes it only if it can
// mean one thing.
//
// It refuses what encoding/json lets pass: text after the value, two members of one
// name, bytes that are not UTF-8, half of a surrogate pair, the NUL character. Numbers
// keep the digits they were written with. Every refusal says at which byte, and none
// repeats what stood there. The package does not judge what a value means.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds nesting. Nothing in the API's contract comes near it.
const maxDepth = 64

// A SyntaxError says why a text was refused. Offset counts bytes from 0.
type SyntaxError struct {
	Offset int64
	Reason string
}

// Error names the place.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s, at byte %d", e.Reason, e.Offset) }

// Decode reads the one value that text holds: nil, bool, string, [json.Number], []any
// or map[string]any. Its error is a [*SyntaxError].
func Decode(text []byte) (any, error) {
	if at := invalidUTF8(text); at >= 0 {
		return nil, &SyntaxError{int64(at), "the text is not valid UTF-8"}
	}
	if at := loneSurrogate(text); at >= 0 {
		return nil, &SyntaxError{int64(at), "an escape names half of a character"}
	}
	if err := wellFormed(text); err != nil {
		return nil, err
	}
	d := decoder{json.NewDecoder(bytes.NewReader(text))}
	d.UseNumber()
	return d.value(0)
}

// wellFormed refuses what is not exactly one JSON value. It comes before the walk
// over tokens, whose offsets do not say which byte was wrong.
func wellFormed(text []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(text, &whole)
	if err == nil {
		return nil
	}
	broken, ok := errors.AsType[*json.SyntaxError](err)
	if !ok || broken.Offset >= int64(len(text)) && strings.HasPrefix(broken.Error(), "unexpected end") {
		return &SyntaxError{int64(len(text)), "the text ends before the value does"}
	}
	return &SyntaxError{broken.Offset - 1, "the text is not one JSON value"}
}

// Canonical encodes a value, such as one of [Decode], so that equal values give equal
// bytes. It escapes no more than JSON needs.
func Canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Pointer makes an RFC 6901 JSON Pointer of unescaped names.
func Pointer(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return b.String()
}

type decoder struct{ *json.Decoder }

func (d decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, d.refuse(fmt.Sprintf("the value is nested more than %d deep", maxDepth))
	}
	token, err := d.token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return d.object(depth)
		}
		return d.array(depth)
	case string:
		if strings.ContainsRune(token, 0) {
			return nil, d.refuse("a text contains the NUL character")
		}
	}
	return token, nil
}

func (d decoder) object(depth int) (any, error) {
	members := make(map[string]any)
	for d.More() {
		token, err := d.token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok { // the decoder lets only names through here
			return nil, d.refuse("a member has no name")
		}
		if _, twice := members[name]; twice {
			return nil, d.refuse("a member is given twice")
		}
		if members[name], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := d.token()
	return members, err
}

func (d decoder) array(depth int) (any, error) {
	items := []any{}
	for d.More() {
		item, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := d.token()
	return items, err
}

func (d decoder) token() (json.Token, error) {
	token, err := d.Token()
	if err == nil {
		return token, nil
	}
	return nil, d.refuse("the text is not one JSON value")
}

func (d decoder) refuse(reason string) error { return &SyntaxError{d.InputOffset(), reason} }

func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// loneSurrogate finds an escaped UTF-16 surrogate without its other half, which
// encoding/json would replace by another character without saying so. It reads
// escapes wherever they stand: outside of a string they are an error anyway.
func loneSurrogate(text []byte) int {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		unit, ok := escapedUnit(text[i:])
		if !ok {
			i++ // a two-byte escape, such as \\ or \n
			continue
		}
		if unit < 0xD800 || unit > 0xDFFF {
			i += 5
			continue
		}
		low, ok := escapedUnit(text[i+6:])
		if unit >= 0xDC00 || !ok || low < 0xDC00 || low > 0xDFFF {
			return i
		}
		i += 11
	}
	return -1
}

// escapedUnit reads \uXXXX at the start of text.
func escapedUnit(text []byte) (uint16, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var unit uint16
	for _, c := range text[2:6] {
		switch {
		case c >= '0' && c <= '9':
			unit = unit<<4 | uint16(c-'0')
		case c >= 'a' && c <= 'f':
			unit = unit<<4 | uint16(c-'a'+10)
		case c >= 'A' && c <= 'F':
			unit = unit<<4 | uint16(c-'A'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}
