package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// invalidRequest is a request that cannot be understood, or not be accepted.
type invalidRequest struct {
	code    book.Code
	message string
	details []string
}

func (e *invalidRequest) Error() string { return string(e.code) + ": " + e.message }

func malformed(message string) error {
	return &invalidRequest{code: requestMalformed, message: message}
}

// input reads one JSON object of a request, field by field, and collects what
// is wrong with it. A null is the same as no field; fields nobody asks for are
// ignored.
type input struct {
	fields map[string]any
	path   string
	faults *[]string
	form   bool // values are texts, whatever they stand for
}

// parsed is a body that has been read, or why it cannot be.
type parsed struct {
	input input
	err   error
}

// input gives the body of a request, which it reads once.
func (c *call) input() (input, error) {
	if c.parsed == nil {
		in, err := c.parse()
		c.parsed = &parsed{in, err}
	}
	return c.parsed.input, c.parsed.err
}

// parse reads the body of a request. Clients send empty bodies, and "[]" for
// an empty object; both are an object without fields.
func (c *call) parse() (input, error) {
	in := input{fields: map[string]any{}, faults: new([]string)}
	if len(bytes.TrimSpace(c.body)) == 0 {
		return in, nil
	}
	if !utf8.Valid(c.body) {
		return in, malformed("the body is not UTF-8")
	}
	if isForm(c.request.Header.Get("Content-Type"), c.body) {
		fields, err := decodeForm(c.body)
		if err != nil {
			return in, malformed("the body is not a form: " + err.Error())
		}
		in.fields, in.form = fields, true
		return in, nil
	}
	value, err := decode(c.body)
	if err != nil {
		return in, malformed("the body is not JSON: " + err.Error())
	}
	switch v := value.(type) {
	case nil:
	case map[string]any:
		in.fields = v
	case []any:
		if len(v) > 0 {
			return in, malformed("the body must be a JSON object, not an array")
		}
	default:
		return in, malformed("the body must be a JSON object")
	}
	return in, nil
}

func decode(body []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the value")
	}
	return value, nil
}

// err tells everything that was wrong, or nil.
func (in input) err() error {
	if len(*in.faults) == 0 {
		return nil
	}
	return &invalidRequest{
		code: book.RequestInvalid, message: strings.Join(*in.faults, "; "), details: *in.faults,
	}
}

func (in input) fault(name, format string, args ...any) {
	*in.faults = append(*in.faults, in.name(name)+" "+fmt.Sprintf(format, args...))
}

func (in input) name(name string) string {
	if in.path == "" {
		return name
	}
	return in.path + "." + name
}

func (in input) has(name string) bool { return in.fields[name] != nil }

func (in input) require(names ...string) {
	for _, name := range names {
		if !in.has(name) {
			in.fault(name, "is required")
		}
	}
}

// text reads a text of at least low and at most high characters; "" when absent.
func (in input) text(name string, low, high int) string {
	if !in.has(name) {
		return ""
	}
	text, ok := in.fields[name].(string)
	switch n := characters(text); {
	case !ok:
		in.fault(name, "must be a string")
	case n < low || n > high:
		in.fault(name, "must have %d to %d characters, not %d", low, high, n)
	case strings.ContainsRune(text, 0):
		in.fault(name, "must not contain NUL")
	}
	return text
}

func (in input) textOrNil(name string, low, high int) *string {
	if !in.has(name) {
		return nil
	}
	text := in.text(name, low, high)
	return &text
}

// choice reads one of a few words; "" when absent.
func (in input) choice(name string, words ...string) string {
	text := in.text(name, 0, maxText)
	if in.has(name) && !slices.Contains(words, text) {
		in.fault(name, "must be one of %s", strings.Join(words, ", "))
	}
	return text
}

// integer reads a whole number between low and high; 0 when absent.
func (in input) integer(name string, low, high int64) int64 {
	if !in.has(name) {
		return 0
	}
	number, ok := in.number(name)
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if !ok || err != nil || n < low || n > high {
		in.fault(name, "must be an integer from %d to %d", low, high)
		return 0
	}
	return n
}

func (in input) integerOrNil(name string, low, high int64) *int64 {
	if !in.has(name) {
		return nil
	}
	n := in.integer(name, low, high)
	return &n
}

// flag reads true or false; nil when absent.
func (in input) flag(name string) *bool {
	if !in.has(name) {
		return nil
	}
	value, ok := in.fields[name].(bool)
	if text, isText := in.fields[name].(string); isText && in.form {
		value, ok = text == "true", text == "true" || text == "false"
	}
	if !ok {
		in.fault(name, "must be true or false")
	}
	return &value
}

// currency reads a currency in either case and gives it in upper case.
func (in input) currency(name string) string {
	text := strings.ToUpper(in.text(name, 0, maxText))
	if in.has(name) && text != "JPY" {
		in.fault(name, "must be JPY")
	}
	return text
}

// object reads a nested object. One that is absent, or no object, has no fields.
func (in input) object(name string) input {
	nested := input{path: in.name(name), faults: in.faults, form: in.form}
	if !in.has(name) {
		return nested
	}
	switch v := in.fields[name].(type) {
	case map[string]any:
		nested.fields = v
	case []any:
		if len(v) > 0 {
			in.fault(name, "must be an object")
		}
	default:
		in.fault(name, "must be an object")
	}
	return nested
}

// texts reads a list of texts; nil when absent.
func (in input) texts(name string, limit int) []string {
	if !in.has(name) {
		return nil
	}
	values, ok := in.fields[name].([]any)
	if !ok || len(values) > limit {
		in.fault(name, "must be a list of at most %d strings", limit)
		return nil
	}
	texts := make([]string, len(values))
	for i, value := range values {
		if texts[i], ok = value.(string); !ok || characters(texts[i]) > maxURL {
			in.fault(name, "must be a list of strings, and entry %d is not one", i)
		}
	}
	return texts
}

// metadata reads pairs of texts; nil when absent.
func (in input) metadata(name string) json.RawMessage {
	if !in.has(name) {
		return nil
	}
	pairs := in.object(name)
	if len(pairs.fields) > maxMetadata {
		in.fault(name, "must have at most %d pairs, not %d", maxMetadata, len(pairs.fields))
	}
	for _, key := range slices.Sorted(maps.Keys(pairs.fields)) {
		value := pairs.fields[key]
		if characters(key) > maxMetadataKey {
			in.fault(name, "has a key longer than %d characters: %q", maxMetadataKey, key)
		}
		// One client types values as anything at all; only texts have a length.
		if text, ok := value.(string); ok && characters(text) > maxMetadataValue {
			pairs.fault(key, "must have at most %d characters, not %d", maxMetadataValue, characters(text))
		}
	}
	return pairs.raw()
}

// raw spells the object again, without its nulls.
func (in input) raw() json.RawMessage {
	if in.fields == nil {
		return json.RawMessage("{}")
	}
	return wire.Encode(withoutNulls(in.fields))
}

func withoutNulls(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(v))
		for key, inner := range v {
			if inner != nil {
				kept[key] = withoutNulls(inner)
			}
		}
		return kept
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return value
}
