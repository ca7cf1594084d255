package schemas

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxListed is how many of the allowed values a message lists.
const maxListed = 12

// message says what would be right, in words that read on from a field's name.
func (r rule) message() string {
	switch r.keyword {
	case "type":
		return "must be " + r.types()
	case "required":
		return "is required"
	case "enum", "const":
		return "must be " + r.expected(r.allowed())
	case "format":
		format, _ := r.limit.(string)
		return "must be " + r.expected(describeFormat(format))
	case "pattern":
		return "must be " + r.expected(fmt.Sprintf("text that matches %q", r.limit))
	case "not":
		return "must not be " + r.expected("what this schema excludes")
	case "false":
		return "must be absent" + r.because()
	case "multipleOf":
		return fmt.Sprintf("must be a multiple of %v", r.limit)
	case "uniqueItems":
		return "must have no two equal items"
	}
	return r.bound()
}

// bound words the limits of numbers, texts, lists and objects.
func (r rule) bound() string {
	switch r.keyword {
	case "minimum":
		return fmt.Sprintf("must be at least %v", r.limit)
	case "maximum":
		return fmt.Sprintf("must be at most %v", r.limit)
	case "exclusiveMinimum":
		return fmt.Sprintf("must be more than %v", r.limit)
	case "exclusiveMaximum":
		return fmt.Sprintf("must be less than %v", r.limit)
	case "minLength":
		return r.count("at least", "character")
	case "maxLength":
		return r.count("at most", "character")
	case "minItems":
		return r.count("at least", "item")
	case "maxItems":
		return r.count("at most", "item")
	case "minProperties":
		return r.count("at least", "field")
	case "maxProperties":
		return r.count("at most", "field")
	case "minContains", "contains":
		return "must contain " + r.expected("an item of the kind that the schema asks for")
	}
	return "breaks the schema's rule " + r.keyword
}

// count says how many there may be, and how many there are: a number of characters
// tells nothing about which they are.
func (r rule) count(bound, thing string) string {
	text := fmt.Sprintf("must have %s %v %s", bound, r.limit, thing)
	if r.limit != json.Number("1") {
		text += "s"
	}
	switch v := r.value.(type) {
	case string:
		return fmt.Sprintf("%s, has %d", text, utf8.RuneCountInString(v))
	case []any:
		return fmt.Sprintf("%s, has %d", text, len(v))
	case map[string]any:
		return fmt.Sprintf("%s, has %d", text, len(v))
	}
	return text
}

// expected returns the schema's own words for what would be right, or plain.
func (r rule) expected(plain string) string {
	if words, ok := r.holder["x-expected"].(string); ok {
		return words
	}
	return plain
}

// because returns the schema's own words for why a field must be absent.
func (r rule) because() string {
	if words := r.expected(""); words != "" {
		return ": " + words
	}
	return ""
}

func (r rule) types() string {
	if one, ok := r.limit.(string); ok {
		return article(one)
	}
	list, _ := r.limit.([]any)
	words := make([]string, 0, len(list))
	for _, t := range list {
		words = append(words, article(fmt.Sprint(t)))
	}
	return strings.Join(words, " or ")
}

func article(jsonType string) string {
	switch jsonType {
	case "null":
		return jsonType
	case "integer", "array", "object":
		return "an " + jsonType
	}
	return "a " + jsonType
}

// allowed lists the values that enum or const allows.
func (r rule) allowed() string {
	list, ok := r.limit.([]any)
	if r.keyword == "const" || !ok {
		return literal(r.limit)
	}
	words := make([]string, 0, maxListed)
	for _, v := range list[:min(len(list), maxListed)] {
		words = append(words, literal(v))
	}
	text := strings.Join(words, ", ")
	switch {
	case len(list) > maxListed:
		return fmt.Sprintf("one of %s … (%d values)", text, len(list))
	case len(list) > 1:
		return "one of " + text
	}
	return text
}

func literal(v any) string {
	if s, ok := v.(string); ok && s != "" {
		return s
	}
	text, err := json.Marshal(v)
	if err != nil { // it was decoded from JSON
		return "another value"
	}
	return string(text)
}

func describeFormat(format string) string {
	switch format {
	case "int64":
		return "an integer without fraction or exponent that fits 64 bits"
	case "date-time":
		return "a date and time with a zone, such as 2026-01-31T09:00:00Z"
	case "date":
		return "a date such as 2026-01-31"
	case "uri":
		return "an absolute URL such as https://shop.example/return"
	case "email":
		return "an e-mail address such as buyer@shop.example"
	case "uuid":
		return "a UUID"
	}
	return "a valid " + format
}

func matchesAny(name string, patterns map[string]any) bool {
	for pattern := range patterns {
		if re, err := regexp.Compile(pattern); err == nil && re.MatchString(name) {
			return true
		}
	}
	return false
}

// closest returns the known name that a misspelt one was probably meant to be: the
// only one that two edits reach.
func closest(name string, known map[string]any) string {
	if len(name) < 4 || len(name) > 64 {
		return ""
	}
	found := ""
	for k := range known {
		if edits(name, k) > 2 {
			continue
		}
		if found != "" {
			return ""
		}
		found = k
	}
	return found
}

// edits is the Levenshtein distance of a and b, in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
