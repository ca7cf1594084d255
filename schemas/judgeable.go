package schemas

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

const (
	maxDepth    = 64
	maxDigits   = 64  // characters of one number
	maxExponent = 400 // decimal; beyond a float64, and cheap to calculate with
)

// unjudgeable returns why doc must not be given to the validator, or nil. The
// validator calculates with exact fractions, which a few bytes such as 1e999999 make
// enormous, and it panics at what is not JSON.
func unjudgeable(doc any) *Violation {
	return inspect(doc, 0)
}

func inspect(v any, depth int) *Violation {
	if depth > maxDepth {
		return &Violation{Keyword: "document", Message: "is nested too deeply: at most " +
			strconv.Itoa(maxDepth) + " levels are accepted"}
	}
	switch v := v.(type) {
	case map[string]any:
		return inspectObject(v, depth)
	case []any:
		for i, item := range v {
			if bad := inspect(item, depth+1); bad != nil {
				bad.Pointer = "/" + strconv.Itoa(i) + bad.Pointer
				return bad
			}
		}
		return nil
	}
	return inspectScalar(v)
}

// inspectObject returns the fault with the smallest pointer, so that the answer does
// not depend on the order in which Go goes through a map.
func inspectObject(object map[string]any, depth int) *Violation {
	var first *Violation
	for name, field := range object {
		bad := inspect(field, depth+1)
		if name == "" { // the validator cannot tell such a field from the object around it
			bad = &Violation{Keyword: "document", Message: "must have a name"}
		}
		if bad == nil {
			continue
		}
		bad.Pointer = "/" + escape(name) + bad.Pointer
		if first == nil || bad.Pointer < first.Pointer {
			first = bad
		}
	}
	return first
}

func inspectScalar(v any) *Violation {
	switch v := v.(type) {
	case nil, bool, string, int, int8, int32, int64, uint, uint8, uint32, uint64:
		return nil
	case json.Number:
		if isReasonable(v.String()) {
			return nil
		}
		return &Violation{Keyword: "document", Message: "must be a number of ordinary size"}
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return nil
		}
	}
	return &Violation{Keyword: "document", Message: "must be a JSON value"}
}

// isReasonable reports whether n is a number in JSON's notation that is cheap to
// calculate with.
func isReasonable(n string) bool {
	if n == "" || len(n) > maxDigits || !json.Valid([]byte(n)) || strings.ContainsAny(n, `"tfn[{ `) {
		return false
	}
	e := strings.IndexAny(n, "eE")
	if e < 0 {
		return true
	}
	exponent, err := strconv.Atoi(strings.TrimPrefix(n[e+1:], "+"))
	return err == nil && -maxExponent <= exponent && exponent <= maxExponent
}

// escape makes name a token of a JSON Pointer (RFC 6901).
func escape(name string) string { return escaper.Replace(name) }

func unescape(token string) string { return unescaper.Replace(token) }

var (
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// Pointer returns the JSON Pointer (RFC 6901) to the field that path leads to.
func Pointer(path ...string) string { return pointerTo(path) }
